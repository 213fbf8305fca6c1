"""Tables of a study -> every estimate that its page, CSV files and metrics.json show."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from harness.analysis.quantities import PRIMARY, quantity
from harness.analysis.statistics import Estimate, holm, mean_interval, resolvable_effect, sign_flip_p
from harness.analysis.tables import StudyTables, as_counted, by_seed, chance_of, paired
from harness.analysis.verdicts import JudgedClaim, judge_claim

# different: resolved, of a metric that is neither good nor bad.
Standing = Literal["control", "better", "worse", "different", "unresolved"]
COSTS = ["train_seconds", "images_per_second", "parameters", "peak_memory_bytes", "steps"]


@dataclass(frozen=True)
class Compared:
    """One metric of one arm: its mean over seeds, and its paired difference to the control."""

    context: str
    level: str
    metric: str
    value: Estimate | None
    difference: Estimate | None
    p: float | None
    p_adjusted: float | None
    standing: Standing


@dataclass(frozen=True)
class Arm:
    """One context and level: the primary metric and what its runs cost."""

    context: str
    level: str
    primary: Compared
    epochs_to_target: Estimate | None
    never_reached: int
    costs: dict[str, Estimate | None]
    runs: int
    unfinished: dict[str, int]  # status -> runs, those that are not done
    chosen: float | None  # the tuned value of the arm
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
    resolvable: float | None  # smallest difference of the primary metric that the seeds can resolve

    @property
    def control(self) -> Arm:
        """The arm that the others are compared with."""
        return next(arm for arm in self.arms if arm.is_control)

    @cached_property
    def ranked(self) -> list[Arm]:
        """Arms that were measured, best first; runs that did not finish count as chance."""
        return sorted((arm for arm in self.arms if arm.primary.value), key=lambda arm: -mean_of(arm.primary.value))

    @property
    def spread(self) -> float:
        """Best minus worst mean of the primary metric."""
        return mean_of(self.ranked[0].primary.value) - mean_of(self.ranked[-1].primary.value) if self.ranked else 0.0

    @property
    def effect(self) -> float:
        """The largest difference to the control that its interval tells from none, without its sign; 0 if none is."""
        resolved = (arm.primary for arm in self.arms if arm.primary.standing in ("better", "worse"))
        return max((abs(one.difference.mean) for one in resolved if one.difference), default=0.0)


@dataclass(frozen=True)
class StudySummary:
    """All that is known about a study."""

    tables: StudyTables
    counted: pd.DataFrame
    contexts: tuple[ContextSummary, ...]
    metrics: tuple[Compared, ...]  # every metric that the study or a claim names, primary included
    claims: tuple[JudgedClaim, ...]
    varied: tuple[str, ...]
    fixed: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.tables.name

    @property
    def leading(self) -> ContextSummary:
        """The context in which the factor matters most: by what is resolved, then by best minus worst."""
        return max(self.contexts, key=lambda context: (context.effect, context.spread))

    def compared(self, context: str, metric: str) -> list[Compared]:
        """Return one metric of every level in a context."""
        return [one for one in self.metrics if one.context == context and one.metric == metric]


def by_effect(summaries: Iterable[StudySummary]) -> list[StudySummary]:
    """Return the studies in the order of how much their factors matter, most first."""
    return sorted(summaries, key=lambda summary: (-summary.leading.effect, -summary.leading.spread))


def mean_of(estimate: Estimate | None) -> float:
    """Return the mean, or minus infinity where nothing was measured, so that it sorts last."""
    return estimate.mean if estimate else float("-inf")


def summarise(tables: StudyTables) -> StudySummary:
    """Return every estimate of a study."""
    counted = as_counted(tables.runs)
    varied, fixed = varied_and_fixed(tables.plan["arms"])
    judged = [comparison.metric for claim in tables.claims for comparison in claim.comparisons]
    names = dict.fromkeys([PRIMARY, *(tables.plan.get("metrics") or []), *judged])
    return StudySummary(
        tables=tables,
        counted=counted,
        contexts=tuple(summarise_context(tables, counted, context) for context in tables.plan["contexts"]),
        metrics=tuple(
            one
            for context in tables.contexts
            for metric in names
            if metric in counted
            for one in compare_levels(tables, counted, context, metric)
        ),
        claims=tuple(judge_claim(claim, counted, tables.left_out) for claim in tables.claims),
        varied=varied,
        fixed=fixed,
    )


def summarise_context(tables: StudyTables, counted: pd.DataFrame, context: dict[str, Any]) -> ContextSummary:
    """Return the arms of one context with what the seeds can resolve."""
    compared = {one.level: one for one in compare_levels(tables, counted, context["name"], PRIMARY)}
    plans = [arm for arm in tables.plan["arms"] if arm["context"] == context["name"]]
    arms = tuple(summarise_arm(tables, counted, plan, compared[str(plan["level"])]) for plan in plans)
    seeds = max((arm.runs for arm in arms), default=0)
    sds = [arm.primary.difference.sd for arm in arms if arm.primary.difference]
    return ContextSummary(
        context["name"], dict(context.get("changes") or {}), arms, seeds, resolvable_effect(sds, seeds)
    )


def summarise_arm(tables: StudyTables, counted: pd.DataFrame, plan: dict[str, Any], primary: Compared) -> Arm:
    """Return one arm: the primary metric, cost, and runs that did not finish."""
    context, level = plan["context"], str(plan["level"])
    rows = counted.loc[(context, level)]
    unfinished = rows.loc[rows["status"] != "done", "status"].value_counts()
    return Arm(
        context=context,
        level=level,
        primary=primary,
        epochs_to_target=mean_interval(by_seed(counted, context, level, "epochs_to_target").to_numpy()),
        never_reached=int(rows["censored"].sum()),
        costs={name: mean_interval(by_seed(counted, context, level, name).to_numpy()) for name in COSTS},
        runs=len(rows),
        unfinished={str(status): int(count) for status, count in unfinished.sort_index().items()},
        chosen=plan["tuning"]["chosen"] if plan.get("tuning") else None,
        chance=chance_of(plan),
        settings=plan["settings"],
    )


def compare_levels(tables: StudyTables, counted: pd.DataFrame, context: str, metric: str) -> list[Compared]:
    """Return one metric of every level that ran in a context, p-values adjusted over the levels."""
    present = set(counted.loc[counted["context"] == context, "level"])
    levels = [level for level in tables.levels if level in present]
    reference = by_seed(counted, context, tables.control, metric)
    results = []
    for level in levels:
        values = by_seed(counted, context, level, metric)
        estimate = possible(mean_interval(values.to_numpy()), metric)
        if level == tables.control:
            results.append(Compared(context, level, metric, estimate, None, None, None, "control"))
            continue
        differences = paired(values, reference).to_numpy()
        difference = mean_interval(differences)
        p = sign_flip_p(differences)
        results.append(Compared(context, level, metric, estimate, difference, p, None, standing(metric, difference)))
    adjusted = holm([one.p for one in results])
    return [replace(one, p_adjusted=p) for one, p in zip(results, adjusted, strict=True)]


def possible(estimate: Estimate | None, metric: str) -> Estimate | None:
    """Return the estimate of a share with its interval cut off at 0 and 1, others as they are."""
    if estimate is None or estimate.low is None or estimate.high is None or not quantity(metric).share:
        return estimate
    return replace(estimate, low=max(estimate.low, 0.0), high=min(estimate.high, 1.0))


def standing(metric: str, difference: Estimate | None) -> Standing:
    """Say how a level stands against the control: the interval of the difference decides."""
    if difference is None or difference.low is None or difference.high is None:
        return "unresolved"
    up, down = difference.low > 0, difference.high < 0
    if not (up or down):
        return "unresolved"
    wanted = quantity(metric).better
    if wanted is None:
        return "different"
    return "better" if up == (wanted == "higher") else "worse"


def varied_and_fixed(arms: list[dict[str, Any]]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of the settings that differ between arms, and the values that all share."""
    first = arms[0]["settings"]
    varied = tuple(name for name in first if any(arm["settings"].get(name) != first[name] for arm in arms))
    return varied, {name: value for name, value in first.items() if name not in varied}


def all_arms(summary: StudySummary) -> Iterator[Arm]:
    """Yield the arms of every context."""
    for context in summary.contexts:
        yield from context.arms
