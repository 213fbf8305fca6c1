"""Arms in MLflow: a run above the runs of each, with means and intervals over seeds as the report has them.

The estimates are the report's tables, read as they lie there: nothing is estimated here.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.written import PlanJson
from harness.tracking.entries import FIRST, HEADLINE, arm_tags, settings_of
from harness.tracking.owner import is_alive
from harness.tracking.shown import COMPLETE, ShownExperiment, ShownRun, State

Arm = tuple[str, str, str]  # study, context, level
Points = list[dict[str, float]]  # an entry per epoch
KIND = "arm"
PARENT = "mlflow.parentRunId"
WORDS = ("standing", "reason")  # columns of the table that are tags
MORE = ("p", "p_adjusted", "runs", "unfinished")


@dataclass(frozen=True)
class Parent:
    """The run of an arm: `values` by metric, and `points` of the mean curves, each with its `epoch` (from 1)."""

    name: str
    tags: dict[str, str]
    params: dict[str, str]
    values: dict[str, float]
    points: Points = field(default_factory=list)

    @property
    def arm(self) -> Arm:
        """What it is known by."""
        return arm_of(self.tags)


def arm_of(tags: Mapping[str, str]) -> Arm:
    """Return the arm that a run belongs to."""
    return tags.get("study", ""), tags.get("context", ""), tags.get("level", "")


def read_parents(plan: PlanJson, reports: Path | None) -> dict[Arm, Parent]:
    """Return the arms of a plan that the report in `reports` has estimates of; none where there is no report."""
    if reports is None:
        return {}
    estimates = {arm_of(row): row for row in rows(reports / "tables" / "levels.csv")}
    curves: dict[Arm, Points] = {}
    for row in rows(reports / "plots" / "curves.csv"):
        curves.setdefault(arm_of(row), []).append(numbers(row))
    found = {}
    for study in plan["studies"]:
        for arm in study["arms"]:
            tags = arm_tags(plan, study, arm) | {"kind": KIND}
            key = arm_of(tags)
            if key in estimates:
                found[key] = parent(tags, settings_of(arm["settings"]), estimates[key], curves.get(key, []))
    return found


def parent(tags: dict[str, str], params: dict[str, str], row: Mapping[str, str], points: Points) -> Parent:
    """Return the run of one arm, made of its row in the table of levels and its mean curves."""
    known = numbers(row)
    first = [name for name in (*HEADLINE, "difference") if name in known]
    values = {f"{FIRST}/{name}": known[name] for name in first}
    more = [f"{name}_{end}" for name in first for end in ("low", "high")]
    values |= {f"interval/{name}": known[name] for name in (*more, *MORE) if name in known}
    tags = tags | {name: row[name] for name in WORDS if row.get(name)}
    told = json.dumps([tags, params, values, points], sort_keys=True).encode()
    return Parent(tags["arm"], tags | {"estimates": hashlib.sha256(told).hexdigest()}, params, values, points)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a table by column; none if it isn't there."""
    if path.is_file():
        with path.open(newline="", encoding="utf-8") as file:
            yield from csv.DictReader(file)


def numbers(row: Mapping[str, str]) -> dict[str, float]:
    """Return the columns that hold a number."""
    found = {}
    for name, text in row.items():
        try:
            found[name] = float(text)
        except ValueError:
            continue
    return found


class Family:
    """What a store shows of the arms, and what its owner has to mend there; those of others are only looked at.

    there: the run of each arm, by arm. stale: own ones that say something else, or not all. outdated: own ones with
    the tags to be written. missing: those to be written.
    """

    def __init__(self, wanted: Mapping[Arm, Parent], shown: Mapping[str, ShownExperiment], state: State) -> None:
        self.state, self.owner = state, state.owner
        self.there: dict[Arm, str] = {}
        self.stale: list[ShownRun] = []
        self.outdated: list[tuple[ShownRun, dict[str, str]]] = []
        told_by_others = set()
        for run in parents_in(shown.values()) if wanted else ():
            told = wanted.get(arm_of(run.tags))
            if self.owner.owns(run.tags) or (told and self.owner.may_adopt(run.tags)):
                self._own(run, told)
            elif told and same(run, told):
                told_by_others.add(told.arm)
        # Where others show all runs of an arm they may as well show their mean.
        spared = told_by_others - state.own_arms
        self.missing = [one for arm, one in wanted.items() if arm not in self.there and arm not in spared]

    def _own(self, run: ShownRun, told: Parent | None) -> None:
        if told is None:
            # An experiment says nothing of the plan of its branch, nor of other experiments.
            if self.owner.branch and run.tags.get("current") == "true":
                self.outdated.append((run, {"current": "false"}))
        elif told.arm in self.there or not same(run, told):
            if run.status in COMPLETE or not is_alive(run.tags):
                self.stale.append(run)
        else:
            self.there[told.arm] = run.id
            own = {} if self.owner.owns(run.tags) else {"branch": self.owner.branch}
            if tags := dict((told.tags | own).items() - run.tags.items()):
                self.outdated.append((run, tags))

    @property
    def orphans(self) -> Iterator[tuple[ShownRun, str]]:
        """Yield own runs that aren't below the run of their arm, and that run."""
        for run in self.state.own:
            above = self.there.get(arm_of(run.tags))
            if above and run.tags.get(PARENT) != above:
                yield run, above

    @property
    def settled(self) -> bool:
        """Say whether nothing is to be written."""
        return not (self.stale or self.outdated or self.missing or any(True for _ in self.orphans))


def parents_in(experiments: Iterable[ShownExperiment]) -> Iterator[ShownRun]:
    """Yield the runs that stand for arms."""
    for experiment in experiments:
        yield from (run for run in experiment.runs if run.tags.get("kind") == KIND)


def same(run: ShownRun, told: Parent) -> bool:
    """Say whether a run was written whole and says what is to be said."""
    return run.status in COMPLETE and run.tags.get("estimates") == told.tags["estimates"]
