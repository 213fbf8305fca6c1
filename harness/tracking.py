"""Records -> MLflow: one experiment per study, one run per run of it. The only file that imports mlflow.

`track` writes what the store of records holds, `Tracker` the same while training goes on; both write through a
`Book`, which knows a run by its fingerprint, level, context and seed, so that writing twice adds nothing.
MLflow holds nothing that the records lack: its database may be deleted at any time.
"""

import hashlib
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.entries import Entry, Json, key_of, outcome, planned_entries, points, scalars
from harness.errors import SettingError
from harness.records import RECORD, Store
from harness.spec import RunResult

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Run

# Name, value, milliseconds, step.
Value = tuple[str, float | None, int, int]
# Most runs of a small grid end within this: their curves then take one request instead of several.
FLUSH_SECONDS = 10.0
# A run of any other status was left half written.
COMPLETE = ("FINISHED", "FAILED")
# MLflow takes 1,000 values in one request, and returns 50,000 runs.
METRICS_PER_REQUEST = 900
MOST_RUNS = 50_000
SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql")
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Failures come as exceptions; what is logged beside them is tracebacks and table migrations.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Otherwise a server that doesn't answer is tried for four minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}


def dataset(data: Json) -> "DatasetInput":
    """Describe the pictures of a plan without reading them."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = {"uri": data["source"], "digest": data["digest"]}
    schema = {name: data[name] for name in ("classes", "image_size")}
    profile = {"num_rows": sum(data["splits"].values())} | data["splits"]
    # The UI shows the digest beside every run: short enough to read, and whole in the source.
    words = (data["source"], data["digest"][:12], "local", *map(json.dumps, (source, schema, profile)))
    return DatasetInput(Dataset(*words), [InputTag("mlflow.data.context", "training")])


def check_uri(uri: str) -> None:
    """Raise SettingError where `uri` can't work; quick, to be asked before training."""
    scheme = urlsplit(uri).scheme.partition("+")[0]
    if scheme not in SCHEMES:
        remedy = "write sqlite:///mlflow.db for a file, or the http address of a server"
        raise SettingError(f"tracking.uri in params.yaml is {uri!r}; {remedy}")
    if scheme == "sqlite":
        try:
            database(uri).parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(database(uri))) as connection:
                # Kept in the file: the UI reads while we write, and a commit costs a third.
                connection.execute("PRAGMA journal_mode = WAL")
        except (OSError, sqlite3.Error) as error:
            problem = f"tracking.uri in params.yaml: can't write {database(uri)} ({error})"
            raise SettingError(f"{problem}; delete it or name another file") from error


def database(uri: str) -> Path:
    """Return the file of a sqlite address."""
    return Path(uri.partition(":///")[2].partition("?")[0])


@contextmanager
def mlflow_errors(uri: str) -> Iterator[None]:
    """Turn the failures of MLflow's store into one line with the remedy."""
    # Read when mlflow is imported; what the user has set stays.
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        raise SettingError(f"MLflow at {uri} failed ({first_line(error)}); see tracking.uri in params.yaml") from error


def first_line(error: Exception) -> str:
    """Return what fits on a line."""
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]


def open_client(uri: str) -> "MlflowClient":
    """Return a client whose store answers, or raise SettingError."""
    check_uri(uri)
    with mlflow_errors(uri):
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        return client


def experiment_id(client: "MlflowClient", study: Json) -> str:
    """Return the experiment of a study, made or brought up to date."""
    tags = {name: study[name] for name in ("title", "question", "factor")}
    tags["mlflow.note.content"] = f"**{study['title']}**: {study['question']}"
    found = client.get_experiment_by_name(study["name"])
    if found is None:
        root = None
        if client.tracking_uri.startswith("sqlite"):
            # In full, as it must not depend on where the UI is started; a server has a place of its own.
            root = (database(client.tracking_uri).absolute().parent / "mlruns" / study["name"]).as_uri()
        return client.create_experiment(study["name"], root, tags)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for name, value in tags.items():
        if found.tags.get(name) != value:
            client.set_experiment_tag(found.experiment_id, name, value)
    return found.experiment_id


@dataclass
class OpenRun:
    """A run that is being written, and the epochs of it that MLflow has."""

    id: str
    artifacts: str
    epochs: set[float | None] = field(default_factory=set)


