import json
import math

import pytest

from harness.analysis.summary import summarise
from harness.analysis.tables import as_counted, by_seed, read_grid, read_study
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.report.render import render
from tests.report.made_up import Bench


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    levels = {"zeros": 0.1, "he": 0.7, "large": 0.3}
    bench.study("start", "initialization", levels, "he", diverged={"large": 2}, tune=[0.01, 0.1])
    return bench


def tables_of(bench):
    store = bench.save()
    plan = store.read_plan()
    return read_study(store, plan["studies"][0])


def test_one_row_a_run_and_one_an_epoch(bench):
    tables = tables_of(bench)
    assert len(tables.runs) == 3 * 3
    assert not tables.runs.duplicated(["context", "level", "seed"]).any()
    whole, broken = 10 * 7, 4 * 2
    assert len(tables.curves) == whole + broken
    assert tables.curves["epoch"].min() == 1
    assert len(tables.tuning) == 3 * 2
    assert tables.tuning.groupby("level")["chosen"].sum().eq(1).all()


def test_a_grid_is_read_once_and_its_runs_are_counted_once(bench, monkeypatch):
    bench.study("loss", "loss", {"mse": 0.4, "cross_entropy": 0.6}, "cross_entropy")
    store, read = bench.save(), []
    plan = store.read_plan()
    monkeypatch.setattr(store, "read", lambda print_: read.append(print_) or Store.read(store, print_))
    render(store, store.root.parent / "reports", processes=1)
    assert len(read) == len(set(read)) == 9 + 6 + 6, "runs of both studies, and those that tuned one of them"
    first, second = read_grid(store, plan)
    assert first.counted is first.counted and (first.name, second.name) == ("start", "loss")


def test_recorded_values_stay_and_counted_ones_follow_the_rules(bench):
    tables = tables_of(bench)
    counted = as_counted(tables.runs)
    large = tables.runs["level"] == "large"
    assert tables.runs.loc[large, "test_accuracy"].isna().sum() == 2
    assert by_seed(counted, "standard", "large", "test_accuracy")[:2].tolist() == [0.1, 0.1]
    assert counted.loc[counted["level"] == "zeros", "epochs_to_target"].eq(11).all()
    assert counted.loc[counted["level"] == "zeros", "censored"].all()
    assert not counted.loc[counted["level"] == "he", "censored"].any()


def test_what_a_broken_run_would_have_measured_at_its_end_is_missing(bench):
    runs = tables_of(bench).runs.assign(dead_share=1.0, start_dead_share=0.5, regularity_gap=0.1)
    counted = as_counted(runs)
    broken = counted["status"] != "done"
    for name in ("dead_share", "regularity_gap", "generalisation_gap", "final_train_loss", "test_loss"):
        assert counted.loc[broken, name].isna().all(), name
        assert counted.loc[~broken, name].notna().all(), name
    for name in ("start_dead_share", "train_seconds", "parameters", "diverged"):
        assert counted.loc[broken, name].notna().all(), name


def test_runs_that_guess_hardly_learned_and_learned_are_told_apart(bench):
    runs = tables_of(bench).runs
    runs["test_accuracy"] = [0.1, 0.12, 0.14, 0.16, 0.3, 0.5, 0.7, 0.7, 0.7]
    runs["level"] = ["zeros"] * 3 + ["large"] * 3 + ["he"] * 3
    runs["status"] = "done"
    counted = as_counted(runs).sort_values("test_accuracy")
    assert counted["guesses"].tolist() == [True, True] + [False] * 7
    assert counted["collapsed"].tolist() == [True] * 4 + [False] * 5
    assert counted["learned"].tolist() == [False] * 5 + [True] * 4


def test_chance_is_that_of_the_classes_that_a_run_learns(bench):
    # As of a study whose task is half of the classes.
    for arm in bench.studies[0]["arms"]:
        arm["classes"] = 5 if arm["level"] == "large" else 10
    summary = summarise(tables_of(bench))
    broken = summary.counted[summary.counted["status"] != "done"]
    assert broken["test_accuracy"].tolist() == broken["final_validation_accuracy"].tolist() == [0.2, 0.2]
    assert {arm.level: arm.chance for arm in summary.contexts[0].arms} == {"zeros": 0.1, "he": 0.1, "large": 0.2}


