"""What an MLflow store shows of a plan, and what it lacks.

An SQLite database is read without mlflow, whose import takes longer than a `dvc repro` with nothing to do.
"""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from harness.core.errors import SettingError
from harness.core.written import PlanJson, StudyJson
from harness.tracking.entries import LAYOUT, Entry, key_of, planned_entries
from harness.tracking.owner import Owner, is_alive
from harness.tracking.views import saved_view

Tags = Mapping[str, str]
SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql")
# A run of any other status has not been written whole.
COMPLETE = ("FINISHED", "FAILED")
FILES = ("settings.json", "environment.json")
LOCK_SECONDS = 30  # until others have written


@dataclass(frozen=True)
class ShownRun:
    """A run of the store that isn't deleted."""

    id: str
    study: str
    status: str
    artifacts: str
    tags: Tags
    params: Tags

    @property
    def key(self) -> tuple[str, ...]:
        """What it is known by."""
        return key_of(self.study, self.tags)

    def lacks(self, *files: str) -> bool:
        """Say whether one of its files isn't there; what a server keeps is taken to be there."""
        folder = local(self.artifacts)
        return folder is not None and not all((folder / name).is_file() for name in files)


@dataclass(frozen=True)
class ShownExperiment:
    """The experiment of a study; `tags` are None if it has been deleted."""

    id: str
    tags: Tags | None
    runs: list[ShownRun] = field(default_factory=list)


def is_sqlite(uri: str) -> bool:
    """Say whether an address is that of an SQLite database."""
    return urlsplit(uri).scheme.partition("+")[0] == "sqlite"


def database(uri: str) -> Path | None:
    """Return the file of an SQLite address, None for any other."""
    return Path(uri.partition(":///")[2].partition("?")[0]) if is_sqlite(uri) else None


def check_uri(uri: str) -> None:
    """Raise SettingError where `uri` can't work; quick, to be asked before training."""
    if urlsplit(uri).scheme.partition("+")[0] not in SCHEMES:
        remedy = "write sqlite:///mlflow.db for a file, or the http address of a server"
        raise SettingError(f"tracking.uri in params.yaml is {uri!r}; {remedy}")
    if path := database(uri):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection:
                # Kept in the file: the UI reads while we write, and a commit costs a third.
                connection.execute("PRAGMA journal_mode = WAL")
        except (OSError, sqlite3.Error) as error:
            problem = f"tracking.uri in params.yaml: can't write {path} ({error})"
            raise SettingError(f"{problem}; delete it or name another file") from error


def experiment_tags(study: StudyJson) -> dict[str, str]:
    """Return what an experiment says of its study, and how the UI shows it first."""
    tags = {name: study[name] for name in ("title", "question", "factor")}
    return tags | {"mlflow.note.content": f"**{study['title']}**: {study['question']}"} | saved_view()


def artifact_root(path: Path, study: str) -> str:
    """Return where the runs of a study keep their files: beside the database, wherever that is used from."""
    return (path.resolve().parent / "mlruns" / study).as_uri()


def local(uri: str) -> Path | None:
    """Return the folder of a `file:` address, None for any other."""
    return Path(unquote(urlsplit(uri).path)) if uri.startswith("file:") else None


