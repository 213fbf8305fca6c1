"""Lets observers look at a run outside its clock, its memory mark and its luck."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from typing import Any

import numpy as np
import torch

from harness.training.device import PeakMemory
from harness.training.history import History
from harness.training.observer import Observer
from harness.training.recipe import Recipe


class Watch:
    """The observers of one run. The seconds they take go to `history.aside`."""

    def __init__(self, observers: Sequence[Observer], history: History, memory: PeakMemory) -> None:
        self.observers, self.history, self.memory = observers, history, memory

    def look(self, moment: str, recipe: Recipe, *seen: Any, observers: Sequence[Observer] | None = None) -> None:
        """Call the method `moment` of every observer."""
        observers = self.observers if observers is None else observers
        if not observers:
            return
        if recipe.spec.device == "cuda":
            # What the GPU still has to do is the run's, not the observer's.
            torch.cuda.synchronize()
        started = time.perf_counter()
        with self.memory.paused():
            for observer in observers:
                # Each by itself: one observer must not see what another did either.
                with undisturbed(recipe):
                    getattr(observer, moment)(recipe, *seen)
        if recipe.spec.device == "cuda":
            torch.cuda.synchronize()
        self.history.aside += time.perf_counter() - started

    @contextmanager
    def update(self, recipe: Recipe) -> Iterator[None]:
        """Let those who asked for this step look before and after the update in the block."""
        step = self.history.steps
        steps_per_epoch = ceil(recipe.epoch_images / recipe.spec.settings.batch_size)
        watching = [one for one in self.observers if one.watches(step, steps_per_epoch)]
        self.look("before_update", recipe, step, observers=watching)
        yield
        self.look("after_update", recipe, step, observers=watching)

    def state_dict(self) -> list[dict[str, Any]]:
        """Return what every observer has seen so far."""
        return [observer.state_dict() for observer in self.observers]

    def load_state_dict(self, state: Sequence[dict[str, Any]]) -> None:
        """Give every observer back what it had seen."""
        for observer, seen in zip(self.observers, state, strict=True):
            observer.load_state_dict(seen)

    def findings(self) -> tuple[dict[str, float | None], dict[str, np.ndarray]]:
        """Return the metrics and arrays of all observers, and how long they took in all."""
        metrics: dict[str, float | None] = {}
        arrays: dict[str, np.ndarray] = {}
        for observer in self.observers:
            found = observer.result()
            metrics |= found.metrics
            arrays |= found.arrays
        return metrics | ({"probe_seconds": self.history.aside} if metrics else {}), arrays


@contextmanager
def undisturbed(recipe: Recipe) -> Iterator[None]:
    """Undo whatever the block does to modes, buffers, gradients and random generators; not to weights."""
    model = recipe.model
    modes = {module: module.training for module in model.modules()}
    buffers = {name: value.clone() for name, value in model.named_buffers()}
    gradients = [(parameter, parameter.grad) for parameter in model.parameters()]
    # Copies: a backward pass in the block would add to the gradients in place.
    for parameter, gradient in gradients:
        parameter.grad = None if gradient is None else gradient.clone()
    luck = recipe.luck_state()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for name, value in model.named_buffers():
                value.copy_(buffers[name])
        for parameter, gradient in gradients:
            parameter.grad = gradient
        recipe.restore_luck(luck)
