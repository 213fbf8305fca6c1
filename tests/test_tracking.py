"""Records become MLflow runs: by name, once, the same live as afterwards."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness import tracking
from harness.errors import SettingError
from harness.records import Store
from harness.spec import RunResult

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


@pytest.fixture
def plan() -> dict[str, Any]:
    """Two studies that share the runs of their control; one tunes a rate."""
    trials = [{"value": 0.01, "seed": 1000, "fingerprint": "trial"}]
    tuning = {"setting": "learning_rate", "chosen": 0.01, "runs": trials}
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
    tracking.open_client(f"sqlite:///{path}")
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
    client = tracking.open_client(uri)
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


def test_a_record_becomes_a_run(store: Store, uri: str) -> None:
    """Names, tags, params, metrics, curves, data and files are where a user of MLflow looks for them."""
    told = []
    report = tracking.track(store, uri, lambda done, total: told.append((done, total)))
    assert (report["uri"], report["runs"], report["added"]) == (uri, 7, 7)
    assert told[-1] == (5, 5)
    runs = shown(uri)
    assert set(runs) == {
        ("activation", "relu · plain · seed 0"),
        ("activation", "relu · plain · seed 1"),
        ("activation", "leaky_relu · plain · seed 0"),
        ("optimizer", "nesterov · plain · seed 0"),
        ("optimizer", "nesterov · plain · seed 1"),
        ("optimizer", "adam · plain · seed 0"),
        ("optimizer", "adam · plain · tuned · rate 0.01 · seed 1000"),
    }
    run = runs["activation", "relu · plain · seed 1"]
    expected = {
        "study": "activation",
        "factor": "activation",
        "level": "relu",
        "context": "plain",
        "seed": "1",
        "fingerprint": "c1",
        "target_accuracy": "0.5",
        "control": "true",
        "tuning": "false",
        "status": "done",
        "profile": "quick",
        "current": "true",
        "mlflow.source.git.commit": "abc1234",
        "device": "cpu",
    }
    assert expected.items() <= run["tags"].items()
    assert run["status"] == "FINISHED"
    assert run["params"] == {"activation": "relu", "seed": "1"}
    result = store.read("c1")
    assert run["metrics"]["curve/train_loss"] == list(enumerate(result.curves["train_loss"], 1))
    assert run["metrics"]["final/validation_accuracy"] == [(0, result.curves["validation_accuracy"][-1])]
    assert run["metrics"]["best/test_accuracy"] == [(0, result.metrics["test_accuracy"])]
    assert run["metrics"]["best/epoch"] == [(0, 2)]
    assert run["metrics"]["train_seconds"] == [(0, 3)]
    assert run["metrics"]["epochs_to_target"] == [(0, 2)]
    assert run["data"] == [("synthetic", "d" * 12)]
    assert run["files"] == ["environment.json", "settings.json"]
    tuned = runs["optimizer", "adam · plain · tuned · rate 0.01 · seed 1000"]
    assert tuned["tags"]["tuning"] == "true"
    assert tuned["params"] == {"optimizer": "adam", "learning_rate": "0.01", "seed": "1000"}


def test_an_experiment_says_what_it_asks(store: Store, uri: str, plan: dict[str, Any]) -> None:
    """The question is in the description, and follows the study when that is reworded."""
    report = tracking.track(store, uri)
    client = tracking.open_client(uri)
    experiment = client.get_experiment(report["experiments"]["activation"])
    assert (experiment.name, experiment.tags["question"]) == ("activation", "Does the activation matter?")
    plan["studies"][0]["question"] = "Which activation?"
    store.write_plan(plan)
    tracking.track(store, uri)
    assert "Which activation?" in client.get_experiment(experiment.experiment_id).tags["mlflow.note.content"]


def test_the_settings_are_kept_whole(store: Store, uri: str) -> None:
    """The artifact can be read back."""
    client = tracking.open_client(uri)
    (run,) = client.search_runs([tracking.track(store, uri)["experiments"]["activation"]], "tags.fingerprint = 'c0'")
    from mlflow.artifacts import load_dict

    assert load_dict(f"{run.info.artifact_uri}/settings.json") == BASE


def test_a_diverged_run_is_shown_as_such(store: Store, uri: str) -> None:
    """What was not reached is left out."""
    tracking.track(store, uri)
    run = shown(uri)["activation", "leaky_relu · plain · seed 0"]
    assert (run["status"], run["tags"]["status"]) == ("FAILED", "diverged")
    assert "not finite" in run["tags"]["error"]
    assert run["params"]["activation"] == "leaky_relu (slope 0.1)"
    assert [step for step, _ in run["metrics"]["curve/train_loss"]] == [1, 2]
    assert not {"best/test_accuracy", "final/train_loss"} & set(run["metrics"])


def test_twice_adds_nothing(store: Store, uri: str) -> None:
    """Runs are known by their tags."""
    tracking.track(store, uri)
    before = shown(uri)
    assert tracking.track(store, uri)["added"] == 0
    assert shown(uri) == before


def test_another_target_is_shown_without_training(store: Store, uri: str, plan: dict[str, Any]) -> None:
    """How soon a target was reached is read from the curves: the same records, shown anew."""
    tracking.track(store, uri)
    for one in plan["studies"]:
        for each in one["arms"]:
            each["settings"] = each["settings"] | {"target_accuracy": 0.1}
    store.write_plan(plan)
    assert tracking.track(store, uri)["added"] == 7
    client = tracking.open_client(uri)
    found = client.search_runs([client.get_experiment_by_name("activation").experiment_id], "tags.fingerprint = 'c1'")
    reached = {run.data.tags["current"]: run.data.metrics["epochs_to_target"] for run in found}
    assert reached == {"false": 2, "true": 1}


def test_a_deleted_database_is_rebuilt(store: Store, uri: str, fresh: Callable[[str], str]) -> None:
    """MLflow holds nothing that the records lack; the second file is what a later process would find."""
    first, second = tracking.track(store, uri), tracking.track(store, fresh("new.db"))
    assert second == first | {"uri": second["uri"]}
    assert shown(second["uri"]) == shown(uri)


def test_half_written_runs_are_replaced(
    store: Store, uri: str, fresh: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was written when the process died, the next call writes the run whole."""
    clean = fresh("clean.db")
    for broken in ("_log", "_complete"):
        with monkeypatch.context() as patch:
            patch.setattr(tracking.Book, broken, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                tracking.track(store, uri)
    assert tracking.track(store, uri)["added"] == 7
    tracking.track(store, clean)
    assert shown(uri) == shown(clean)


def test_runs_that_the_plan_has_left_stay_marked(store: Store, uri: str, plan: dict[str, Any]) -> None:
    """A study that shrinks keeps its history, one that grows gives older runs the param that now varies."""
    tracking.track(store, uri)
    activation = plan["studies"][0]
    (relu, leaky), deep = activation["arms"], arm("relu", ["n0"], norm="batch")
    activation["arms"] = [relu, deep | {"context": "deep"}]
    store.write_plan(plan)
    report = tracking.track(store, uri)
    assert (report["runs"], report["added"]) == (6, 0)  # `n0` has no record yet, `l0` is no longer counted
    runs = shown(uri)
    assert runs["activation", "leaky_relu · plain · seed 0"]["tags"]["current"] == "false"
    assert runs["activation", "relu · plain · seed 0"]["params"] == {"activation": "relu", "norm": "none", "seed": "0"}
    activation["arms"] = [relu, leaky]
    store.write_plan(plan)
    tracking.track(store, uri)
    assert shown(uri)["activation", "leaky_relu · plain · seed 0"]["tags"]["current"] == "true"


def test_live_shows_what_track_would(
    store: Store,
    uri: str,
    fresh: Callable[[str], str],
    plan: dict[str, Any],
    results: list[RunResult],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Runs appear while they train, point by point, and end up as the records say."""
    monkeypatch.setattr(tracking, "FLUSH_SECONDS", 0.05)
    lines: list[str] = []
    tracker = tracking.Tracker(uri, plan, lines.append)
    first, *others = results
    for epoch in range(2):
        tracker.epoch("c0", {name: values[epoch] for name, values in first.curves.items()})
    running = wait_for(uri, ("activation", "relu · plain · seed 0"))
    assert running["status"] == "RUNNING"
    assert [step for step, _ in running["metrics"]["curve/train_loss"]] == [1, 2]
    for result in [first, *others]:
        tracker.finished(result)
    tracker.close()
    assert lines == []
    live = shown(uri)
    assert tracking.track(store, uri)["added"] == 0
    rebuilt = fresh("rebuilt.db")
    tracking.track(store, rebuilt)
    assert live == shown(rebuilt)


def wait_for(uri: str, key: tuple[str, str]) -> Any:
    """Return the run as soon as MLflow shows two epochs of it."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        run = shown(uri).get(key)
        if run and len(run["metrics"].get("curve/train_loss", [])) == 2:
            return run
        time.sleep(0.05)
    raise AssertionError(f"{key} did not appear")


def test_a_run_that_is_stopped_is_replaced(store: Store, uri: str, plan: dict[str, Any]) -> None:
    """Ctrl-C leaves no run that seems to go on."""
    tracker = tracking.Tracker(uri, plan)
    tracker.epoch("c0", {"epoch": 1, "train_loss": 2.0})
    tracker.close()
    assert {run["status"] for run in shown(uri).values()} == {"KILLED"}
    assert tracking.track(store, uri)["added"] == 7


def test_training_goes_on_when_mlflow_fails(
    uri: str, plan: dict[str, Any], results: list[RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says how to repair it; no call raises."""
    lines: list[str] = []
    monkeypatch.setattr(tracking, "FLUSH_SECONDS", 0.01)
    tracker = tracking.Tracker(uri, plan, lines.append)
    monkeypatch.setattr(tracking.Book, "_create", lambda *_: 1 / 0)
    tracker.finished(results[0])
    tracker._thread.join(15)
    tracker.finished(results[1])
    tracker.close()
    assert len(lines) == 1
    assert "python -m harness track" in lines[0]


def test_a_long_run_takes_several_requests(uri: str, plan: dict[str, Any]) -> None:
    """MLflow refuses more than 1,000 values at once."""
    long = record("a0", 0)
    long.curves = {name: [float(epoch) for epoch in range(1, 701)] for name in ("epoch", "train_loss", "learning_rate")}
    tracking.Book(uri, plan).write("a0", [], 10_000, long)
    curves = shown(uri)["optimizer", "adam · plain · seed 0"]["metrics"]
    assert [len(curves[f"curve/{name}"]) for name in ("train_loss", "learning_rate")] == [700, 700]


def test_pages_are_attached_once(store: Store, uri: str, plan: dict[str, Any], tmp_path: Path) -> None:
    """A page hangs on the run `report` of its study and is replaced when it changes."""
    page = tmp_path / "reports" / "activation.html"
    page.parent.mkdir()
    page.write_text("<p>old</p>")
    experiment = tracking.track(store, uri)["experiments"]["activation"]
    assert [tracking.attach_pages(page.parent, uri, plan) for _ in range(2)] == [1, 0]
    page.write_text("<p>new</p>")
    assert tracking.attach_pages(page.parent, uri, plan) == 1
    client = tracking.open_client(uri)
    (run,) = client.search_runs([experiment], "tags.kind = 'report'")
    from mlflow.artifacts import load_text

    assert (run.info.run_name, load_text(f"{run.info.artifact_uri}/activation.html")) == ("report", "<p>new</p>")
    assert tracking.track(store, uri)["added"] == 0


@pytest.mark.parametrize("uri", ["mlruns", "sqlite:///{folder}", "sqlite:///{folder}/text.db", "http//localhost"])
def test_an_address_that_cannot_work_is_refused_before_training(uri: str, tmp_path: Path, plan: dict[str, Any]) -> None:
    """The line names the parameter."""
    (tmp_path / "text.db").write_text("not a database, but long enough to be read as one " * 99)
    with pytest.raises(SettingError, match=r"tracking\.uri") as caught:
        tracking.Tracker(uri.format(folder=tmp_path), plan)
    assert "\n" not in str(caught.value)


def test_a_server_that_does_not_answer_is_one_line(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Port 9 of this machine takes no connections."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(SettingError, match=r"http://127\.0\.0\.1:9 failed"):
        tracking.track(store, "http://127.0.0.1:9")