def moved(connection: sqlite3.Connection, path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (experiment, old, new) for places of artifacts that the database at `path` has left behind.

    Only of experiments as `experiment_id` makes them: what others keep elsewhere stays there.
    """
    for number, name, old in connection.execute("SELECT experiment_id, name, artifact_location FROM experiments"):
        new = artifact_root(path, name)
        ending = new.removeprefix(path.resolve().parent.as_uri())
        if old and old != new and local(old) and old.endswith(ending):
            yield number, old, new


def follow(path: Path) -> None:
    """Let artifacts be looked for, and written, beside the database again after it has been moved.

    A run whose files stayed behind, as where the database alone was copied, keeps their place.
    """
    with closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as connection, connection:
        for number, old, new in list(moved(connection, path)):
            runs = connection.execute("SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ?", (number,))
            for run, was in runs.fetchall():
                here = new + was.removeprefix(old)
                if was.startswith(old) and (is_there(here) or not is_there(was)):
                    connection.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (here, run))
            connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (new, number))


def is_there(uri: str) -> bool:
    """Say whether the folder of a `file:` address exists."""
    folder = local(uri)
    return folder is not None and folder.is_dir()


def read_database(path: Path, studies: Sequence[str]) -> dict[str, ShownExperiment] | None:
    """Return the experiments of `studies` as far as they exist.

    None where it takes mlflow to say: the database is missing, older than this mlflow, locked, or was moved.
    """
    marks = ", ".join("?" * len(studies))
    chosen = f"(SELECT experiment_id FROM experiments WHERE name IN ({marks}))"
    runs = f"(SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active' AND experiment_id IN {chosen})"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if any(True for _ in moved(connection, path)):
                return None

            def select(what: str) -> list[tuple[str, ...]]:
                return connection.execute(f"SELECT {what}", tuple(studies)).fetchall()

            words: dict[str, dict[str, dict[str, str]]] = {"tags": {}, "params": {}}
            for table, found in words.items():
                for run, key, value in select(f"run_uuid, key, value FROM {table} WHERE run_uuid IN {runs}"):
                    found.setdefault(run, {})[key] = value
            notes: dict[str, dict[str, str]] = {}
            told = select(f"experiment_id, key, value FROM experiment_tags WHERE experiment_id IN {chosen}")
            for number, key, value in told:
                notes.setdefault(number, {})[key] = value
            listed = select(f"experiment_id, name, lifecycle_stage FROM experiments WHERE experiment_id IN {chosen}")
            shown = {
                name: ShownExperiment(str(number), notes.get(number, {}) if stage == "active" else None)
                for number, name, stage in listed
            }
            names = {experiment.id: name for name, experiment in shown.items()}
            for run, number, status, place in select(
                f"run_uuid, experiment_id, status, artifact_uri FROM runs WHERE run_uuid IN {runs}"
            ):
                name, tags, params = names[str(number)], words["tags"].get(run, {}), words["params"].get(run, {})
                shown[name].runs.append(ShownRun(run, name, status, place, tags, params))
            return shown
    except sqlite3.Error:
        return None


class State:
    """What a store shows of a plan, and what its owner has to mend there. Runs of others are only looked at.

    complete: keys that are shown whole. busy: keys that a living process of this project writes.
    stale: runs of this project that are to be deleted, since their process is gone or the same run is shown already.
    outdated: own runs with the tags and params to be written. bare: own runs without their files. own: own runs that
    stay and that the plan has.
    """

    def __init__(self, plan: PlanJson, shown: Mapping[str, ShownExperiment], owner: Owner) -> None:
        self.entries = planned_entries(plan)
        self.owner = owner
        self.complete: set[tuple[str, ...]] = set()
        self.busy: set[tuple[str, ...]] = set()
        self.stale: list[ShownRun] = []
        self.outdated: list[tuple[ShownRun, dict[str, str], dict[str, str]]] = []
        self.bare: list[ShownRun] = []
        self.own: list[ShownRun] = []
        planned = {entry.key: entry for shared in self.entries.values() for entry in shared}
        runs = [run for experiment in shown.values() for run in experiment.runs if "fingerprint" in run.tags]
        others = []
        for run in runs:
            entry = planned.get(run.key)
            if run.status not in COMPLETE:
                self._unfinished(run)
            elif owner.owns(run.tags) or (entry and owner.may_adopt(run.tags)):
                self._own(run, entry)
            else:
                others.append(run)
        for run in others:
            # What says all that ours would say need not be there twice.
            entry = planned.get(run.key)
            if entry and not any(changes(run, entry)):
                self.complete.add(run.key)

    def _unfinished(self, run: ShownRun) -> None:
        if not self.owner.shares_project(run.tags):
            return
        alive = run.status == "RUNNING" and is_alive(run.tags)
        if alive:
            self.busy.add(run.key)
        elif alive is False:
            self.stale.append(run)

    def _own(self, run: ShownRun, entry: Entry | None) -> None:
        if run.key in self.complete or (entry and run.tags.get("layout") != LAYOUT):
            self.stale.append(run)
            return
        self.complete.add(run.key)
        if entry:
            self.own.append(run)
        tags, params = changes(run, entry)
        if entry is None and not self.owner.branch:
            # An experiment says nothing of the plan of its branch, nor of other experiments.
            tags = {}
        if entry and not self.owner.owns(run.tags):
            tags |= {"branch": self.owner.branch}
        if tags or params:
            self.outdated.append((run, tags, params))
        if entry and run.lacks(*FILES):
            self.bare.append(run)

    def missing(self, fingerprint: str) -> list[Entry]:
        """Return where a run isn't shown, or not all of it, and nobody else is writing it."""
        done = self.complete | self.busy
        return [entry for entry in self.entries.get(fingerprint, ()) if entry.key not in done]

    def bare_runs(self, fingerprint: str) -> list[ShownRun]:
        """Return the own runs of a record that lack its files."""
        return [run for run in self.bare if run.tags["fingerprint"] == fingerprint]

    @property
    def own_arms(self) -> set[tuple[str, str, str]]:
        """The arms (study, context, level) of which not all runs are shown by others."""
        tags = [run.tags for run in self.own]
        tags += [entry.tags for print_ in self.entries for entry in self.missing(print_)]
        return {(one["study"], one["context"], one["level"]) for one in tags}

    @property
    def settled(self) -> bool:
        """Say whether the runs that are shown are right."""
        return not (self.stale or self.outdated or self.bare)


def changes(run: ShownRun, entry: Entry | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the tags and params that a run lacks to say what its entry does; None: the plan no longer has it."""
    tags = (entry.tags if entry else {"current": "false"}).items() - run.tags.items()
    # A param can be added, never changed: the study may have grown and now vary it.
    params = {} if entry is None else {k: v for k, v in entry.params.items() if k not in run.params}
    return dict(tags), params


def unattached(reports: Path, shown: Mapping[str, ShownExperiment], owner: Owner) -> dict[str, Path]:
    """Return the pages `reports/<study>.html` that the store lacks, or has an older one of."""
    found = {}
    for study, experiment in shown.items():
        page, run = reports / f"{study}.html", report_run(experiment, owner)
        if page.is_file() and (run is None or run.lacks(page.name) or run.tags.get("page") != digest(page)):
            found[study] = page
    return found


def report_run(experiment: ShownExperiment, owner: Owner) -> ShownRun | None:
    """Return the own run that holds the page of a study."""
    return next((run for run in experiment.runs if run.tags.get("kind") == "report" and owner.owns(run.tags)), None)


def digest(page: Path) -> str:
    """Return what a page is recognised by."""
    return hashlib.sha256(page.read_bytes()).hexdigest()
