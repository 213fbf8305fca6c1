"""Records become MLflow runs: by name, once, the same live as afterwards."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import RunResult
from harness.tracking import book
from harness.tracking import tracker as tracking
from harness.tracking.entries import metric_name
from tests.tracking.conftest import BASE, arm, record, shown


def test_a_record_becomes_a_run(store: Store, uri: str) -> None:
    """Names, tags, params, metrics, curves, data and files are where a user of MLflow looks for them."""
    told = []
    report = tracking.track(store, uri, None, lambda done, total: told.append((done, total)))
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
        "arm": "relu · plain",
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
    assert run["params"] == {name: str(value) for name, value in BASE.items()} | {"seed": "1"}
    result = store.read("c1")
    assert run["metrics"]["curve/train_loss"] == list(enumerate(result.curves["train_loss"], 1))
    assert run["metrics"]["final/validation_accuracy"] == [(0, result.curves["validation_accuracy"][-1])]
    assert run["metrics"]["answer/test_accuracy"] == [(0, result.metrics["test_accuracy"])]
    assert run["metrics"]["best/epoch"] == [(0, 2)]
    assert run["metrics"]["answer/train_seconds"] == [(0, 3)]
    assert run["metrics"]["answer/epochs_to_target"] == [(0, 2)]
    assert run["data"] == [("synthetic", "d" * 12)]
    assert run["files"] == ["environment.json", "settings.json"]
    tuned = runs["optimizer", "adam · plain · tuned · rate 0.01 · seed 1000"]
    assert tuned["tags"]["tuning"] == "true"
    assert tuned["params"].items() >= {"optimizer": "adam", "learning_rate": "0.01", "seed": "1000"}.items()


def test_few_metrics_come_first(store: Store, uri: str) -> None:
    """The UI sorts their sections by the alphabet."""
    tracking.track(store, uri)
    run = shown(uri)["activation", "relu · plain · seed 1"]
    first = {f"answer/{name}" for name in ("test_accuracy", "epochs_to_target", "train_seconds")}
    assert set(sorted(run["metrics"])[:3]) == first and all("/" in name for name in run["metrics"])
    named = {name: metric_name(name) for name in ("test_loss", "best_epoch", "steps", "trials", "dead_units")}
    assert list(named.values()) == ["best/test_loss", "best/epoch", "run/steps", "run/trials", "probe/dead_units"]


def test_an_experiment_says_what_it_asks(store: Store, uri: str, plan: dict[str, Any]) -> None:
    """The question is in the description, and follows the study when that is reworded."""
    report = tracking.track(store, uri)
    client = book.open_client(uri)
    experiment = client.get_experiment(report["experiments"]["activation"])
    assert (experiment.name, experiment.tags["question"]) == ("activation", "Does the activation matter?")
    plan["studies"][0]["question"] = "Which activation?"
    store.write_plan(plan)
    tracking.track(store, uri)
    assert "Which activation?" in client.get_experiment(experiment.experiment_id).tags["mlflow.note.content"]


def test_the_settings_are_kept_whole(store: Store, uri: str) -> None:
    """The artifact can be read back."""
    client = book.open_client(uri)
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
    assert not {"answer/test_accuracy", "final/train_loss"} & set(run["metrics"])


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
            for body in (each, each["tuning"] or {"settings": {}}):
                body["settings"] = body["settings"] | {"target_accuracy": 0.1}
    store.write_plan(plan)
    assert tracking.track(store, uri)["added"] == 7
    client = book.open_client(uri)
    found = client.search_runs([client.get_experiment_by_name("activation").experiment_id], "tags.fingerprint = 'c1'")
    reached = {run.data.tags["current"]: run.data.metrics["answer/epochs_to_target"] for run in found}
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
            patch.setattr(book.Book, broken, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                tracking.track(store, uri)
    assert tracking.track(store, uri)["added"] == 7
    tracking.track(store, clean)
    assert shown(uri) == shown(clean)


def test_runs_that_the_plan_has_left_stay_marked(store: Store, uri: str, plan: dict[str, Any]) -> None:
    """A study that shrinks keeps its history."""
    tracking.track(store, uri)
    activation = plan["studies"][0]
    (relu, leaky), deep = activation["arms"], arm("relu", ["n0"], norm="batch")
    activation["arms"] = [relu, deep | {"context": "deep"}]
    store.write_plan(plan)
    report = tracking.track(store, uri)
    assert (report["runs"], report["added"]) == (6, 0)  # `n0` has no record yet, `l0` is no longer counted
    runs = shown(uri)
    assert runs["activation", "leaky_relu · plain · seed 0"]["tags"]["current"] == "false"
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
    deadline = time.monotonic() + 60
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
    monkeypatch.setattr(book.Book, "_create", lambda *_: 1 / 0)
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
    book.Book(uri, plan).write("a0", [], 10_000, long)
    curves = shown(uri)["optimizer", "adam · plain · seed 0"]["metrics"]
    assert [len(curves[f"curve/{name}"]) for name in ("train_loss", "learning_rate")] == [700, 700]


def test_pages_are_attached_once(store: Store, uri: str, tmp_path: Path) -> None:
    """A page hangs on the run `report` of its study; it is replaced when it changes, and restored when it is gone."""
    from mlflow.artifacts import load_text

    page = tmp_path / "reports" / "activation.html"
    page.parent.mkdir()
    client = book.open_client(uri)

    def attached() -> tuple[str, int, str]:
        experiment = tracking.track(store, uri, page.parent)["experiments"]["activation"]
        (run,) = client.search_runs([experiment], "tags.kind = 'report'")
        history = Path(run.info.artifact_uri.removeprefix("file://"), "activation.html").stat().st_mtime_ns
        return run.info.run_name, history, load_text(f"{run.info.artifact_uri}/activation.html")

    page.write_text("<p>old</p>")
    first = attached()
    assert first[::2] == ("report", "<p>old</p>")
    assert attached() == first
    page.write_text("<p>new</p>")
    assert attached()[2] == "<p>new</p>"
    shutil.rmtree(tmp_path / "mlruns")
    assert attached()[2] == "<p>new</p>"


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
