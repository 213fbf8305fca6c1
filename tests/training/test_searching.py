import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from math import log10
from typing import Any

import numpy as np
import pytest

from harness.core.spec import Choice, RunResult, RunSpec
from harness.data.prepared import Prepared
from harness.engines.events import Epoch, Finished
from harness.engines.local import LocalEngine
from harness.factors.search import SEARCH, SPACE
from harness.training import search as module
from harness.training.loop import run
from harness.training.search import execute, trial_spec
from harness.training.split import RunData
from tests.conftest import ROOT
from tests.training.test_loop import numbers

Spec = Callable[..., RunSpec]


def tried(result: RunResult) -> dict[str, np.ndarray]:
    return {name.removeprefix("search/"): a for name, a in result.arrays.items() if name.startswith("search/")}


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[RunSpec]]:
    """Runs that take no time: `outcome` maps the number of a trial to its result's fields. Returns what was run."""

    def replace_runs(outcome: Callable[[int], dict[str, Any]]) -> list[RunSpec]:
        seen: list[RunSpec] = []

        def fake(spec: RunSpec, data: RunData, observers: Sequence[Any], checkpoint: object = None) -> RunResult:
            fields = outcome(len(seen))
            seen.append(spec)
            metrics = {"peak_memory_bytes": None, "steps": 10, "train_seconds": 1.0} | fields.pop("metrics")
            settings = spec.settings.to_json()
            return RunResult(spec.fingerprint, settings=settings, seed=spec.seed, data_digest="", metrics=metrics,
                             curves={}, per_class_accuracy={}, environment={}, **{"status": "done"} | fields)  # fmt: skip

        monkeypatch.setattr(module, "run", fake)
        return seen

    return replace_runs


def accuracies(*values: float) -> Callable[[int], dict[str, Any]]:
    """Of the trials on validation; on test the other way round."""
    return lambda n: {"metrics": {"best_validation_accuracy": values[n], "test_accuracy": 1 - values[n]}}


def test_a_run_without_search_is_an_ordinary_run(spec: Spec, run_data: RunData) -> None:
    assert numbers(execute(spec(), run_data)) == numbers(run(spec(), run_data))


def test_the_record_is_the_best_trial_with_what_all_took(spec: Spec, run_data: RunData) -> None:
    searching = spec(search={"random": {"trials": 3}})
    result = execute(searching, run_data)
    found = tried(result)
    assert result.settings == searching.settings.to_json()
    assert result.metrics["trials"] == 3
    assert result.metrics["steps"] == 3 * 2 * 3, "80 pictures in batches of 32, two epochs, three trials"
    best = int(found["validation_accuracy"].argmax())
    assert result.metrics["best_validation_accuracy"] == found["validation_accuracy"][best]
    values = {name: found[name][best].item() for name in SPACE}
    assert {name: result.metrics[f"found_{name}"] for name in SPACE} == values
    # Trained alone, it is the same to the last bit.
    alone = run(trial_spec(searching, SEARCH.build(searching.settings.search)[0], values), run_data)
    assert result.curves["validation_loss"] == alone.curves["validation_loss"]
    assert result.metrics["test_accuracy"] == alone.metrics["test_accuracy"]
    assert (result.arrays["test_probabilities"] == alone.arrays["test_probabilities"]).all()


def test_a_search_is_equal_in_any_process_and_order(spec: Spec, prepared: Prepared, run_data: RunData) -> None:
    specs = [spec(seed=seed, search={"coarse_to_fine": {"trials": 3}}) for seed in (0, 1)]
    here = {one.fingerprint: numbers(execute(one, run_data)) for one in specs}
    assert here == {one.fingerprint: numbers(execute(one, run_data)) for one in specs[::-1]}
    with LocalEngine(prepared.folder, 2) as engine:
        events = list(engine.execute(specs[::-1]))
    assert {e.spec.fingerprint: numbers(e.result) for e in events if isinstance(e, Finished)} == here
    trials = [e.trial for e in events if isinstance(e, Epoch) and e.spec == specs[0]]
    # Two coarse trials of one epoch each, one of two.
    assert trials == [1, 2, 3, 3]


def test_a_grid_has_every_combination(spec: Spec, run_data: RunData, made_up: Callable[..., list[RunSpec]]) -> None:
    made_up(accuracies(*[0.5] * 9))
    found = tried(execute(spec(search="grid"), run_data))
    pairs = set(zip(*(found[name].round(12).tolist() for name in SPACE), strict=True))
    middles = ([round(v, 12) for v in one.middles(3)] for one in SPACE.values())
    assert pairs == set(product(*middles))


