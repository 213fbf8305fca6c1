"""Tables of a study -> every estimate that its page, CSV files and metrics.json show."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.arms import Arms
from harness.analysis.best import near_best
from harness.analysis.compared import ALPHA, Compared, compare_levels
from harness.analysis.counts import Runs
from harness.analysis.rules import PLAIN, Rules, Sweep, learn_rules
from harness.analysis.statistics import Estimate, mean_interval
from harness.analysis.tables import StudyTables, by_seed, chance_of, read_grid
from harness.analysis.verdicts import JudgedClaim, judge_claim
from harness.core.records import Store
from harness.core.written import ArmJson, ContextJson, PlanJson, TuningJson
from harness.quantities import PRIMARY

COSTS = ["train_seconds", "images_per_second", "parameters", "peak_memory_bytes", "steps"]


@dataclass(frozen=True)
class Arm:
    """One context and level: the primary metric and what its runs cost."""

    context: str
    level: str
    primary: Compared
    shared_mean: float | None  # of the primary metric, over the seeds that all levels of the context have
    epochs_to_target: Estimate | None
    never_reached: int
    costs: dict[str, Estimate | None]
    runs: int
    unfinished: dict[str, int]  # status -> runs, those that are not done
    chosen: float | None  # the tuned value of the arm
    edge: str | None  # which end of all that tuning tried the chosen value is: another beyond it may be better
    chance: float  # the accuracy of guessing
    settings: dict[str, Any]

    @property
    def is_control(self) -> bool:
        """Whether the other levels of the context are compared with this one."""
        return self.primary.standing == "control"


@dataclass(frozen=True)
class ContextSummary:
    """The sweep in one context, arms in the order of the study file."""

    name: str
    changes: dict[str, Any]
    arms: tuple[Arm, ...]
    seeds: int
    shared_seeds: int  # that all levels have
    resolvable: float | None  # smallest difference of the primary metric that the seeds can resolve
    near_best: tuple[str, ...]  # levels that can't be told from the best

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.is_control)

    @cached_property
    def ranked(self) -> list[Arm]:
        """Arms that were measured, best first; runs that did not finish count as chance."""
        measured = [(arm.shared_mean, arm) for arm in self.arms if arm.shared_mean is not None]
        return [arm for _, arm in sorted(measured, key=lambda one: -one[0])]

    @property
    def spread(self) -> float:
        """Best minus worst mean of the primary metric."""
        means = [arm.shared_mean for arm in self.arms if arm.shared_mean is not None]
        return max(means) - min(means) if means else 0.0

    @property
    def effect(self) -> float:
        """The largest difference to the control that is told from none after adjustment, without its sign; or 0."""
        resolved = (arm.primary for arm in self.arms if arm.primary.standing in ("better", "worse"))
        return max((abs(one.difference.mean) for one in resolved if one.difference), default=0.0)


@dataclass(frozen=True)
class StudySummary:
    """All that is known about a study."""

    tables: StudyTables
    contexts: tuple[ContextSummary, ...]
    metrics: tuple[Compared, ...]  # every metric that the study or a claim names, primary included
    claims: tuple[JudgedClaim, ...]
    rules: Rules
    varied: tuple[str, ...]
    fixed: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.tables.name

    @property
    def counted(self) -> pd.DataFrame:
        """The runs as means and differences count them."""
        return self.tables.counted

    @property
    def leading(self) -> ContextSummary:
        """The context in which the factor matters most: by what is resolved, then by best minus worst."""
        return max(self.contexts, key=lambda context: (context.effect, context.spread))

    def compared(self, context: str, metric: str) -> list[Compared]:
        """Return one metric of every level in a context."""
        return [one for one in self.metrics if one.context == context and one.metric == metric]


def training_seconds(summaries: Sequence[StudySummary]) -> dict[str, float]:
    """Return the seconds of every trained run of these studies by fingerprint, each once.

    An average trains nothing; its members count, those too that no study shows, of which the store tells.
    """
    runs = Runs.of(one.tables.plan for one in summaries)
    seconds: dict[str, float] = {}
    for table in (table for one in summaries for table in (one.tables.runs, one.tables.tuning)):
        if not table.empty:
            seconds.update(zip(table["fingerprint"], table["train_seconds"].fillna(0.0), strict=True))
    for print_ in runs.hidden:
        seconds[print_] = summaries[0].tables.store.read(print_).metrics.get("train_seconds") or 0.0
    return {print_: seconds[print_] for print_ in sorted(runs.trained)}


def summarise_grid(store: Store, plan: PlanJson) -> list[StudySummary]:
    """Return the summaries of all studies of a plan, each judged by what all of them teach."""
    tables = read_grid(store, plan)
    rules = rules_of(tables, plan.get("looks", 1))
    return [summarise(one, rules) for one in tables]


def rules_of(every: Iterable[StudyTables], looks: int = 1) -> Rules:
    """Return the rules that these studies together teach, whose seeds were added in so many `looks`."""
    every = list(every)
    sweeps = [Sweep(Arms(one.counted), one.levels, one.control, one.contexts) for one in every]
    return learn_rules(sweeps, [name for one in every for name in named_metrics(one)], looks)


def named_metrics(tables: StudyTables) -> list[str]:
    """Return every metric that a study or one of its claims names, the primary one first."""
    judged = [comparison.metric for claim in tables.claims for comparison in claim.comparisons]
    return list(dict.fromkeys([PRIMARY, *(tables.plan.get("metrics") or []), *judged]))


def summarise(tables: StudyTables, rules: Rules | None = None) -> StudySummary:
    """Return every estimate of a study, by the `rules` of the grid; without them, by those of this study alone."""
    arms = Arms(tables.counted)
    rules = rules_of([tables]) if rules is None else rules
    varied, fixed = varied_and_fixed(tables.plan["arms"])
    names = [metric for metric in named_metrics(tables) if metric in tables.counted]
    metrics = {metric: compare_levels(tables, arms, metric, rules) for metric in dict.fromkeys([PRIMARY, *names])}
    return StudySummary(
        tables=tables,
        contexts=tuple(
            summarise_context(tables, arms, context, metrics[PRIMARY], rules) for context in tables.plan["contexts"]
        ),
        metrics=tuple(
            one for context in tables.contexts for m in names for one in metrics[m] if one.context == context
        ),
        claims=tuple(judge_claim(claim, arms, rules, tables.left_out) for claim in tables.claims),
        rules=rules,
        varied=varied,
        fixed=fixed,
    )


def summarise_context(
    tables: StudyTables, arms: Arms, context: ContextJson, primary: list[Compared], rules: Rules
) -> ContextSummary:
    """Return the arms of one context with what the seeds can resolve; `primary` are those of all contexts."""
    name = context["name"]
    compared = {one.level: one for one in primary if one.context == name}
    plans = [arm for arm in tables.plan["arms"] if arm["context"] == name]
    shared = arms.shared([(name, level) for level in compared], PRIMARY)
    found = tuple(summarise_arm(tables, arms, plan, compared[str(plan["level"])], shared) for plan in plans)
    estimates = [one.difference for one in compared.values() if one.difference]
    # The first and hardest step of Holm's adjustment.
    steps = sum(one.p is not None for one in primary)
    halves = [half for one in estimates if (half := one.half_width(ALPHA / max(steps, 1)))]
    return ContextSummary(
        name,
        dict(context.get("changes") or {}),
        found,
        seeds=max((arm.runs for arm in found), default=0),
        shared_seeds=int(shared.sum()),
        resolvable=float(np.median(halves)) if halves else None,
        near_best=near_best(arms, PRIMARY, [(name, level) for level in compared], rules.get(PRIMARY, PLAIN)),
    )


def summarise_arm(tables: StudyTables, arms: Arms, plan: ArmJson, primary: Compared, shared: np.ndarray) -> Arm:
    """Return one arm: the primary metric, cost, and runs that did not finish; `shared` are the seeds of all levels."""
    counted = arms.counted
    context, level, tuning = plan["context"], str(plan["level"]), plan.get("tuning")
    rows = counted.loc[(context, level), :]
    unfinished = rows.loc[rows["status"] != "done", "status"].value_counts()
    return Arm(
        context=context,
        level=level,
        primary=primary,
        shared_mean=found.mean if (found := mean_interval(arms.values((context, level), PRIMARY)[shared])) else None,
        epochs_to_target=mean_interval(by_seed(counted, context, level, "epochs_to_target").to_numpy()),
        never_reached=int(rows["censored"].sum()),
        costs={name: mean_interval(by_seed(counted, context, level, name).to_numpy()) for name in COSTS},
        runs=len(rows),
        unfinished={str(status): int(count) for status, count in unfinished.sort_index().items()},
        chosen=tuning["chosen"] if tuning else None,
        edge=edge_of(tuning) if tuning else None,
        chance=chance_of(plan),
        settings=plan["settings"],
    )


def edge_of(tuning: TuningJson) -> str | None:
    """Return whether the chosen value is the smallest or the largest that was tried."""
    tried, chosen = [run["value"] for run in tuning["runs"]], tuning["chosen"]
    return "smallest" if chosen == min(tried) else "largest" if chosen == max(tried) else None


def varied_and_fixed(arms: list[ArmJson]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the settings that differ between arms, and the values that all share."""
    first = arms[0]["settings"]
    varied = tuple(name for name in first if any(arm["settings"].get(name) != first[name] for arm in arms))
    return varied, {name: value for name, value in first.items() if name not in varied}


def all_arms(summary: StudySummary) -> Iterator[Arm]:
    """Yield the arms of every context."""
    for context in summary.contexts:
        yield from context.arms
