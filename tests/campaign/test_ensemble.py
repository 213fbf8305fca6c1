"""Ensembles: which runs they average, what comes out, and that nothing is trained for them."""

import csv
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from harness.campaign.ensemble import SMALLEST, average, record_ensembles
from harness.cli import app
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import RunResult, RunSpec, Settings
from harness.data.prepared import Prepared
from harness.planning import fingerprint as fingerprint_module
from harness.planning.fingerprint import HARNESS, fingerprint, identity_of_ensemble
from harness.planning.plan import Plan, make_plan
from harness.planning.studies import load_study
from harness.planning.target import Target
from harness.planning.tuning import FIRST_TUNING_SEED
from harness.source.code import Code
from harness.training.loop import run
from harness.training.split import RunData
from tests.conftest import ROOT
from tests.test_cli import edit

STUDY = "title: E\nquestion: Q\nfactor: ensemble\nlevels: [1, 2, 3, 5]\ncontrol: '1'\n"
OTHER = "title: A\nquestion: Q\nfactor: activation\nlevels: [relu, tanh]\ncontrol: relu\n"
SEEDS = 3
CLASSES = ("cat", "dog")
PlanOf = Callable[..., Plan]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def plan_of(tmp_path: Path, recipe: dict[str, Any], target: Target, store: Store) -> PlanOf:
    def make(*texts: str) -> Plan:
        studies = []
        for number, text in enumerate(texts):
            path = tmp_path / f"study{number}.yaml"
            path.write_text(text)
            studies.append(load_study(path))
        return make_plan(studies, recipe, SEEDS, "smoke", target, store)

    return make


def seeds_by_level(plan: Plan) -> dict[str, list[list[int]]]:
    return {arm.arm.level: [[m.seed for m in spec.members] for spec in arm.runs] for arm in plan.arms}


def member(spec: RunSpec, probabilities: Any = None, **changes: Any) -> RunResult:
    """A record as training leaves it; without probabilities it broke off."""
    metrics = {"parameters": 10, "steps": 4, "train_seconds": 1.5, "evaluation_seconds": 0.5, "peak_memory_bytes": 7}
    arrays = {} if probabilities is None else {"test_probabilities": np.array(probabilities, np.float16)}
    result = RunResult(spec.fingerprint, "done", spec.settings.to_json(), spec.seed, "d", metrics, {}, {}, {})
    return replace(result, arrays=arrays, **changes)


def ensemble_of(plan_of: PlanOf, level: str) -> RunSpec:
    return next(planned.runs[0] for planned in plan_of(STUDY).arms if planned.arm.level == level)


# Which runs are averaged.


def test_members_are_disjoint_between_seeds_and_nested_between_levels(plan_of: PlanOf) -> None:
    seeds = seeds_by_level(plan_of(STUDY))
    assert seeds["1"] == [[], [], []], "a single run is an ordinary run"
    assert seeds["5"] == [[0, 3, 6, 9, 12], [1, 4, 7, 10, 13], [2, 5, 8, 11, 14]]
    for smaller, larger in (("2", "3"), ("3", "5")):
        assert all(a == b[: len(a)] for a, b in zip(seeds[smaller], seeds[larger], strict=True))
    every = [seed for members in seeds["5"] for seed in members]
    assert len(every) == len(set(every))


def test_the_first_member_is_the_single_run_of_the_same_seed(plan_of: PlanOf) -> None:
    plan = plan_of(STUDY)
    single, *others = plan.arms
    for planned in others:
        assert [spec.members[0] for spec in planned.runs] == list(single.runs)
        assert [spec.seed for spec in planned.runs] == [0, 1, 2]


def test_members_are_folded_and_alone_are_trained(plan_of: PlanOf) -> None:
    plan = plan_of(STUDY, OTHER)
    # 3 controls, 12 further members, 3 of tanh; 3 ensembles of each of 3 sizes.
    assert len(plan.pending) == 3 + 12 + 3
    assert len(plan.averages) == 9
    assert len(plan.distinct) == 27
    assert all(spec.settings.ensemble == 1 and not spec.members for spec in plan.pending.values())
    assert all(spec.settings.ensemble == len(spec.members) > 1 for spec in plan.averages.values())


