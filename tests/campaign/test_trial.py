from collections.abc import Callable

import pytest

from harness.campaign import trial
from harness.core.spec import RunSpec
from harness.training.split import RunData


def test_a_search_takes_as_long_as_its_trials(
    spec: Callable[..., RunSpec], run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated: list[RunSpec] = []

    def one_second_an_epoch(one: RunSpec, data: RunData) -> float:
        estimated.append(one)
        return float(one.settings.epochs)

    seconds_of = trial.seconds_of
    monkeypatch.setattr(trial, "seconds_of", one_second_an_epoch)
    assert seconds_of(spec(search="grid", epochs=4), run_data) == 9 * 4
    assert seconds_of(spec(search="coarse_to_fine", epochs=4), run_data) == 5 * 2 + 4 * 4
    assert {one.settings.search.name for one in estimated} == {"none"}
    assert {one.settings.penalty.name for one in estimated} == {"l2"}


def test_kinds_of_searches_are_measured_once_each(
    spec: Callable[..., RunSpec], run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[RunSpec] = []

    def first_one_second_then_two(one: RunSpec, data: RunData) -> float:
        measured.append(one)
        return float(len(measured))

    monkeypatch.setattr(trial, "seconds_of", first_one_second_then_two)
    specs = [spec(seed=seed, search=search) for seed in range(3) for search in ("grid", "random")]
    assert trial.estimate(specs, run_data) == 3 * 1 + 3 * 2
