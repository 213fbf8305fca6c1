"""Made-up plans and records, and MLflow stores to track them into."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.records import Store
from harness.core.spec import RunResult
from harness.tracking import book
from tests.end_to_end.test_pipeline import git

BASE = {
    "activation": "relu",
    "norm": "none",
    "optimizer": "nesterov",
    "learning_rate": 0.05,
    "width": 16,
    "target_accuracy": 0.5,
}
LEAKY = {"leaky_relu": {"slope": 0.1}}


def record(fingerprint: str, seed: int, **changes: Any) -> RunResult:
    """Return a made-up run of three epochs; the values follow from the fingerprint."""
    base = sum(fingerprint.encode()) % 7 / 100
    return RunResult(
        fingerprint=fingerprint,
        status=changes.pop("status", "done"),
        settings=BASE | changes,
        seed=seed,
        data_digest="d" * 64,
        metrics={
            "test_accuracy": 0.6 + base,
            "best_validation_loss": 0.9 + base,
            "best_epoch": 2,
            "final_train_loss": 0.7 + base,
            "train_seconds": 3.0,
        },
        curves={
            "epoch": [1, 2, 3],
            "train_loss": [2.0 + base, 1.0 + base, 0.7 + base],
            "validation_accuracy": [0.2 + base, 0.6 + base, 0.5 + base],
            "epoch_seconds": [1.0, 1.0, 1.0],
        },
        per_class_accuracy={"disc": 0.6, "ring": 0.5},
        environment={"commit": "abc1234", "threads": 1, "device": "cpu"},
    )


def study(name: str, factor: str, control: str, arms: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a study as `plan.json` holds it."""
    question = f"Does the {factor} matter?"
    return {"name": name, "title": name, "question": question, "factor": factor, "control": control, "arms": arms}


def arm(level: str, fingerprints: list[str], tuning: Any = None, **changes: Any) -> dict[str, Any]:
    """Return an arm with a run per fingerprint."""
    runs = [{"seed": seed, "fingerprint": fingerprint} for seed, fingerprint in enumerate(fingerprints)]
    return {"context": "plain", "level": level, "settings": BASE | changes, "runs": runs, "tuning": tuning}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work outside of this repository, which may have a commit checked out and no branch."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def plan() -> dict[str, Any]:
    """Two studies that share the runs of their control; one tunes a rate."""
    trials = [{"value": 0.01, "seed": 1000, "fingerprint": "trial"}]
    short = BASE | {"optimizer": "adam"}
    tuning = {"setting": "learning_rate", "chosen": 0.01, "settings": short, "runs": trials}
    activation = [arm("relu", ["c0", "c1"]), arm("leaky_relu", ["l0"], activation=LEAKY)]
    optimizer = [
        arm("nesterov", ["c0", "c1"]),
        arm("adam", ["a0"], tuning, optimizer="adam", learning_rate=0.01),
    ]
    data = {
        "source": "synthetic",
        "digest": "d" * 64,
        "classes": ["disc", "ring"],
        "splits": {"train": 100, "validation": 50, "test": 60},
        "image_size": [32, 32, 3],
    }
    studies = [
        study("activation", "activation", "relu", activation),
        study("optimizer", "optimizer", "nesterov", optimizer),
    ]
    return {"profile": "quick", "data": data, "base": BASE, "studies": studies}


@pytest.fixture
def results() -> list[RunResult]:
    """The records of the plan: a folded control, a diverged run and a tuning run among them."""
    diverged = record("l0", 0, activation=LEAKY, status="diverged")
    diverged.metrics |= {"test_accuracy": None, "final_train_loss": None}
    diverged.curves["train_loss"][2] = diverged.curves["validation_accuracy"][2] = None
    diverged.error = "the loss was not finite in epoch 3"
    adam = record("a0", 0, optimizer="adam", learning_rate=0.01)
    trial = record("trial", 1000, optimizer="adam", learning_rate=0.01)
    return [record("c0", 0), record("c1", 1), diverged, adam, trial]


@pytest.fixture
def store(tmp_path: Path, plan: dict[str, Any], results: list[RunResult]) -> Store:
    """A real store with the plan and its records."""
    store = Store(tmp_path / "data" / "runs")
    store.write_plan(plan)
    for result in results:
        store.write(result)
    return store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database with tables and nothing in them: making it takes seconds, copying it none."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    book.open_client(f"sqlite:///{path}")
    return path


@pytest.fixture
def fresh(tmp_path: Path, empty_database: Path) -> Callable[[str], str]:
    """Make an MLflow store of this test's own and return its address."""

    def copy(name: str) -> str:
        with closing(sqlite3.connect(empty_database)) as source, closing(sqlite3.connect(tmp_path / name)) as target:
            source.backup(target)
        return f"sqlite:///{tmp_path / name}"

    return copy


@pytest.fixture
def uri(fresh: Callable[[str], str]) -> str:
    """The address of an empty MLflow store."""
    return fresh("mlflow.db")


def shown(uri: str) -> dict[tuple[str, str], Any]:
    """Return what MLflow shows by (study, run name), without what differs from call to call."""
    client = book.open_client(uri)
    found = {}
    for experiment in client.search_experiments(filter_string="name != 'Default'"):
        for run in client.search_runs([experiment.experiment_id]):
            assert run.inputs is not None
            histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
            key = experiment.name, run.info.run_name
            assert key not in found
            found[key] = {
                "status": run.info.status,
                "tags": run.data.tags,
                "params": run.data.params,
                "metrics": {n: [(m.step, m.value) for m in history] for n, history in histories.items()},
                "data": [(item.dataset.name, item.dataset.digest) for item in run.inputs.dataset_inputs],
                "files": sorted(file.path for file in client.list_artifacts(run.info.run_id)),
            }
    return found


Go = Callable[..., Store]


@pytest.fixture
def go(store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Go:
    """Work in a project on a branch, whose records are those of `store` under names with a prefix.

    The branch "" is none, as in every experiment that DVC runs.
    """

    def to(project: str, branch: str, prefix: str = "") -> Store:
        folder = tmp_path / project
        if not folder.exists():
            folder.mkdir()
            git(folder, "init", "-q")
            git(folder, "commit", "-q", "--allow-empty", "-m", "nothing")
        git(folder, "checkout", "-q", *(["-B", branch] if branch else ["--detach"]))
        monkeypatch.chdir(folder)
        own = Store(folder / "data" / branch / "runs")
        text = json.dumps(store.read_plan()).replace('"fingerprint": "', f'"fingerprint": "{prefix}')
        own.write_plan(json.loads(text))
        for path in store.root.iterdir():
            own.write(replace(store.read(path.name), fingerprint=prefix + path.name))
        return own

    return to


def shrink(store: Store) -> None:
    """Leave one arm in every study."""
    plan = store.read_plan()
    store.write_plan(plan | {"studies": [study | {"arms": study["arms"][:1]} for study in plan["studies"]]})


def rows(uri: str) -> dict[str, list[tuple[object, ...]]]:
    """All that the database says of each run, deleted ones included."""
    found: dict[str, list[tuple[object, ...]]] = {}
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
        for table in ("runs", "tags", "params", "metrics", "latest_metrics"):
            columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
            for row in connection.execute(f"SELECT * FROM {table}"):
                found.setdefault(str(row[columns.index("run_uuid")]), []).append((table, *row))
    return {run: sorted(lines, key=repr) for run, lines in found.items()}