def test_probes_watch_the_members_as_they_watch_the_single_run(plan_of: PlanOf) -> None:
    plan = plan_of(STUDY, OTHER + "probes: [gap]\n")
    single, pair = plan.arms[:2]
    assert single.runs[0].probes == ("gap",)
    assert pair.runs[0].members[0] == single.runs[0]
    assert not pair.runs[0].probes


def test_a_context_may_average_too(plan_of: PlanOf) -> None:
    plan = plan_of(OTHER + "contexts: {one: {}, three: {ensemble: 3}}\n")
    assert seeds_by_level(plan)["tanh"] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert {m.settings.activation.name for m in plan.arms[-1].runs[0].members} == {"tanh"}


def test_a_rate_is_tuned_on_single_members(plan_of: PlanOf, store: Store) -> None:
    text = STUDY + "tune: {setting: learning_rate, values: [0.1, 0.01], seeds: 1, contexts: [default]}\n"
    plan = plan_of(text)
    assert len(plan.pending) == 2, "the trials of all levels are the same runs"
    for _ in range(2):
        for spec in plan.pending.values():
            assert spec.settings.ensemble == 1
            assert spec.seed == FIRST_TUNING_SEED
            accuracy = {"best_validation_accuracy": -abs(spec.settings.learning_rate - 0.1)}
            store.write(member(spec, metrics=accuracy))
        plan = plan_of(text)
    assert plan.waiting == 0
    assert {m.settings.learning_rate for m in plan.arms[-1].runs[0].members} == {0.1}


def test_what_cannot_be_averaged_or_tuned_is_refused(
    plan_of: PlanOf, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=r"ensemble 2 with transfer frozen.*set ensemble to 1"):
        settings(ensemble=2, transfer="frozen")
    assert settings(ensemble=1, transfer="frozen").ensemble == 1
    with pytest.raises(SettingError, match=r"tune\.setting can't be ensemble.*make it the factor"):
        plan_of(OTHER + "tune: {setting: ensemble, values: [1, 2], contexts: [default]}\n")
    for wrong in ("0", "65", "1.5"):
        with pytest.raises(SettingError, match=r"ensemble in .*(1 to 64|whole number)"):
            plan_of(STUDY.replace("5]", f"{wrong}]"))


# What comes out.


def test_probabilities_are_averaged_and_judged_as_those_of_a_run(plan_of: PlanOf) -> None:
    spec = ensemble_of(plan_of, "2")
    first = member(spec.members[0], [[1.0, 0.0], [0.75, 0.25], [0.5, 0.5], [0.75, 0.25]])
    second = member(spec.members[1], [[0.5, 0.5], [0.0, 1.0], [0.25, 0.75], [0.5, 0.5]])
    result = average(spec, [first, second], np.array([0, 1, 1, 1]), CLASSES)
    # Means: 0.75 for the cat; 0.625, 0.625 and 0.375 for the dogs. One alone has 1 and 3 of 4 right, or a tie.
    assert result.status == "done"
    assert result.metrics["test_accuracy"] == 0.75
    expected = -(math.log(0.75) + 2 * math.log(0.625) + math.log(0.375)) / 4
    assert result.metrics["test_cross_entropy"] == pytest.approx(expected, rel=1e-12)
    assert result.metrics["test_loss"] == result.metrics["test_cross_entropy"]
    assert result.per_class_accuracy == {"cat": 1.0, "dog": pytest.approx(2 / 3)}
    assert result.arrays["test_probabilities"].tolist() == [
        [0.75, 0.25],
        [0.375, 0.625],
        [0.375, 0.625],
        [0.625, 0.375],
    ]
    assert (result.fingerprint, result.seed, result.settings["ensemble"]) == (spec.fingerprint, 0, 2)


def test_costs_add_up_but_memory_and_there_is_nothing_of_training(plan_of: PlanOf) -> None:
    spec = ensemble_of(plan_of, "3")
    members = [member(m, [[1.0, 0.0]]) for m in spec.members]
    members[1].metrics["peak_memory_bytes"] = 9
    metrics = average(spec, members, np.array([0]), CLASSES).metrics
    assert metrics["parameters"] == 30
    assert metrics["steps"] == 12
    assert metrics["train_seconds"] == 4.5
    assert metrics["peak_memory_bytes"] == 9
    assert not {"best_validation_accuracy", "best_epoch", "epochs_to_target"} & set(metrics)
    members[2].metrics["peak_memory_bytes"] = None
    assert average(spec, members, np.array([0]), CLASSES).metrics["peak_memory_bytes"] is None


