"""Stores that lost something, that were moved, that others use too: what is right is there afterwards, and no more."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.core.records import Store
from harness.tracking import book
from harness.tracking import tracker as tracking
from harness.tracking.owner import Owner
from tests.conftest import ROOT
from tests.tracking.conftest import Go, rows, shown, shrink

if TYPE_CHECKING:
    from mlflow import MlflowClient


def test_nothing_to_do_is_seen_without_mlflow(store: Store, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it takes longer than a `dvc repro` with nothing to do."""
    first = tracking.track(store, uri)
    monkeypatch.setattr(tracking, "Book", None)
    assert tracking.track(store, uri) == first | {"added": 0}


def delete_runs(client: "MlflowClient", experiment: str) -> None:
    for run in client.search_runs([experiment], "tags.level = 'relu'"):
        client.delete_run(run.info.run_id)


def delete_the_experiment(client: "MlflowClient", experiment: str) -> None:
    client.delete_experiment(experiment)


def change_tags(client: "MlflowClient", experiment: str) -> None:
    client.set_tag(client.search_runs([experiment])[0].info.run_id, "factor", "?")
    client.set_experiment_tag(experiment, "question", "?")


def delete_files(client: "MlflowClient", experiment: str) -> None:
    shutil.rmtree(Path(client.get_experiment(experiment).artifact_location.removeprefix("file://")))


@pytest.mark.parametrize("harm", [delete_runs, delete_the_experiment, change_tags, delete_files])
def test_what_the_store_has_lost_comes_back(
    harm: Callable[..., None], store: Store, uri: str, fresh: Callable[[str], str]
) -> None:
    """The store is asked, not what was once written about it."""
    experiment = tracking.track(store, uri)["experiments"]["activation"]
    client = book.open_client(uri)
    harm(client, experiment)
    tracking.track(store, uri)
    tracking.track(store, clean := fresh("clean.db"))
    assert shown(uri) == shown(clean)
    assert client.get_experiment(experiment).tags["question"] == "Does the activation matter?"


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_files_follow_the_database(how: Callable[..., object], store: Store, uri: str, tmp_path: Path) -> None:
    """Moved or copied with all that lies beside it: what is there is found, and what is new goes there."""
    home, away = tmp_path / "home", tmp_path / "away #1"
    home.mkdir()
    shutil.copy(uri.removeprefix("sqlite:///"), home)
    added = store.read("l0")
    shutil.rmtree(store.root / "l0")
    tracking.track(store, f"sqlite:///{home}/mlflow.db")
    how(home, away)
    store.write(added)
    before = sorted(path for path in home.rglob("*"))
    moved = f"sqlite:///{away}/mlflow.db"
    assert tracking.track(store, moved)["added"] == 1
    assert sorted(path for path in home.rglob("*")) == before
    runs = shown(moved)
    assert len(runs) == 7
    assert all(run["files"] == ["environment.json", "settings.json"] for run in runs.values())
    assert len(list(away.rglob("settings.json"))) == 7
    locations = [experiment.artifact_location for experiment in book.open_client(moved).search_experiments()]
    assert sum(location.startswith(away.as_uri()) for location in locations) == 2


def test_files_that_stayed_behind_are_still_found(store: Store, uri: str, tmp_path: Path) -> None:
    """The database alone was copied."""
    tracking.track(store, uri)
    (away := tmp_path / "away").mkdir()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as source, closing(sqlite3.connect(away / "mlflow.db")) as to:
        source.backup(to)
    copy = f"sqlite:///{away}/mlflow.db"
    assert tracking.track(store, copy)["added"] == 0
    assert shown(copy) == shown(uri)
    assert not list(away.rglob("settings.json"))


