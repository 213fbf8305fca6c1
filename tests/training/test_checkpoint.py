"""A run that is cut off and goes on from its checkpoint ends as if nothing had happened, to the bit."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import harness.factors  # noqa: F401
from harness.core.spec import RunSpec
from harness.factors.augmentation import AUGMENTATION
from harness.factors.auxiliary import AUXILIARY
from harness.factors.optimizer import OPTIMIZER
from harness.factors.schedule import SCHEDULE
from harness.factors.transfer import TRANSFER
from harness.probes import PROBE
from harness.training.checkpoint import Checkpoint
from harness.training.observer import Observer
from harness.training.recipe import Recipe
from harness.training.search import execute
from harness.training.split import RunData
from tests.training.test_loop import numbers

Spec = Callable[..., RunSpec]


class Cut(Exception):  # noqa: N818
    """Stands for the end of the process."""


class CutAt(Observer):
    """Ends the run before one of its updates."""

    def __init__(self, at: int) -> None:
        self.at = at

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        return step == self.at

    def before_update(self, recipe: Recipe, step: int) -> None:
        raise Cut

    def state_dict(self) -> dict[str, Any]:
        return {}


def cut_and_resumed(spec: RunSpec, data: RunData, path: Path, cuts: Sequence[int]) -> object:
    """Cut a run off at some updates, with a checkpoint after every epoch; return what it ends with."""
    for at in cuts:
        with pytest.raises(Cut):
            execute(spec, data, [CutAt(at)], Checkpoint(path, 0))
    return numbers(execute(spec, data, [CutAt(-1)], Checkpoint(path, 0)))


LEVELS = [
    *({"optimizer": name} for name in OPTIMIZER.names),
    *({"schedule": name} for name in SCHEDULE.names),
    *({"transfer": name} for name in TRANSFER.names),
    *({"auxiliary": name} for name in AUXILIARY.names),
    *({"augmentation": name} for name in AUGMENTATION.names),
    {"dropout": 0.5, "evaluate_every": 2},
    {"sampling": "long_tailed_weighted"},
    {"patience": 1, "optimizer": "sgd", "learning_rate": 1e-6},
]


@pytest.mark.parametrize("changes", LEVELS, ids=lambda changes: "-".join(f"{k}={v}" for k, v in changes.items()))
def test_whatever_has_a_state_goes_on_as_it_was(
    changes: dict[str, Any], spec: Spec, run_data: RunData, tmp_path: Path
) -> None:
    one = spec(epochs=4, **changes)
    whole = execute(one, run_data)
    steps = whole.metrics["steps"]
    assert steps
    # In the third epoch where there is one.
    assert cut_and_resumed(one, run_data, tmp_path / "state", [int(steps * 5 // 8)]) == numbers(whole)


def test_probes_and_random_cuts(spec: Spec, run_data: RunData, tmp_path: Path) -> None:
    probes = tuple(name for name in PROBE.names if name not in ("timing", "batch_cost"))
    luck = random.Random(0)
    for number in range(5):
        one = replace(spec(seed=number, epochs=4, dropout=0.3, augmentation="flip_crop"), probes=probes)
        whole = execute(one, run_data)
        steps = int(whole.metrics["steps"] or 0)
        cuts = sorted(luck.randrange(steps) for _ in range(10))
        assert cut_and_resumed(one, run_data, tmp_path / f"{number}", cuts) == numbers(whole), cuts


def test_a_damaged_checkpoint_is_not_read(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "folder" / "state", 0)
    assert checkpoint.load() is None
    checkpoint.save({"epoch": 3})
    assert checkpoint.load() == {"epoch": 3}
    for damaged in (lambda old: old[:-1], lambda old: old[:40] + b"x" + old[41:], lambda old: b""):
        checkpoint.save({"epoch": 3})
        checkpoint.path.write_bytes(damaged(checkpoint.path.read_bytes()))
        assert checkpoint.load() is None
