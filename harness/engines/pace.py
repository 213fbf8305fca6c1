"""How fast one of several processes trains, which decides how many of them a GPU is given."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, count

import torch

from harness.core.spec import RunSpec
from harness.training.device import set_up_process
from harness.training.recipe import Recipe
from harness.training.split import RunData
from harness.training.step import Step, step_of

# Steps between two looks at the clock, for which a GPU has to finish what it was given.
STEPS = 20
# What CUDA takes of a GPU for each process, beside what torch takes.
CONTEXT_BYTES = 600 << 20
# Of the memory of a GPU, kept free: other runs of a grid need more than the one that is tried.
SPARE = 0.25


@dataclass(frozen=True)
class Try:
    """To be called by a worker: train `spec` for some seconds and throw it away; with 0 seconds only make ready.

    The code of workers is part of every fingerprint, and mentions no pace: it has nothing to do with results.
    """

    spec: RunSpec
    seconds: float

    @property
    def device(self) -> str:
        """The kind of device that it needs the data on."""
        return self.spec.device

    def __call__(self, data: RunData) -> "Pace":
        """Return how fast it went."""
        return pace(self, data)


@dataclass(frozen=True)
class Pace:
    """The steps a second of a try, and how many more such processes the memory of the GPU has room for."""

    steps_per_second: float
    room: int


def pace(wanted: Try, data: RunData) -> Pace:
    """Train for a moment; the seconds are those of steps alone, after the first ones."""
    spec = wanted.spec
    set_up_process(spec.threads, spec.precision)
    # As many epochs as it takes: no schedule ends before the seconds do.
    recipe = Recipe.build(replace(spec, settings=spec.settings.changed(epochs=1_000_000)), data)
    recipe.model.train()
    batches = chain.from_iterable(recipe.batches() for _ in count())
    update = step_of(recipe)
    take(recipe, update, batches, STEPS)
    started, steps = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - started) < wanted.seconds:
        take(recipe, update, batches, STEPS)
        steps += STEPS
    return Pace(steps / elapsed if steps else 0.0, room_beside(spec.device))


def take(recipe: Recipe, update: Step, batches: Iterator[torch.Tensor], steps: int) -> None:
    """Train some steps and wait for their end."""
    for _ in range(steps):
        update(next(batches))
    if recipe.spec.device == "cuda":
        torch.cuda.synchronize()


def room_beside(device: str) -> int:
    """Return how many more processes like this one the GPU has memory for; on a CPU more than anyone asks for."""
    if device == "cpu":
        return 1024
    free, total = torch.cuda.mem_get_info()
    return max(0, int((free - SPARE * total) // (CONTEXT_BYTES + torch.cuda.max_memory_reserved())))