@pytest.mark.parametrize("where", [("b", "main"), ("a", "other")], ids=["another project", "another branch"])
@pytest.mark.parametrize(("prefix", "new"), [("", 3), ("x", 7)], ids=["equal runs", "other runs"])
def test_runs_of_others_are_left_alone(go: Go, uri: str, where: tuple[str, str], prefix: str, new: int) -> None:
    """What the first no longer plans is marked by itself alone; what says the same is not there twice."""
    mine = go("a", "main")
    tracking.track(mine, uri)
    shrink(mine)
    tracking.track(mine, uri)
    before = rows(uri)
    theirs = go(*where, prefix)
    report = tracking.track(theirs, uri)
    assert (report["runs"], report["added"]) == (7, new)
    assert tracking.track(theirs, uri)["added"] == 0
    shrink(theirs)
    tracking.track(theirs, uri)
    after = rows(uri)
    assert {run: after[run] for run in before} == before
    assert len(after) == len(before) + new


WRITER = """
import json, sys, time
from harness.tracking.book import Book
book = Book(sys.argv[1], json.loads(open(sys.argv[2]).read()))
book.write("c0", [{"epoch": 1, "train_loss": 2.0, "milliseconds": 1}], 1)
print("written", flush=True)
time.sleep(600)
"""


def statuses(uri: str) -> list[str]:
    """The statuses of the run `c0` of the study of activations."""
    client = book.open_client(uri)
    experiment = client.get_experiment_by_name("activation")
    assert experiment
    found = client.search_runs([experiment.experiment_id], "tags.fingerprint = 'c0'")
    return sorted(run.info.status for run in found)


def test_a_run_is_stale_once_its_process_is_gone(go: Go, uri: str) -> None:
    """A living process of this or another project keeps what it writes; a dead one's is replaced by its project."""
    mine = go("a", "main")
    command = [sys.executable, "-c", WRITER, uri, str(mine.plan_path)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, cwd=Path.cwd(), env=environment, stdout=subprocess.PIPE) as writer:
        assert writer.stdout and writer.stdout.readline() == b"written\n"
        assert tracking.track(mine, uri)["added"] == 5
        assert statuses(uri) == ["RUNNING"]
        theirs = go("b", "main")
        assert tracking.track(theirs, uri)["added"] == 2
        assert statuses(uri) == ["FINISHED", "RUNNING"]
        writer.kill()
    tracking.track(theirs, uri)
    assert statuses(uri) == ["FINISHED", "RUNNING"]
    assert tracking.track(go("a", "main"), uri)["added"] == 0
    assert statuses(uri) == ["FINISHED"]


def test_an_experiment_is_taken_over_by_the_branch_that_plans_it(go: Go, uri: str) -> None:
    """DVC runs experiments on no branch: they mark nobody's runs, and a branch adds nothing to theirs."""
    tracking.track(go("a", "main"), uri)
    before = rows(uri)
    smaller = go("a", "")
    shrink(smaller)
    tracking.track(smaller, uri)
    assert rows(uri) == before
    assert tracking.track(go("a", "", "x"), uri)["added"] == 7
    applied = go("a", "main", "x")
    assert tracking.track(applied, uri)["added"] == 0
    shrink(applied)
    tracking.track(applied, uri)
    experiment = book.open_client(uri).get_experiment_by_name("activation")
    assert experiment
    runs = book.open_client(uri).search_runs([experiment.experiment_id], "tags.current = 'true'")
    assert sorted(run.data.tags["fingerprint"] for run in runs) == ["xc0", "xc1"]


def test_temporary_copies_speak_for_their_project(tmp_path: Path) -> None:
    """As do both after a move, the database included."""
    copy = tmp_path / "project" / ".dvc" / "tmp" / "exps" / "tmp1"
    copy.mkdir(parents=True)
    database = tmp_path / "store"
    assert Owner.of(copy, database).project == Owner.of(tmp_path / "project", database).project == "../project"
    assert Owner.of(tmp_path / "project", tmp_path / "project").project == "."
    assert Owner.of(tmp_path / "project", None).project.endswith(f":{tmp_path / 'project'}")
