"""How long one step of the run's own net takes, its nonlinearity alone, and the memory that a step keeps."""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from harness.core.spec import Choice
from harness.factors.activation import ACTIVATION
from harness.factors.model import ConvNet
from harness.factors.optimizer import OPTIMIZER
from harness.factors.schedule import SCHEDULE
from harness.probes.looking import PART, logits, pictures, ratio, spread
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# Rounds of a timing: at least so many, then until the seconds are over or the most are done.
FEWEST_ROUNDS, MOST_ROUNDS, ROUND_SECONDS = 3, 40, 0.03
# So short that a neighbour may slow all of a few.
OP_ROUNDS = 20
# The maps of a first layer: batch, channels, height, width. On a GPU so many that reading and writing them takes
# longer than launching what does it.
OP_SHAPE = {"cpu": (32, 16, 32, 32), "cuda": (512, 64, 32, 32)}
# What costs are told in multiples of: a net with nothing between its convolutions but a maximum.
PLAIN = {"activation": Choice("relu"), "norm": Choice("none")}


@PROBE.level("timing", uses=("activation:relu", "norm:none"))
class Timing(Observer):
    """The least of repeated timings after training; the seconds are the machine's as much as the net's.

    A step is the whole update on a batch of the run's size (of 128 pictures where that is larger), augmentation and
    optimizer included, on a copy of the net. Costs are multiples of the same with ReLU and without a norm, timed in
    turn with it: what else the machine does at that moment slows both. Of another model than the bench's ConvNet there
    is no such net, and its nonlinearity isn't the recipe's: these are not measured.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def after_training(self, recipe: Recipe) -> None:
        index = spread(len(recipe.train), min(recipe.spec.settings.batch_size, PART)).to(recipe.spec.device)
        comparable = isinstance(recipe.model, ConvNet)
        twins = [twin_of(recipe, copy.deepcopy(recipe.model))]
        twins += [twin_of(recipe, recipe.other_model(**PLAIN))] if comparable else []
        kept = backward_bytes(twins[0], index)
        steps = least([partial(twin.update, index) for twin in twins], recipe.spec.device)
        images, _ = pictures(recipe, recipe.validation, spread(len(recipe.validation), PART))
        recipe.model.eval()
        with torch.no_grad():
            (forward,) = least([lambda: logits(recipe, images)], recipe.spec.device)
        ops = [activation_op(recipe), activation_op(recipe, PLAIN["activation"])]
        own, relu = least(ops, recipe.spec.device, OP_ROUNDS) if comparable else (None, None)
        self.metrics = {
            "step_seconds": steps[0],
            "step_cost": steps[0] / steps[1] if comparable else None,
            "backward_memory_bytes": float(kept),
            "inference_seconds": forward / len(images),
            "activation_op_seconds": own,
            "activation_op_cost": ratio(own, relu),
        }

    def result(self) -> Findings:
        return Findings(self.metrics)


def twin_of(recipe: Recipe, model: Any) -> Recipe:
    """Return a recipe that trains another net, in training mode, with an optimizer of its own."""
    settings = recipe.spec.settings
    optimizer = OPTIMIZER.build(settings.optimizer, model.parameters(), settings.learning_rate)
    # Long enough that no repeat goes beyond its end.
    schedule = SCHEDULE.build(settings.schedule, optimizer, 10 * MOST_ROUNDS)
    return replace(recipe, model=model.train(), optimizer=optimizer, schedule=schedule)


def activation_op(recipe: Recipe, choice: Choice | None = None) -> Callable[[], object]:
    """Return the nonlinearity alone (by default the recipe's), forward and backward, on maps of a fixed size."""
    layer = ACTIVATION.build(choice or recipe.spec.settings.activation).to(recipe.spec.device)
    batch, channels, height, width = OP_SHAPE[recipe.spec.device]
    shape = batch, channels * getattr(layer, "pieces", 1), height, width
    size = batch * shape[1] * height * width
    x = torch.linspace(-3, 3, size, device=recipe.spec.device).reshape(shape).requires_grad_()

    def both() -> None:
        output = layer(x)
        torch.autograd.grad(output, x, torch.ones_like(output))

    return both


def backward_bytes(recipe: Recipe, index: torch.Tensor) -> int:
    """Return the bytes that the forward pass of a training step keeps for the backward pass, the model itself aside."""
    model = {tensor.untyped_storage().data_ptr() for tensor in recipe.model.state_dict().values()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        # Several operations may keep the same tensor. Held on to, its address is not given to another.
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    images, _ = recipe.batch(index)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits(recipe, images)
    return sum(one.untyped_storage().nbytes() for at, one in kept.items() if at not in model)


def least(works: Sequence[Callable[[], object]], device: str, fewest: int = FEWEST_ROUNDS) -> list[float]:
    """Return the least seconds of each callable: what else the machine does only ever adds to them."""
    return [float(seconds) for seconds in timed(works, device, fewest).min(axis=1)]


def timed(works: Sequence[Callable[[], object]], device: str = "cpu", fewest: int = FEWEST_ROUNDS) -> np.ndarray:
    """Return the seconds (works, rounds) of callables run in turn, without a first round, which warms caches up."""
    clock = seconds_on_gpu if device == "cuda" else seconds_on_cpu
    rows: list[list[float]] = []
    begun = time.perf_counter()
    while len(rows) <= fewest or (len(rows) <= MOST_ROUNDS and time.perf_counter() - begun < ROUND_SECONDS):
        rows.append([clock(work) for work in works])
    return np.array(rows[1:]).T


def seconds_on_cpu(work: Callable[[], object]) -> float:
    """Return how long a callable takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def seconds_on_gpu(work: Callable[[], object]) -> float:
    """Return how long the GPU is at what a callable gives it, by its own clock; a wait for the next launch counts."""
    started, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    started.record()
    work()
    ended.record()
    ended.synchronize()
    return started.elapsed_time(ended) / 1000
