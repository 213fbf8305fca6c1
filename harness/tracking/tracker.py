"""Records -> MLflow: one experiment per study, one run per run of it.

`track` writes what the store of records holds, `Tracker` the same while training goes on; both write through a
`Book`, which knows a run by its fingerprint, level, context and seed, so that writing twice adds nothing.
MLflow holds nothing that the records lack: its database may be deleted at any time.
"""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from harness.core.records import Store
from harness.core.spec import RunResult
from harness.core.written import PlanJson
from harness.tracking.book import Book, first_line, mlflow_errors
from harness.tracking.entries import Json
from harness.tracking.owner import Owner
from harness.tracking.parents import Arm, Family, Parent, read_parents
from harness.tracking.shown import State, check_uri, database, experiment_tags, read_database, unattached

# Most runs of a small grid end within this: their curves then take one request instead of several.
FLUSH_SECONDS = 10.0


def track(
    store: Store, uri: str, reports: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Write what MLflow lacks of the current plan: records, and pages `reports/<study>.html`; SettingError if it fails.

    MLflow's own store is asked for that, each time. `progress` is told how many of how many fingerprints are done.
    Returns the uri, the experiments by study, the records of the plan, the runs that MLflow shows of them, how many
    this call added, and the arms that are shown above their runs, of which there are none without `reports`.
    Others stay, tagged `current: false`.
    """
    plan = store.read_plan()
    check_uri(uri)
    added = 0
    arms = read_parents(plan, reports)
    if (found := nothing_to_do(store, uri, plan, reports, arms)) is not None:
        state, experiments = found
    else:
        book = Book(uri, plan, arms)
        state, experiments = book.state, book.experiments
        with mlflow_errors(uri):
            for done, fingerprint in enumerate(state.entries, 1):
                if store.has(fingerprint) and (state.missing(fingerprint) or state.bare_runs(fingerprint)):
                    result, ended = store.read(fingerprint), round(1000 * store.written(fingerprint))
                    book.mend(fingerprint, result)
                    added += book.write(fingerprint, [], ended, result)
                if progress:
                    progress(done, len(state.entries))
            if reports:
                book.attach(unattached(reports, book.shown, book.owner))
    recorded = [shared for fingerprint, shared in state.entries.items() if store.has(fingerprint)]
    runs = sum(map(len, recorded))
    told = {"uri": uri, "experiments": experiments, "records": len(recorded), "runs": runs, "arms": len(arms)}
    return told | {"added": added}


def nothing_to_do(
    store: Store, uri: str, plan: PlanJson, reports: Path | None, arms: Mapping[Arm, Parent]
) -> tuple[State, dict[str, str]] | None:
    """Return what the database shows, and its experiments, if nothing is to be written; None if mlflow is needed."""
    path = database(uri)
    shown = read_database(path, [study["name"] for study in plan["studies"]]) if path else None
    if path is None or shown is None:
        return None
    for study in plan["studies"]:
        experiment = shown.get(study["name"])
        if experiment is None or experiment.tags is None or experiment_tags(study).items() - experiment.tags.items():
            return None
    owner = Owner.of(Path(), path.parent)
    state = State(plan, shown, owner)
    missing = any(state.missing(fingerprint) for fingerprint in state.entries if store.has(fingerprint))
    unsettled = not (state.settled and Family(arms, shown, state).settled)
    if missing or unsettled or (reports and unattached(reports, shown, owner)):
        return None
    return state, {study: experiment.id for study, experiment in shown.items()}


class Tracker:
    """Tracks runs as they train: a call costs an entry in a queue, one background thread writes to MLflow.

    What fails there is said in one line, and then no more is tracked: training goes on, and `python -m harness
    track` adds what is missing from the records. Only the parent process may have one.
    """

    def __init__(self, uri: str, plan: PlanJson, warn: Callable[[str], None] | None = None) -> None:
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
