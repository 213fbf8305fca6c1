"""How long one step of the run's own net takes, and its nonlinearity alone."""

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import torch

from harness.factors.activation import ACTIVATION
from harness.factors.optimizer import OPTIMIZER
from harness.factors.schedule import SCHEDULE
from harness.probes.looking import PART, logits, pictures, spread
from harness.probes.observer import PROBE, Findings, Observer

if TYPE_CHECKING:
    from harness.training.recipe import Recipe

STEP_REPEATS = 5
OP_REPEATS = 15
# The maps of a first layer: batch, channels, height, width.
OP_SHAPE = (32, 16, 32, 32)


@PROBE.level("timing")
class Timing(Observer):
    """Medians of repeated timings after training; they are the machine's as much as the net's.

    A step is the whole update on a batch of the run's size, augmentation and optimizer included, on a copy of the net.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def after_training(self, recipe: "Recipe") -> None:
        twin = twin_of(recipe)
        index = spread(len(recipe.train), recipe.spec.settings.batch_size).to(recipe.spec.device)
        twin.model.train()
        step = seconds(lambda: twin.update(index), STEP_REPEATS, recipe.spec.device)
        images, _ = pictures(recipe, recipe.validation, spread(len(recipe.validation), PART))
        recipe.model.eval()
        with torch.no_grad():
            forward = seconds(lambda: logits(recipe, images), STEP_REPEATS, recipe.spec.device)
        self.metrics = {
            "step_seconds": step,
            "inference_seconds": forward / len(images),
            "activation_op_seconds": activation_op(recipe),
        }

    def result(self) -> Findings:
        return Findings(self.metrics)


def twin_of(recipe: "Recipe") -> "Recipe":
    """Return a recipe that trains a copy of the net with an optimizer of its own."""
    settings = recipe.spec.settings
    model = copy.deepcopy(recipe.model)
    optimizer = OPTIMIZER.build(settings.optimizer, model.parameters(), settings.learning_rate)
    # Long enough that no repeat goes beyond its end.
    schedule = SCHEDULE.build(settings.schedule, optimizer, 10 * STEP_REPEATS)
    return replace(recipe, model=model, optimizer=optimizer, schedule=schedule)


def activation_op(recipe: "Recipe") -> float:
    """Return the seconds of the nonlinearity alone, forward and backward, on maps of a fixed size."""
    layer = ACTIVATION.build(recipe.spec.settings.activation).to(recipe.spec.device)
    batch, channels, height, width = OP_SHAPE
    shape = batch, channels * getattr(layer, "pieces", 1), height, width
    size = batch * shape[1] * height * width
    x = torch.linspace(-3, 3, size, device=recipe.spec.device).reshape(shape).requires_grad_()

    def both() -> None:
        output = layer(x)
        torch.autograd.grad(output, x, torch.ones_like(output))

    return seconds(both, OP_REPEATS, recipe.spec.device)


def seconds(work: Callable[[], object], repeats: int, device: str) -> float:
    """Return the median time of `work`; a first call, which warms caches up, doesn't count."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return median(times[1:])
