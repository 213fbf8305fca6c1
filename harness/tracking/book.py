"""Writes runs and reports into MLflow, each of them once. The only file that imports mlflow."""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.core.errors import SettingError
from harness.core.spec import RunResult
from harness.core.written import PlanJson, StudyJson
from harness.tracking.entries import Entry, Json, outcome, points, scalars
from harness.tracking.owner import Owner
from harness.tracking.parents import PARENT, Arm, Family, Parent, arm_of
from harness.tracking.shown import (
    FILES,
    ShownExperiment,
    ShownRun,
    State,
    artifact_root,
    check_uri,
    database,
    digest,
    experiment_tags,
    follow,
    read_database,
    report_run,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput

# Name, value, milliseconds, step.
Value = tuple[str, float | None, int, int]
# MLflow takes 1,000 values in one request, and returns 50,000 runs.
METRICS_PER_REQUEST = 900
MOST_RUNS = 50_000
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


def experiment_id(client: "MlflowClient", study: StudyJson) -> str:
    """Return the experiment of a study, made or brought up to date."""
    tags, path = experiment_tags(study), database(client.tracking_uri)
    found = client.get_experiment_by_name(study["name"])
    if found is None:
        # A server has a place of its own for artifacts.
        root = artifact_root(path, study["name"]) if path else None
        return client.create_experiment(study["name"], root, tags)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    for name, value in tags.items():
        if found.tags.get(name) != value:
            client.set_experiment_tag(found.experiment_id, name, value)
    return found.experiment_id


def read_client(client: "MlflowClient", experiments: Mapping[str, str]) -> dict[str, ShownExperiment]:
    """Return what a server shows of experiments, by study, with one search for each."""
    shown = {}
    for study, experiment in experiments.items():
        found = client.search_runs([experiment], max_results=MOST_RUNS)
        runs = [
            ShownRun(run.info.run_id, study, run.info.status, run.info.artifact_uri, run.data.tags, run.data.params)
            for run in found
        ]
        shown[study] = ShownExperiment(experiment, {}, runs)
    return shown


@dataclass
class OpenRun:
    """A run that is being written, and the epochs of it that MLflow has."""

    id: str
    artifacts: str
    epochs: set[float | None] = field(default_factory=set)


class Book:
    """The store of MLflow opened for a plan; all runs are written here, known by study, fingerprint, level and seed.

    Opening it deletes what `State` calls stale and brings the tags of own runs up to date: `current` is false for
    those that the plan of this branch no longer has. `wanted` are the arms to be shown above their runs.
    """

    def __init__(self, uri: str, plan: PlanJson, wanted: Mapping[Arm, Parent] | None = None) -> None:
        self.data = plan["data"]
        self.client = open_client(uri)
        self.open: dict[tuple[str, ...], OpenRun] = {}
        path = database(uri)
        with mlflow_errors(uri):
            if path:
                follow(path)
            self.experiments = {study["name"]: experiment_id(self.client, study) for study in plan["studies"]}
            shown = read_database(path, list(self.experiments)) if path else None
            self.shown = read_client(self.client, self.experiments) if shown is None else shown
            self.owner = Owner.of(Path(), path and path.parent)
            self.state = State(plan, self.shown, self.owner)
            family = Family(wanted or {}, self.shown, self.state)
            for run in [*self.state.stale, *family.stale]:
                self.client.delete_run(run.id)
            for run, tags, params in self.state.outdated:
                self._log(run.id, [], params, tags)
            for run, tags in family.outdated:
                self._log(run.id, [], {}, tags)
            self.parents = family.there | {one.arm: self._begin(one) for one in family.missing}
            family.there = self.parents
            for run, above in family.orphans:
                self._log(run.id, [], {}, {PARENT: above})

    def write(self, fingerprint: str, new: Sequence[Json], moment: int, result: RunResult | None = None) -> int:
        """Log the points of a run that MLflow lacks, in every study that shows it; with its result, complete it.

        `moment`, in milliseconds, is when it ended, or when the news came. Returns how many runs are now complete.
        """
        begun = moment - round(1000 * (result.metrics.get("train_seconds") or 0)) if result else moment
        new = points(result, begun) if result else new
        missing = self.state.missing(fingerprint)
        for entry in missing:
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
        return len(missing) if result else 0

    def mend(self, fingerprint: str, result: RunResult) -> None:
        """Give the runs of a record back the files that were deleted."""
        for run in self.state.bare_runs(fingerprint):
            self._keep_files(run.artifacts, result)

    def _begin(self, parent: Parent) -> str:
        """Write the run of an arm and return its id."""
        moment = round(1000 * time.time())
        tags = parent.tags | self.owner.tags
        run = self.client.create_run(self.experiments[parent.tags["study"]], moment, tags, parent.name).info.run_id
        values: list[Value] = [(name, value, moment, 0) for name, value in parent.values.items()]
        for point in parent.points:
            curves = ((name, value) for name, value in point.items() if name != "epoch")
            values += [(f"curve/{name}", value, moment, int(point["epoch"])) for name, value in curves]
        self._log(run, values, parent.params, {})
        # Last, as it says that nothing is missing.
        self.client.set_terminated(run, "FINISHED", moment)
        return run

    def _create(self, entry: Entry, tags: dict[str, str], begun: int) -> OpenRun:
        tags = entry.tags | self.owner.tags | tags
        if above := self.parents.get(arm_of(entry.tags)):
            tags[PARENT] = above
        info = self.client.create_run(self.experiments[entry.study], begun, tags, entry.name).info
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
        self._keep_files(run.artifacts, result)
        # Last, as it says that nothing is missing.
        self.client.set_terminated(run.id, "FINISHED" if result.status == "done" else "FAILED", ended)
        self.state.complete.add(entry.key)
        del self.open[entry.key]

    def _keep_files(self, artifacts: str, result: RunResult) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        with TemporaryDirectory() as folder:
            for name, content in zip(FILES, (result.settings, result.environment), strict=True):
                Path(folder, name).write_text(json.dumps(content, indent=1) + "\n")
            # The client would ask the store first where this run keeps its artifacts; we were told.
            get_artifact_repository(artifacts, self.client.tracking_uri).log_artifacts(folder)

    def attach(self, pages: Mapping[str, Path]) -> None:
        """Attach the page of each study to the own run `report` of its experiment.

        MLflow's experiments hold no files, so this run, tagged `kind: report`, stands for the study.
        """
        for study, page in pages.items():
            if run := report_run(self.shown[study], self.owner):
                number = run.id
            else:
                tags = {"kind": "report", "study": study} | self.owner.tags
                number = self.client.create_run(self.experiments[study], tags=tags, run_name="report").info.run_id
            self.client.log_artifact(number, str(page))
            self.client.set_tag(number, "page", digest(page))
            self.client.set_terminated(number)

    def leave(self) -> None:
        """Say of runs that didn't end that they won't; they are replaced once they have."""
        for run in self.open.values():
            self.client.set_terminated(run.id, "KILLED")
