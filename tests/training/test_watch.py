from collections.abc import Callable

import pytest
import torch

from harness.core.spec import RunSpec
from harness.training import loop
from harness.training.loop import run
from harness.training.observer import Findings, Observer
from harness.training.recipe import Recipe
from harness.training.split import RunData

Spec = Callable[..., RunSpec]


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(loop.time, "perf_counter", clock)
    update = Recipe.update

    def slow(recipe: Recipe, index: torch.Tensor) -> torch.Tensor:
        clock.now += 1
        return update(recipe, index)

    monkeypatch.setattr(Recipe, "update", slow)
    return clock


class Nosy(Observer):
    """Takes long at every moment, and leaves a mess."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.moments = clock, []  # type: ignore[var-annotated]

    def mess(self, moment: str, recipe: Recipe) -> None:
        self.clock.now += 1000
        self.moments.append(moment)
        recipe.model.eval()
        torch.rand(3)
        torch.randperm(3, generator=recipe.order)
        for buffer in recipe.model.buffers():
            buffer.zero_()
        for parameter in recipe.model.parameters():
            if parameter.grad is not None:
                parameter.grad.zero_()

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        return step % steps_per_epoch == 1

    def before_training(self, recipe: Recipe) -> None:
        self.mess("before_training", recipe)

    def before_update(self, recipe: Recipe, step: int) -> None:
        self.mess(f"before_update {step}", recipe)

    def after_update(self, recipe: Recipe, step: int) -> None:
        self.mess(f"after_update {step}", recipe)

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        self.mess("after_epoch", recipe)

    def after_training(self, recipe: Recipe) -> None:
        self.mess("after_training", recipe)

    def at_best(self, recipe: Recipe) -> None:
        self.mess("at_best", recipe)

    def result(self) -> Findings:
        return Findings({"moments": float(len(self.moments))})


def test_observers_are_outside_the_clock_and_cannot_disturb(spec: Spec, run_data: RunData, clock: Clock) -> None:
    one = spec(max_train_seconds=60)
    nosy = Nosy(clock)
    watched, alone = run(one, run_data, [nosy]), run(one, run_data)
    assert nosy.moments == [
        "before_training",
        *("before_update 1", "after_update 1", "after_epoch"),
        *("before_update 4", "after_update 4", "after_epoch"),
        *("after_training", "at_best"),
    ]
    assert watched.status == "done", "a limit of 60 s leaves the observer's 9000 s out"
    assert watched.metrics["train_seconds"] == alone.metrics["train_seconds"] == 6
    assert watched.metrics["evaluation_seconds"] == alone.metrics["evaluation_seconds"]
    assert watched.curves == alone.curves
    assert watched.metrics["test_accuracy"] == alone.metrics["test_accuracy"]
    assert watched.metrics["probe_seconds"] == 9000
    assert "probe_seconds" not in alone.metrics


def test_memory_that_an_observer_holds_is_left_out(spec: Spec, run_data: RunData) -> None:
    class Hungry(Observer):
        def before_training(self, recipe: Recipe) -> None:
            torch.ones(100_000_000)

    alone = run(spec(), run_data).metrics["peak_memory_bytes"]
    watched = run(spec(), run_data, [Hungry()]).metrics["peak_memory_bytes"]
    if alone is None or watched is None:
        pytest.skip("the system does not tell")
    assert watched < 200e6
