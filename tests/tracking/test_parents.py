"""Arms are runs above their runs: as the report estimates them, once, and by their owner alone."""

import json
import zlib
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.records import Store
from harness.tracking import book
from harness.tracking import tracker as tracking
from harness.tracking.parents import PARENT, read_parents
from tests.tracking.conftest import Go, rows, shown, shrink

LEVELS = """study,context,level,control,runs,unfinished,test_accuracy,test_accuracy_low,test_accuracy_high,difference,difference_low,difference_high,p_adjusted,standing,reason,epochs_to_target,train_seconds
activation,plain,relu,True,2,0,0.61,0.58,0.64,,,,,control,,2,3
activation,plain,leaky_relu,False,1,1,0.1,,,-0.51,-0.6,-0.42,0.01,worse,,,3
optimizer,plain,nesterov,True,2,0,0.61,0.58,0.64,,,,,control,,2,3
optimizer,plain,adam,False,1,0,0.6,,,-0.01,,,,unresolved,one seed gives no interval,2,3
"""
CURVES = """epoch,level,context,validation_accuracy,train_loss,study
1,relu,plain,0.2,2.0,activation
2,relu,plain,0.6,1.0,activation
"""


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The tables of a report, without its pages."""
    for folder, name, text in (("tables", "levels.csv", LEVELS), ("plots", "curves.csv", CURVES)):
        (tmp_path / "reports" / folder).mkdir(parents=True)
        (tmp_path / "reports" / folder / name).write_text(text)
    return tmp_path / "reports"


def say(reports: Path, old: str, new: str) -> None:
    """Let the report say something else."""
    path = reports / "tables" / "levels.csv"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def family(uri: str) -> dict[str, list[str]]:
    """By `study: arm`, the names of the runs below it, of those that the plan has."""
    client = book.open_client(uri)
    found: dict[str, list[str]] = {}
    below: list[tuple[str, str]] = []
    names: dict[str, str] = {}
    for experiment in client.search_experiments(filter_string="name != 'Default'"):
        for run in client.search_runs([experiment.experiment_id], "tags.current = 'true'"):
            if run.data.tags.get("kind") == "arm":
                names[run.info.run_id] = f"{experiment.name}: {run.info.run_name}"
            else:
                below.append((run.data.tags.get(PARENT, ""), run.info.run_name or ""))
    for above, name in below:
        found.setdefault(names.get(above, ""), []).append(name)
    return {name: sorted(runs) for name, runs in found.items()}


WHOLE = {
    "activation: relu · plain": ["relu · plain · seed 0", "relu · plain · seed 1"],
    "activation: leaky_relu · plain": ["leaky_relu · plain · seed 0"],
    "optimizer: nesterov · plain": ["nesterov · plain · seed 0", "nesterov · plain · seed 1"],
    "optimizer: adam · plain": ["adam · plain · seed 0", "adam · plain · tuned · rate 0.01 · seed 1000"],
}


def test_an_arm_is_a_run_above_its_runs(store: Store, uri: str, reports: Path) -> None:
    """Mean first, its interval in a section of its own, the mean curves, and the settings."""
    report = tracking.track(store, uri, reports)
    assert (report["runs"], report["arms"], report["added"]) == (7, 4, 7)
    assert family(uri) == WHOLE
    relu, leaky = (shown(uri)["activation", f"{level} · plain"] for level in ("relu", "leaky_relu"))
    assert relu["metrics"]["answer/test_accuracy"] == [(0, 0.61)]
    assert relu["metrics"]["interval/test_accuracy_high"] == [(0, 0.64)]
    assert relu["metrics"]["curve/validation_accuracy"] == [(1, 0.2), (2, 0.6)]
    assert relu["params"]["activation"] == "relu" and "seed" not in relu["params"]
    assert {"kind": "arm", "arm": "relu · plain", "control": "true"}.items() <= relu["tags"].items()
    assert (relu["status"], leaky["tags"]["standing"]) == ("FINISHED", "worse")
    assert "answer/difference" not in relu["metrics"]
    assert leaky["metrics"]["answer/difference"] == [(0, -0.51)] and leaky["metrics"]["interval/unfinished"] == [(0, 1)]
    first = [name.removeprefix("answer/") for name in leaky["metrics"] if name.startswith("answer/")]
    assert set(first) == {"test_accuracy", "difference", "train_seconds"}


def test_mlflow_opens_a_study_with_charts_of_its_arms(store: Store, uri: str, reports: Path) -> None:
    tracking.track(store, uri, reports)
    client = book.open_client(uri)
    experiment = client.get_experiment_by_name("activation")
    view = json.loads(experiment.tags["mlflow.sharedViewState.arms"])
    kind, _, packed = view["state"].partition(";")
    state = json.loads(zlib.decompress(b64decode(packed)))
    assert kind == "deflate"
    arms = client.search_runs(
        [experiment.experiment_id], state["searchFilter"], order_by=[state["orderByKey"] + " DESC"]
    )
    assert [arm.data.tags["arm"] for arm in arms] == ["relu · plain", "leaky_relu · plain"]
    charts = {one["metricKey"]: one["metricSectionId"] for one in state["compareRunCharts"]}
    # What it draws is what arms have, in sections that there are.
    assert {"answer/test_accuracy", "curve/validation_accuracy"} <= set(charts) & set(arms[0].data.metrics)
    assert set(charts.values()) == {one["uuid"] for one in state["compareRunSections"]}


def test_looking_again_writes_nothing(store: Store, uri: str, reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tracking.track(store, uri, reports)
    before = rows(uri)
    monkeypatch.setattr(tracking, "Book", None)
    assert tracking.track(store, uri, reports) == first | {"added": 0}
    assert rows(uri) == before


def test_runs_that_were_there_before_the_report_come_below_their_arm(store: Store, uri: str, reports: Path) -> None:
    """As after a training, whose runs are written while they train."""
    tracking.track(store, uri)
    assert family(uri) == {"": sorted(name for names in WHOLE.values() for name in names)}
    assert tracking.track(store, uri, reports)["added"] == 0
    assert family(uri) == WHOLE


def test_another_estimate_replaces_the_arm(store: Store, uri: str, reports: Path, fresh: Callable[[str], str]) -> None:
    tracking.track(store, uri, reports)
    say(reports, "0.1,,,-0.51,-0.6,-0.42,0.01,worse", "0.55,0.5,0.6,,,,,unresolved")
    tracking.track(store, uri, reports)
    tracking.track(store, clean := fresh("clean.db"), reports)
    assert "answer/difference" not in shown(uri)["activation", "leaky_relu · plain"]["metrics"]
    assert without_ids(shown(uri)) == without_ids(shown(clean))
    assert family(uri) == WHOLE


def without_ids(runs: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """What is shown, but for the ids of the runs above."""
    return {key: run | {"tags": run["tags"] | {PARENT: ""}} for key, run in runs.items()}


@pytest.mark.parametrize("harm", ["arms", "tags", "half"])
def test_what_was_lost_comes_back(harm: str, store: Store, uri: str, reports: Path) -> None:
    experiment = tracking.track(store, uri, reports)["experiments"]["activation"]
    client = book.open_client(uri)
    for run in client.search_runs([experiment], "tags.kind = 'arm'"):
        if harm == "arms":
            client.delete_run(run.info.run_id)
        elif harm == "tags":
            client.set_tag(run.info.run_id, "factor", "?")
        else:
            client.set_terminated(run.info.run_id, "KILLED")
    assert tracking.track(store, uri, reports)["added"] == 0
    assert family(uri) == WHOLE
    found = client.search_runs([experiment], "tags.kind = 'arm'")
    assert [(run.info.status, run.data.tags["factor"]) for run in found] == 2 * [("FINISHED", "activation")]


def test_an_arm_that_the_plan_has_left_is_marked(store: Store, uri: str, reports: Path) -> None:
    tracking.track(store, uri, reports)
    shrink(store)
    tracking.track(store, uri, reports)
    assert shown(uri)["activation", "leaky_relu · plain"]["tags"]["current"] == "false"
    assert set(family(uri)) == {"activation: relu · plain", "optimizer: nesterov · plain"}


def test_a_report_that_lacks_an_arm_has_no_mean_of_it(store: Store, reports: Path) -> None:
    say(reports, "activation,plain,relu", "activation,plain,gelu")
    assert set(read_parents(store.read_plan(), reports)) == {
        ("activation", "plain", "leaky_relu"),
        ("optimizer", "plain", "nesterov"),
        ("optimizer", "plain", "adam"),
    }
    assert read_parents(store.read_plan(), reports.with_name("none")) == {}


@pytest.mark.parametrize("where", [("b", "main"), ("a", "other")], ids=["another project", "another branch"])
@pytest.mark.parametrize("estimate", ["same", "other"])
def test_arms_of_others_are_left_alone(go: Go, uri: str, reports: Path, where: tuple[str, str], estimate: str) -> None:
    """What says the same is not there twice; where it doesn't, each has its own."""
    tracking.track(go("a", "main"), uri, reports)
    before = rows(uri)
    if estimate == "other":
        say(reports, "0.58", "0.57")
    theirs = go(*where)
    assert tracking.track(theirs, uri, reports)["added"] == 0
    after = rows(uri)
    assert {run: after[run] for run in before} == before
    assert len(after) == len(before) + (2 if estimate == "other" else 0)
    assert tracking.track(theirs, uri, reports)["added"] == 0
    assert rows(uri) == after


def test_arms_of_an_experiment_are_taken_over_by_the_branch_that_plans_it(go: Go, uri: str, reports: Path) -> None:
    """DVC runs experiments on no branch; applied, their runs are the branch's, and so are their arms."""
    tracking.track(go("a", ""), uri, reports)
    assert tracking.track(go("a", "main"), uri, reports)["added"] == 0
    found = [run["tags"]["branch"] for run in shown(uri).values()]
    assert found == 11 * ["main"]
    assert family(uri) == WHOLE


def test_a_run_under_older_names_is_written_anew(store: Store, uri: str, reports: Path) -> None:
    experiment = tracking.track(store, uri, reports)["experiments"]["activation"]
    client = book.open_client(uri)
    for run in client.search_runs([experiment], "tags.seed = '0'"):
        client.delete_tag(run.info.run_id, "layout")
    assert tracking.track(store, uri, reports)["added"] == 2
    assert family(uri) == WHOLE
