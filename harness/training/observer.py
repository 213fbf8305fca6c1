"""What may watch a run: the moments at which the loop lets others look."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.core.registry import Registry
from harness.training.recipe import Recipe


@dataclass(frozen=True)
class Findings:
    """What an observer leaves in the record: scalars by name (None: not measured), arrays as `<probe>/<what>`."""

    metrics: dict[str, float | None] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Observer:
    """Looks, draws no randomness and changes nothing; its time is outside the run's timings.

    Whatever a look does to the model's mode, gradients and buffers and to the state of random
    generators is undone after it (`harness/training/watch.py`); weights are the observer's own to restore.
    """

    def before_training(self, recipe: Recipe) -> None:
        """Called once, with the weights as they were initialised."""

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        """Say whether to look at an update; `step` counts from 0 through the whole run."""
        return False

    def before_update(self, recipe: Recipe, step: int) -> None:
        """Called before an update that is watched."""

    def after_update(self, recipe: Recipe, step: int) -> None:
        """Called after an update that is watched, with the gradients that made it."""

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        """Called after every evaluation, with the epoch's entry in the curves."""

    def after_training(self, recipe: Recipe) -> None:
        """Called once with the weights of the last update, also if the run diverged or timed out."""

    def at_best(self, recipe: Recipe) -> None:
        """Called once with the weights that are judged on the test split; not if the run didn't finish."""

    def state_dict(self) -> dict[str, Any]:
        """Return what it has seen: its attributes, none of which may be a part of the net itself."""
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on as the observer that `state` was taken from."""
        vars(self).update(state)

    def result(self) -> Findings:
        """Return what goes into the record, whatever has been seen by then."""
        return Findings()


PROBE: Registry[type[Observer]] = Registry("probe")