def test_records_of_a_cpu_and_of_a_gpu_are_not_paired(bench):
    store = bench.save()
    plan = store.read_plan()
    run = plan["studies"][0]["arms"][1]["runs"][2]
    path = store.root / run["fingerprint"] / "record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"environment": record["environment"] | {"device": "cuda"}}))
    with pytest.raises(SettingError, match="study start has records from cpu and cuda; dropout and augmentation draw"):
        read_study(store, plan["studies"][0])


def test_broken_runs_rank_last(bench):
    summary = summarise(tables_of(bench))
    (context,) = summary.contexts
    large = next(arm for arm in context.arms if arm.level == "large")
    assert large.unfinished == {"diverged": 2}
    assert context.ranked[0].level == "he"
    assert context.control.primary.difference is None
    assert large.primary.value.count == 3


def test_the_gap_follows_from_the_curves_ends(bench):
    runs = tables_of(bench).runs
    expected = runs["final_train_accuracy"] - runs["final_validation_accuracy"]
    assert runs["generalisation_gap"].tolist() == expected.tolist()


def test_what_varies_and_what_is_fixed(bench):
    summary = summarise(tables_of(bench))
    assert summary.varied == ("initialization",)
    assert summary.fixed["depth"] == 3


def test_a_missing_record_names_the_remedy(bench):
    study = bench.studies[0]
    study["arms"][0]["runs"].append({"seed": 9, "fingerprint": "lost"})
    with pytest.raises(SettingError, match=r"1 of 16 runs of study start have no record.*seed 9.*dvc repro"):
        tables_of(bench)


def test_an_arm_without_runs_names_the_remedy(bench):
    bench.studies[0]["arms"][1]["runs"] = []
    with pytest.raises(SettingError, match=r"start has arms without runs.*dvc repro"):
        tables_of(bench)


def test_regret_is_against_the_level_that_validation_chooses(bench):
    runs = tables_of(bench).runs
    # On the test split another level happens to be better; that must not count.
    runs["best_validation_accuracy"] = runs["level"].map({"zeros": 0.2, "he": 0.8, "large": 0.5})
    runs.loc[runs["level"] == "zeros", "test_accuracy"] = 0.9
    counted = as_counted(runs)
    he = by_seed(counted, "standard", "he", "test_accuracy")
    assert by_seed(counted, "standard", "he", "regret").tolist() == [0, 0, 0]
    assert by_seed(counted, "standard", "zeros", "regret").tolist() == pytest.approx((he - 0.9).tolist())


def test_the_best_level_is_chosen_on_other_seeds_than_the_one_judged(bench):
    runs = tables_of(bench).runs
    # Under seed 0 alone zeros is best on validation, by so much that it is best on the mean as well.
    runs["best_validation_accuracy"] = runs["level"].map({"zeros": 0.2, "he": 0.4, "large": 0.3})
    runs.loc[(runs["level"] == "zeros") & (runs["seed"] == 0), "best_validation_accuracy"] = 1.0
    counted = as_counted(runs)
    zeros, he = (by_seed(counted, "standard", level, "test_accuracy") for level in ("zeros", "he"))
    regret = by_seed(counted, "standard", "he", "regret")
    assert regret[0] == 0, "the others say he"
    # Seed 0 is among the others of 1 and 2, where zeros is best then: (1.0 + 0.2) / 2.
    assert regret[1:].tolist() == pytest.approx((zeros - he)[1:].tolist())
    assert as_counted(runs[runs["seed"] == 0])["regret"].isna().all(), "one seed has no others"


def test_a_loss_is_told_in_multiples_of_that_of_guessing(bench):
    runs = tables_of(bench).runs
    expected = runs["final_train_loss"] / math.log(1 / runs["chance"].iloc[0])
    assert runs["loss_over_guessing"].tolist() == pytest.approx(expected.tolist(), nan_ok=True)
    assert runs["loss_over_guessing"].notna().any()