def test_a_probability_stored_as_zero_has_a_finite_logarithm(plan_of: PlanOf) -> None:
    spec = ensemble_of(plan_of, "2")
    members = [member(m, [[1.0, 1e-9]]) for m in spec.members]
    assert members[0].arrays["test_probabilities"][0, 1] == 0
    metrics = average(spec, members, np.array([1]), CLASSES).metrics
    assert metrics["test_cross_entropy"] == pytest.approx(-math.log(SMALLEST))


def test_another_loss_is_not_made_up(plan_of: PlanOf) -> None:
    spec = ensemble_of(plan_of, "2")
    other = replace(spec, settings=replace(spec.settings, loss=type(spec.settings.loss)("mse")))
    metrics = average(other, [member(m, [[1.0, 0.0]]) for m in spec.members], np.array([0]), CLASSES).metrics
    assert metrics["test_loss"] is None
    assert metrics["test_cross_entropy"] == 0


def test_a_member_that_did_not_finish_is_not_left_out(plan_of: PlanOf) -> None:
    spec = ensemble_of(plan_of, "3")
    members = [member(m, [[1.0, 0.0]]) for m in spec.members]
    members[1] = member(spec.members[1], status="diverged")
    members[2] = member(spec.members[2], status="out of memory", error="no room")
    result = average(spec, members, np.array([0]), CLASSES)
    assert result.status == "diverged"
    assert result.error == "the member of seed 3: diverged"
    assert result.metrics["test_accuracy"] is None
    assert result.metrics["train_seconds"] == 4.5, "its training was paid for"
    assert not result.arrays
    members[1] = members[0]
    assert average(spec, members, np.array([0]), CLASSES).error == "the member of seed 6: no room"


def test_real_members_agree_with_their_own_judgement(
    plan_of: PlanOf, run_data: RunData, prepared: Prepared, store: Store
) -> None:
    # A rate at which no probability is so small that half precision makes it 0.
    slow = plan_of(STUDY + "contexts: {slow: {learning_rate: 0.005}}\n")
    spec = slow.arms[1].runs[0]
    records = [run(one, run_data) for one in spec.members]
    assert all(record.arrays["test_probabilities"].min() > 0 for record in records)
    # An average of one is the run itself, but for what half precision takes away.
    for one, record in zip(spec.members, records, strict=True):
        alone = average(replace(one, members=(one,)), [record], prepared.labels("test"), prepared.classes)
        # One picture of the 40 may fall to a tie; the rest of the bound is for the rounding of the difference.
        assert alone.metrics["test_accuracy"] == pytest.approx(record.metrics["test_accuracy"], abs=1.001 / 40)
        assert alone.metrics["test_cross_entropy"] == pytest.approx(record.metrics["test_cross_entropy"], rel=1e-3)
        assert alone.per_class_accuracy.keys() == record.per_class_accuracy.keys()
        store.write(record)
    record_ensembles([spec], store, prepared, {"commit": "abc"})
    result = store.read(spec.fingerprint)
    assert result.environment == records[0].environment | {"commit": "abc"}
    # The cross-entropy of a mean is at most the mean of the cross-entropies (Jensen's inequality).
    mean = sum(record.metrics["test_cross_entropy"] or 0 for record in records) / 2
    assert (result.metrics["test_cross_entropy"] or 0) < mean


# What is recorded, and when.


def test_only_ensembles_with_all_members_are_recorded_and_once(
    plan_of: PlanOf, store: Store, prepared: Prepared
) -> None:
    pictures = len(prepared.labels("test"))
    even = np.full((pictures, 10), 0.1)
    for spec in plan_of(STUDY).pending.values():
        # A bug in one member: no record.
        if spec.seed != 12:
            store.write(member(spec, even))
    plan = plan_of(STUDY)
    record_ensembles(plan.averages.values(), store, prepared, {})
    after = plan_of(STUDY)
    assert [spec.seed for spec in after.pending.values()] == [12]
    assert [len(spec.members) for spec in after.averages.values()] == [5]
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*.json")}
    record_ensembles(after.averages.values(), store, prepared, {})
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*.json")} == before


