"""Every run of a plan that has no record yet: trained, recorded and shown, wave after wave."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console

from harness.campaign.ensemble import record_ensembles
from harness.campaign.progress import TrainingProgress
from harness.campaign.project import PREPARED, current_plan, engine, version_stamp, worker_count
from harness.campaign.work import work
from harness.core.config import Params
from harness.core.console import complain
from harness.core.records import Store
from harness.data.prepared import Prepared
from harness.engines.events import Epoch, Event, Failed, Finished
from harness.planning.plan import Plan
from harness.tracking.tracker import Tracker


@dataclass
class Campaign:
    """The training of all runs that a plan lacks; each result is kept at once, and shown in MLflow if `tracked`.

    `failed` and `asked` are fingerprints: of what met a bug, and of all that this call was to train so far.
    """

    params: Params
    store: Store
    console: Console
    stamp: dict[str, Any] = field(default_factory=version_stamp)
    failed: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    plan: Callable[[Params], Plan] = current_plan
    tracked: bool = True

    def run(self) -> Plan:
        """Train until nothing is missing; return the plan as it stands then. What failed is in `failed`."""
        current = self.plan(self.params)
        for line in current.remarks:
            self.console.print(line, soft_wrap=True)
        with engine(self.params, worker_count(self.params, current), self.store) as workers:
            # Runs that tuning must choose first become part of the plan once its trials are recorded.
            while pending := {print_: spec for print_, spec in current.pending.items() if print_ not in self.failed}:
                self.asked |= set(pending)
                self.wave(replace(current, pending=pending), workers.execute(list(pending.values())))
                current = self.plan(self.params)
        record_ensembles(current.averages.values(), self.store, Prepared.load(PREPARED), self.stamp)
        self.store.settle(print_ for print_ in current.distinct if self.store.has(print_))
        self.store.write_plan(current.to_json())
        return current

    def wave(self, current: Plan, events: Iterator[Event]) -> None:
        """Keep the results of the pending runs, and show how far they are."""
        names, data, pending = current.names, current.target.data, current.pending

        def warn(line: str) -> None:
            self.console.print(line, soft_wrap=True)

        tracker = Tracker(self.params.tracking.uri, current.to_json(), warn) if self.tracked else None
        amounts = work([*pending.values(), *current.stand_ins], data)
        progress = TrainingProgress(
            {print_: names[print_] for print_ in pending},
            data["splits"]["train"],
            self.console,
            dict(zip(pending, amounts, strict=False)),
            later=sum(amounts[len(pending) :]),
        )
        try:
            with progress:
                for event in events:
                    match event:
                        case Epoch(spec=spec, point=point, trial=None):
                            if tracker:
                                tracker.epoch(spec.fingerprint, point)
                        case Finished(spec=spec, result=result):
                            identity = current.target.identity(spec)
                            # Of torch the run itself tells more.
                            seen = identity["versions"] | result.environment | self.stamp
                            result = replace(result, environment=seen)
                            self.store.write(result, identity)
                            if tracker:
                                tracker.finished(result)
                        case Failed(spec=spec, problem=problem):
                            self.failed.append(spec.fingerprint)
                            title = f"{names[spec.fingerprint]} ({spec.fingerprint})"
                            complain("run failed:", f"{title}\n{problem}")
                    # Last: nothing that is shown may come between a result and its record.
                    progress.show(event)
        except KeyboardInterrupt:
            if tracker:
                tracker.close(wait_seconds=1)
            # Asked of the store: what was written a moment ago has not been shown yet.
            kept = sum(map(self.store.has, self.asked))
            warn(f"stopped; {kept} run(s) of this call are kept, the same command goes on")
            raise
        if tracker:
            tracker.close()