def test_draws_are_from_the_seed(spec: Spec, run_data: RunData, made_up: Callable[..., list[RunSpec]]) -> None:
    def drawn(seed: int, search: Any) -> list[tuple[float, ...]]:
        made_up(lambda n: {"metrics": {"best_validation_accuracy": 0.5}})
        found = tried(execute(spec(seed=seed, search=search), run_data))
        return list(zip(*(found[name].tolist() for name in SPACE), strict=True))

    first = drawn(0, "random")
    np.random.seed(3)
    assert drawn(0, "random") == first
    assert drawn(1, "random") != first
    assert len({value for pair in first for value in pair}) == 18, "every trial tries new values"
    assert all(r.low <= v <= r.high for pair in first for v, r in zip(pair, SPACE.values(), strict=True))
    # Same luck for both: what differs is what follows.
    assert drawn(0, "coarse_to_fine")[:5] == first[:5]


def test_fine_trials_are_near_the_best_coarse_one_and_longer(
    spec: Spec, run_data: RunData, made_up: Callable[..., list[RunSpec]]
) -> None:
    # The third is the best coarse trial; among the fine ones, of which the first is better, nothing narrows again.
    seen = made_up(accuracies(0.1, 0.2, 0.4, 0.3, 0.1, 0.9, 0.1, 0.1, 0.1))
    found = tried(execute(spec(search="coarse_to_fine", epochs=6), run_data))
    assert found["stage"].tolist() == [0] * 5 + [1] * 4
    assert found["epochs"].tolist() == [one.settings.epochs for one in seen] == [3] * 5 + [6] * 4
    for name, whole in SPACE.items():
        away = np.abs(np.log10(found[name][5:] / found[name][2]))
        assert away.max() <= 0.33 / 2 * log10(whole.high / whole.low) + 1e-9
        assert found[name][5:].min() >= whole.low
        assert found[name][5:].max() <= whole.high


def test_validation_chooses(spec: Spec, run_data: RunData, made_up: Callable[..., list[RunSpec]]) -> None:
    made_up(accuracies(0.3, 0.6, 0.6, 0.2))
    result = execute(spec(search={"random": {"trials": 4}}), run_data)
    assert result.metrics["test_accuracy"] == 0.4
    assert result.metrics["found_learning_rate"] == tried(result)["learning_rate"][1], "of equals, the first"
    assert result.metrics["train_seconds"] == 4.0


def test_a_trial_that_does_not_finish_comes_last(
    spec: Spec, run_data: RunData, made_up: Callable[..., list[RunSpec]]
) -> None:
    def outcome(number: int) -> dict[str, Any]:
        # It was the best by far before it broke off.
        broken = number == 0
        accuracy = 0.99 if broken else 0.1 * number
        return {
            "status": "diverged" if broken else "done",
            "metrics": {"best_validation_accuracy": accuracy, "peak_memory_bytes": 100 - number},
        }

    made_up(outcome)
    result = execute(spec(search={"random": {"trials": 3}}), run_data)
    assert result.status == "done"
    assert tried(result)["validation_accuracy"].tolist() == pytest.approx([0.0, 0.1, 0.2])
    assert result.metrics["best_validation_accuracy"] == pytest.approx(0.2)
    assert result.metrics["peak_memory_bytes"] == 100


def test_a_search_of_which_nothing_finishes_has_not_finished(
    spec: Spec, run_data: RunData, made_up: Callable[..., list[RunSpec]]
) -> None:
    made_up(lambda n: {"status": "diverged", "metrics": {"best_validation_accuracy": None}})
    result = execute(spec(search="coarse_to_fine"), run_data)
    assert result.status == "diverged"
    assert tried(result)["validation_accuracy"].tolist() == [0.0] * 9


def test_probes_see_the_trial_that_is_recorded(spec: Spec, run_data: RunData) -> None:
    searching = replace(spec(search={"random": {"trials": 2}}), probes=("gap",))
    result = execute(searching, run_data)
    values = {name: result.metrics[f"found_{name}"] for name in SPACE}
    stage = SEARCH.build(searching.settings.search)[0]
    alone = execute(trial_spec(searching, stage, values), run_data)  # type: ignore[arg-type]
    assert result.metrics["inference_gap"] == alone.metrics["inference_gap"]


def test_settings_that_a_search_looks_for_make_no_other_run(spec: Spec) -> None:
    assert spec(search="grid", learning_rate=0.3, penalty="l1").settings == spec(search="grid").settings
    assert spec(search="grid").settings.search == Choice.of("grid", {"trials": 9})


def test_a_run_without_search_does_not_import_optuna() -> None:
    code = "import sys, harness.training.search, harness.cli, harness.planning.plan; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