def test_the_plan_on_disk_names_the_members(plan_of: PlanOf) -> None:
    plan = plan_of(STUDY)
    single, *_, five = plan.to_json()["studies"][0]["arms"]
    assert "members" not in single["runs"][0]
    assert five["runs"][1]["members"] == [spec.fingerprint for spec in plan.arms[-1].runs[1].members]


def test_members_and_arithmetic_are_in_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*members: str, old: str = "", new: str = "") -> str:
        text = (HARNESS / "campaign/ensemble.py").read_text()
        assert old in text
        code = Code(HARNESS, {"harness.campaign.ensemble": text.replace(old, new, 1)})
        monkeypatch.setattr(fingerprint_module, "code", lambda: code)
        return fingerprint(identity_of_ensemble(members))

    before = of("a", "b")
    assert len({before, of("a", "c"), of("b", "a"), of("a")}) == 4
    assert of("a", "b", old="Nothing is trained here", new="It trains nothing") == before
    assert of("a", "b", old="2.0**-25", new="2.0**-24") != before


# The whole way: plan, train, track, report.


def test_from_the_study_to_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    (tmp_path / "experiments").mkdir()
    shutil.copy(ROOT / "experiments" / "ensemble.yaml", tmp_path / "experiments")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    edit(tmp_path / "params.yaml", "profile: quick", "profile: smoke")
    edit(tmp_path / "params.yaml", "seeds: null", "seeds: 2")
    edit(tmp_path / "params.yaml", "epochs: null", "epochs: 1")

    monkeypatch.chdir(tmp_path)

    def done(command: str) -> str:
        # In this process: importing torch for each command would take most of the time.
        result = CliRunner().invoke(app, [command], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    done("prepare")
    planned = done("plan")
    # 2 seeds of 5 members, and 2 ensembles of each of 3 sizes.
    assert "10 runs" in planned
    assert "10 to train" in planned
    assert "6 ensembles follow from the records of their members" in planned
    trained = done("train")
    assert "10 of 10 runs" in trained
    assert "10 runs, 8 of them for ensembles alone, and 6 ensembles recorded" in trained
    store = Store(tmp_path / "data" / "runs")
    plan = store.read_plan()
    for arm in plan["studies"][0]["arms"]:
        for one in arm["runs"]:
            record = store.read(one["fingerprint"])
            shares = [store.arrays(print_)["test_probabilities"] for print_ in one.get("members", [one["fingerprint"]])]
            mean = np.mean([share.astype(float) for share in shares], axis=0)
            right = mean.argmax(axis=1) == Prepared.load(tmp_path / "data" / "prepared").labels("test")
            assert len(shares) == int(arm["level"])
            assert record.metrics["test_accuracy"] == pytest.approx(right.mean(), abs=0.011)
    # Ensembles too: a record holds what its name is the digest of.
    assert {print_: fingerprint(identity) for print_, identity in store.identities()} == {
        folder.name: folder.name for folder in store.root.iterdir()
    }
    again = done("train")
    assert "of 10 runs" not in again, "nothing is left to train"
    # The two single runs are there since they were trained.
    tracked = done("track")
    assert "8 runs, 6 of them added" in tracked
    assert "8 runs = 10 trained - 8 that ensembles alone average + 6 ensembles" in tracked
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("ensemble")
    assert experiment is not None
    five = client.search_runs([experiment.experiment_id], "tags.level = '5'")
    assert len(five) == 2
    assert {run.data.params["ensemble"] for run in five} == {"5"}
    assert all(0 <= run.data.metrics["answer/test_accuracy"] <= 1 for run in five)
    reported = done("report")
    assert "ens-help" in (tmp_path / "reports" / "ensemble.html").read_text()
    with (tmp_path / "reports" / "tables" / "ensemble_levels.csv").open() as file:
        assert {row["level"]: row["runs"] for row in csv.DictReader(file)} == {"1": "2", "2": "2", "3": "2", "5": "2"}
    # Each command counts alike.
    assert "10 runs, 8 of them for ensembles alone, and 6 ensembles" in reported
    assert "8 runs, below 4 arms" in done("track")
