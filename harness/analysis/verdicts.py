"""Claims -> verdicts: the interval of a paired difference against the margin that the claim asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from harness.analysis.statistics import Estimate, mean_interval, seeds_to_resolve
from harness.analysis.tables import by_seed, paired
from harness.left_out import LeftOut
from harness.spec import Claim, Comparison

Verdict = Literal["supported", "refuted", "unresolved"]
BOUNDED = "epochs_to_target"  # a run that never reached the target gives a bound, not a value


@dataclass(frozen=True)
class Judged:
    """One comparison with its verdict.

    `difference` is level minus against, in stored units, unsigned by the expectation. `reason`
    is set when the verdict is unresolved for another cause than a wide interval.
    """

    comparison: Comparison
    verdict: Verdict
    difference: Estimate | None
    seeds_needed: int | None = None
    reason: str | None = None
    bounded: bool = False


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdict, its comparisons, and how many seeds would resolve it (None: unknown)."""

    claim: Claim
    verdict: Verdict
    comparisons: tuple[Judged, ...]
    seeds_needed: int | None


@dataclass(frozen=True)
class Difference:
    """Paired differences by seed, and whether each end is to be trusted where values are bounds.

    floor: the true differences are at least these. ceiling: they are at most these.
    """

    values: pd.Series
    floor: bool = True
    ceiling: bool = True


def judge_claim(claim: Claim, runs: pd.DataFrame, left_out: Sequence[LeftOut] = ()) -> JudgedClaim:
    """Return the verdict on `runs` as counted: supported if every comparison is, refuted if any is, else unresolved."""
    judged = tuple(judge(comparison, runs, left_out) for comparison in claim.comparisons)
    verdicts = {one.verdict for one in judged}
    if "refuted" in verdicts:
        verdict: Verdict = "refuted"
    elif verdicts == {"supported"}:
        verdict = "supported"
    else:
        verdict = "unresolved"
    needed = [one.seeds_needed for one in judged if one.verdict == "unresolved"]
    known = [seeds for seeds in needed if seeds is not None]
    complete = verdict == "unresolved" and known and len(known) == len(needed)
    return JudgedClaim(claim, verdict, judged, max(known) if complete else None)


def judge(comparison: Comparison, runs: pd.DataFrame, left_out: Sequence[LeftOut] = ()) -> Judged:
    """Return the verdict of one comparison on `runs` as counted (see `as_counted`), some arms left out of the plan."""
    lacking = not_testable(comparison, left_out) or not_measured(comparison, runs)
    if lacking:
        return Judged(comparison, "unresolved", None, reason=lacking)
    difference = difference_of(comparison, runs)
    estimate = mean_interval(difference.values.to_numpy())
    bounded = not (difference.floor and difference.ceiling)
    if estimate is None:
        return Judged(comparison, "unresolved", None, reason="the two levels share no seed", bounded=bounded)
    if estimate.low is None or estimate.high is None:
        alone = "one seed gives no interval; two or more do"
        return Judged(comparison, "unresolved", estimate, reason=alone, bounded=bounded)
    supported, refuted = decide(comparison, estimate, difference)
    if supported or refuted:
        return Judged(comparison, "supported" if supported else "refuted", estimate, bounded=bounded)
    decided_without_bounds = any(decide(comparison, estimate, Difference(difference.values)))
    if bounded and decided_without_bounds:
        open_ended = "runs that never reached the target give a bound only; more epochs would decide"
        return Judged(comparison, "unresolved", estimate, reason=open_ended, bounded=True)
    needed = seeds_to_resolve(estimate.sd, distance_to_decision(comparison, estimate.mean))
    reason = None if needed else "the difference lies on the margin; no reasonable number of seeds would decide"
    return Judged(comparison, "unresolved", estimate, needed, reason, bounded)


def decide(comparison: Comparison, estimate: Estimate, difference: Difference) -> tuple[bool, bool]:
    """Return (supported, refuted) for an estimate that has an interval."""
    margin = comparison.margin
    floor, ceiling = difference.floor, difference.ceiling
    if comparison.direction == "lower":
        estimate, floor, ceiling = -estimate, ceiling, floor
    assert estimate.low is not None and estimate.high is not None
    low, high = estimate.low, estimate.high
    if comparison.direction == "equal":
        inside = -margin <= low and high <= margin and floor and ceiling
        return inside, (low > margin and floor) or (high < -margin and ceiling)
    # With a margin of 0, no difference at all is not a difference in the expected direction.
    return low >= margin and low > 0 and floor, (high < margin or high <= 0) and ceiling


def distance_to_decision(comparison: Comparison, mean: float) -> float:
    """Return how far the mean lies from the nearest edge at which the verdict turns."""
    if comparison.direction == "equal":
        return min(abs(mean - comparison.margin), abs(mean + comparison.margin))
    signed = -mean if comparison.direction == "lower" else mean
    return abs(signed - comparison.margin)


def difference_of(comparison: Comparison, runs: pd.DataFrame) -> Difference:
    """Return level minus against by seed; with `more_than`, minus the same in that context."""
    here = difference_in(comparison, comparison.context, runs)
    if comparison.more_than is None:
        return here
    there = difference_in(comparison, comparison.more_than, runs)
    return Difference(
        paired(here.values, there.values),
        floor=here.floor and there.ceiling,
        ceiling=here.ceiling and there.floor,
    )


def difference_in(comparison: Comparison, context: str, runs: pd.DataFrame) -> Difference:
    """Return level minus against by seed in one context."""
    level = by_seed(runs, context, comparison.level, comparison.metric)
    never = any_censored(comparison.metric, context, comparison.level, runs)
    if not isinstance(comparison.against, str):
        return Difference(level - float(comparison.against), ceiling=not never)
    against = by_seed(runs, context, comparison.against, comparison.metric)
    never_against = any_censored(comparison.metric, context, comparison.against, runs)
    return Difference(paired(level, against), floor=not never_against, ceiling=not never)


def any_censored(metric: str, context: str, level: str, runs: pd.DataFrame) -> bool:
    """Say whether an arm has runs whose value is only a lower bound."""
    return metric == BOUNDED and bool(by_seed(runs, context, level, "censored").any())


def arms_of(comparison: Comparison) -> list[tuple[str, str]]:
    """Return (context, level) of every arm that a comparison is about."""
    contexts = [comparison.context] + ([comparison.more_than] if comparison.more_than else [])
    levels = [comparison.level] + ([comparison.against] if isinstance(comparison.against, str) else [])
    return [(context, level) for context in contexts for level in levels]


def not_testable(comparison: Comparison, left_out: Sequence[LeftOut]) -> str | None:
    """Return why an arm of the comparison was left out of the plan, or None."""
    reasons = [one.reason for arm in arms_of(comparison) for one in left_out if one.covers(*arm)]
    return f"not testable on this data: {reasons[0]}" if reasons else None


def not_measured(comparison: Comparison, runs: pd.DataFrame) -> str | None:
    """Return what the comparison lacks in plain words, or None."""
    for context, level in arms_of(comparison):
        if (context, level) not in runs.index:
            return f"not measured: there are no runs of {level} in {context}"
        target, chance = (by_seed(runs, context, level, name) for name in ("target", "chance"))
        if comparison.metric == BOUNDED and bool((target <= chance).any()):
            return "not testable on this data: guessing reaches the target accuracy; raise recipe.target_accuracy"
        if by_seed(runs, context, level, comparison.metric).empty:
            return f"not measured: the runs of {level} in {context} have no {comparison.metric}"
    return None