class Book:
    """What MLflow shows of a plan, read with one search per experiment; all runs are written here.

    Opening it deletes runs that were left half written and brings the tags of the others up to date: `current`
    is false for those that the plan no longer has.
    """

    def __init__(self, uri: str, plan: Json) -> None:
        self.entries = planned_entries(plan)
        self.data = plan["data"]
        self.client = open_client(uri)
        self.open: dict[tuple[str, ...], OpenRun] = {}
        self.complete: set[tuple[str, ...]] = set()
        with mlflow_errors(uri):
            self.experiments = {study["name"]: experiment_id(self.client, study) for study in plan["studies"]}
            planned = {entry.key: entry for shared in self.entries.values() for entry in shared}
            for study, experiment in self.experiments.items():
                for run in self.client.search_runs([experiment], "tags.fingerprint LIKE '%'", max_results=MOST_RUNS):
                    key = key_of(study, run.data.tags)
                    if run.info.status in COMPLETE and key not in self.complete:
                        self.complete.add(key)
                        self._refresh(run, planned.get(key))
                    else:
                        self.client.delete_run(run.info.run_id)

    def _refresh(self, run: "Run", entry: Entry | None) -> None:
        tags = (entry.tags if entry else {"current": "false"}).items() - run.data.tags.items()
        # A param can be added, never changed: the study may have grown and now vary it.
        params = {} if entry is None else {k: v for k, v in entry.params.items() if k not in run.data.params}
        if tags or params:
            self._log(run.info.run_id, [], params, dict(tags))

    def pending(self, fingerprint: str) -> list[Entry]:
        """Return where MLflow doesn't show this run yet, or not all of it."""
        return [entry for entry in self.entries.get(fingerprint, ()) if entry.key not in self.complete]

    def write(self, fingerprint: str, new: Sequence[Json], moment: int, result: RunResult | None = None) -> int:
        """Log the points of a run that MLflow lacks, in every study that shows it; with its result, complete it.

        `moment`, in milliseconds, is when it ended, or when the news came. Returns how many runs are now complete.
        """
        begun = moment - round(1000 * (result.metrics.get("train_seconds") or 0)) if result else moment
        new = points(result, begun) if result else new
        pending = self.pending(fingerprint)
        for entry in pending:
            tags, params = outcome(result) if result else {}, {}
            run = self.open.get(entry.key)
            if run is None:
                # Tags are free in the request that makes the run, and cost milliseconds later.
                run = self.open[entry.key] = self._create(entry, tags, begun)
                tags, params = {}, entry.params
            values: list[Value] = [
                (f"curve/{name}", value, point["milliseconds"], int(point["epoch"]))
                for point in new
                if point["epoch"] not in run.epochs
                for name, value in point.items()
                if name not in ("epoch", "milliseconds")
            ]
            if result:
                values += [(name, value, moment, 0) for name, value in scalars(result, entry).items()]
            run.epochs.update(point["epoch"] for point in new)
            self._log(run.id, values, params, tags)
            if result:
                self._complete(entry, run, result, moment)
        return len(pending) if result else 0

    def _create(self, entry: Entry, tags: dict[str, str], begun: int) -> OpenRun:
        info = self.client.create_run(self.experiments[entry.study], begun, entry.tags | tags, entry.name).info
        self.client.log_inputs(info.run_id, [dataset(self.data)])
        return OpenRun(info.run_id, info.artifact_uri)

    def _log(self, run_id: str, values: Sequence[Value], params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(name, value, moment, step) for name, value, moment, step in values if value is not None]
        words = [Param(*item) for item in params.items()], [RunTag(*item) for item in tags.items()]
        self.client.log_batch(run_id, metrics[:METRICS_PER_REQUEST], *words)
        for start in range(METRICS_PER_REQUEST, len(metrics), METRICS_PER_REQUEST):
            self.client.log_batch(run_id, metrics[start : start + METRICS_PER_REQUEST])

    def _complete(self, entry: Entry, run: OpenRun, result: RunResult, ended: int) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with TemporaryDirectory() as folder:
            for name, content in {"settings": result.settings, "environment": result.environment}.items():
                Path(folder, f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
            # The client would ask the store first where this run keeps its artifacts; we were told.
            get_artifact_repository(run.artifacts, self.client.tracking_uri).log_artifacts(folder)
        # Last, as it says that nothing is missing.
        self.client.set_terminated(run.id, "FINISHED" if result.status == "done" else "FAILED", ended)
        self.complete.add(entry.key)
        del self.open[entry.key]

    def leave(self) -> None:
        """Say of runs that didn't end that they won't; they are replaced once they have."""
        for run in self.open.values():
            self.client.set_terminated(run.id, "KILLED")


def track(store: Store, uri: str, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Write the records of the current plan that MLflow lacks; SettingError if it fails.

    `progress` is told how many of how many fingerprints are done. Returns the uri, the experiments by study, the
    runs of the plan that MLflow shows and how many this call added. Others stay, tagged `current: false`.
    """
    book = Book(uri, store.read_plan())
    runs = added = 0
    with mlflow_errors(uri):
        for done, (fingerprint, shared) in enumerate(book.entries.items(), 1):
            if store.has(fingerprint):
                runs += len(shared)
                if book.pending(fingerprint):
                    ended = round(1000 * (store.root / fingerprint / RECORD).stat().st_mtime)
                    added += book.write(fingerprint, [], ended, store.read(fingerprint))
            if progress:
                progress(done, len(book.entries))
    return {"uri": uri, "experiments": book.experiments, "runs": runs, "added": added}


def attach_pages(reports: Path, uri: str, plan: Json) -> int:
    """Attach `reports/<study>.html` to the run `report` of each study; return how many were new or changed.

    MLflow's experiments hold no files, so this run, tagged `kind: report`, stands for the study.
    """
    client = open_client(uri)
    attached = 0
    with mlflow_errors(uri):
        for study in plan["studies"]:
            page = reports / f"{study['name']}.html"
            if not page.is_file():
                continue
            experiment = experiment_id(client, study)
            found = client.search_runs([experiment], "tags.kind = 'report'", max_results=1)
            tags = {"kind": "report", "study": study["name"]}
            run = found[0] if found else client.create_run(experiment, tags=tags, run_name="report")
            digest = hashlib.sha256(page.read_bytes()).hexdigest()
            if run.data.tags.get("page") != digest:
                client.log_artifact(run.info.run_id, str(page))
                client.set_tag(run.info.run_id, "page", digest)
                client.set_terminated(run.info.run_id)
                attached += 1
    return attached


class Tracker:
    """Tracks runs as they train: a call costs an entry in a queue, one background thread writes to MLflow.

    What fails there is said in one line, and then no more is tracked: training goes on, and `python -m harness
    track` adds what is missing from the records. Only the parent process may have one.
    """

    def __init__(self, uri: str, plan: Json, warn: Callable[[str], None] | None = None) -> None:
        check_uri(uri)
        self._uri, self._plan, self._warn = uri, plan, warn or (lambda line: print(line, file=sys.stderr))
        self._news: SimpleQueue[tuple[str, int, dict[str, Any] | RunResult]] = SimpleQueue()
        self._closing, self._stopped = threading.Event(), threading.Event()
        # A daemon, so that a server that hangs can't keep the process alive.
        self._thread = threading.Thread(target=self._work, name="tracker", daemon=True)
        self._thread.start()

    def epoch(self, fingerprint: str, point: Mapping[str, float | None]) -> None:
        """Add one entry of every curve of a run: `epoch` (from 1) and the values by name."""
        self._tell(fingerprint, dict(point))

    def finished(self, result: RunResult) -> None:
        """Complete a run whose record is in the store; without one, `track` could not repeat it."""
        self._tell(result.fingerprint, result)

    def close(self, wait_seconds: float = 60) -> None:
        """Write what has been told, for at most `wait_seconds`."""
        self._closing.set()
        self._thread.join(wait_seconds)
        if self._thread.is_alive():
            self._warn(f"MLflow at {self._uri} doesn't keep up; run `python -m harness track` to add what is missing")

    def _tell(self, fingerprint: str, news: dict[str, Any] | RunResult) -> None:
        if not self._stopped.is_set():
            self._news.put((fingerprint, round(1000 * time.time()), news))

    def _work(self) -> None:
        try:
            book = Book(self._uri, self._plan)
            with mlflow_errors(self._uri):
                while not self._closing.wait(FLUSH_SECONDS):
                    self._flush(book)
                self._flush(book)
                book.leave()
        # Whatever it was: training must not end for it.
        except Exception as error:
            self._stopped.set()
            self._warn(f"tracking stopped: {first_line(error)}. `python -m harness track` adds later what is missing")

    def _flush(self, book: Book) -> None:
        """Write what came since the last time, one request for all points of a run."""
        points: dict[str, list[Json]] = {}
        ends: dict[str, tuple[int, RunResult]] = {}
        begun: dict[str, int] = {}
        while not self._news.empty():
            fingerprint, moment, news = self._news.get()
            begun.setdefault(fingerprint, moment)
            if isinstance(news, RunResult):
                ends[fingerprint] = moment, news
            else:
                points.setdefault(fingerprint, []).append(news | {"milliseconds": moment})
        for fingerprint, moment in begun.items():
            ended, result = ends.get(fingerprint, (moment, None))
            book.write(fingerprint, points.get(fingerprint, []), ended, result)
