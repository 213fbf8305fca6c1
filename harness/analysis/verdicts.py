"""Claims -> verdicts: what the runs say surely, against zero and against the margin that the claim asks for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.analysis.arms import Arms
from harness.analysis.contrasts import Contrast, contrast, obstacle, terms_of
from harness.analysis.power import Seeds, seeds_to_decide
from harness.analysis.rules import KINDS, PLAIN, Rules
from harness.analysis.statistics import CONFIDENCE, Estimate, holm
from harness.core.study import Claim, Comparison
from harness.planning.left_out import LeftOut
from harness.quantities import quantity

# In the order in which they are told; the last two are of claims that hold by arithmetic.
Verdict = Literal[
    "supported", "contradicted", "too small to matter", "mixed", "not testable here", "open", "holds", "fails"
]
VERDICTS: tuple[Verdict, ...] = (
    "supported",
    "contradicted",
    "too small to matter",
    "mixed",
    "not testable here",
    "open",
)
CHECKS: tuple[Verdict, ...] = ("holds", "fails", "not testable here")
# Each statement is one-sided: the interval of 95 % leaves half of the rest on either side.
ALPHA = (1 - CONFIDENCE) / 2


@dataclass(frozen=True)
class Chances:
    """One-sided p-values of what can be said of a comparison; small where it is sure."""

    supported: float
    contradicted: float
    small: float


@dataclass(frozen=True)
class Judged:
    """One comparison with its verdict.

    `difference` is level minus against, in stored units, unsigned by the expectation. `reason` says why a comparison
    can't be tested, or stays open for another cause than a wide interval. `agree` is how many of the seeds of a check
    agree with it. `given` is what was seen of where it is meant to hold.
    """

    comparison: Comparison
    verdict: Verdict
    difference: Estimate | None = None
    seeds: Seeds | None = None
    reason: str | None = None
    bounded: bool = False
    chances: Chances | None = None
    agree: int | None = None
    given: "Judged | None" = None


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with its verdict, its comparisons, and how many seeds would decide it (None: unknown)."""

    claim: Claim
    verdict: Verdict
    comparisons: tuple[Judged, ...]
    seeds: Seeds | None = None


def judge_claim(claim: Claim, arms: Arms, rules: Rules, left_out: Sequence[LeftOut] = ()) -> JudgedClaim:
    """Return the verdict on a claim, some arms of whose study the data can't carry and are `left_out` of the plan.

    Comparisons that can't be tested are left out. The claim is supported if every other one surely lies beyond its
    margin, which needs no adjustment as all of them must. It is contradicted if any surely lies on the other side,
    adjusted over the comparisons (Holm 1979) so that not one of many does it by chance; mixed if some are surely
    supported and some surely are not; too small to matter if all surely lie within their margins; else open.
    """
    if claim.check:
        return judge_check(claim, arms, left_out)
    judged = [
        where_meant(one, arms, left_out, lambda one: judge(one, arms, rules, left_out)) for one in claim.comparisons
    ]
    tested = [one.chances for one in judged if one.chances]
    if not tested:
        open_still = any(one.verdict == "open" for one in judged)
        return JudgedClaim(claim, "open" if open_still else "not testable here", tuple(judged))
    several = [adjusted_verdict(chances) for chances in adjusted(tested)]
    complete = all(one.chances or one.verdict == "not testable here" for one in judged)
    if complete and all(chances.supported <= ALPHA for chances in tested):
        verdict: Verdict = "supported"
        several = ["supported"] * len(tested)
    elif complete and "contradicted" not in several and all(chances.small <= ALPHA for chances in tested):
        verdict = "too small to matter"
        several = ["too small to matter"] * len(tested)
    elif "supported" in several and {"contradicted", "too small to matter"} & set(several):
        verdict = "mixed"
    else:
        verdict = "contradicted" if "contradicted" in several else "open"
    remaining = iter(several)
    final = tuple(settled(one, next(remaining)) if one.chances else one for one in judged)
    return JudgedClaim(claim, verdict, final, seeds_of(final) if verdict == "open" else None)


def settled(one: Judged, verdict: Verdict) -> Judged:
    """Return a comparison with its verdict; once it is settled, what would decide it is of no interest."""
    return one if verdict == "open" else replace(one, verdict=verdict, seeds=None, reason=None)


def adjusted(tested: Sequence[Chances]) -> list[Chances]:
    """Return the p-values of a claim's comparisons, each statement adjusted for how often it could have been made."""
    columns = [holm([getattr(chances, name) for chances in tested]) for name in ("supported", "contradicted", "small")]
    return [Chances(*(p if p is not None else 1.0 for p in row)) for row in zip(*columns, strict=True)]


def adjusted_verdict(chances: Chances) -> Verdict:
    """Return what is sure of one comparison among several."""
    if chances.supported <= ALPHA:
        return "supported"
    if chances.contradicted <= ALPHA:
        return "contradicted"
    return "too small to matter" if chances.small <= ALPHA else "open"


def seeds_of(judged: Sequence[Judged]) -> Seeds | None:
    """Return the seeds that would decide every open comparison; None if that is not known of one."""
    needed = [one.seeds for one in judged if one.verdict == "open"]
    known = [seeds for seeds in needed if seeds]
    if not known or len(known) < len(needed):
        return None
    lows, highs = ([getattr(seeds, end) for seeds in known] for end in ("low", "high"))
    return Seeds(*(None if None in ends else max(ends) for ends in (lows, highs)))


def judge(comparison: Comparison, arms: Arms, rules: Rules, left_out: Sequence[LeftOut] = ()) -> Judged:
    """Return one comparison with what can be said of it, before it is known how many others its claim has."""
    terms = terms_of(comparison)
    lacking = not_measured(comparison, arms, left_out) or obstacle(arms, comparison.metric, terms)
    if lacking:
        return Judged(comparison, "not testable here", reason=lacking)
    found = difference_of(comparison, arms)
    if found is None:
        return Judged(comparison, "not testable here", reason="the two levels share no seed")
    rule, kind = rules.get(comparison.metric, PLAIN), KINDS[len(terms)]
    estimate = rule.estimate(found, kind, quantity(comparison.metric).scatters == "never")
    bounded = not (found.floor and found.ceiling)
    if estimate is None or estimate.low is None:
        alone = len(found.values) < 2
        reason = (
            "one seed gives no interval; two or more do"
            if alone
            else f"all {len(found.values)} seeds agree, and nothing else in the grid shows how much they may scatter"
        )
        return Judged(comparison, "open", estimate, reason=reason, bounded=bounded)
    chances = chances_of(comparison, estimate, found.floor, found.ceiling)
    judged = Judged(comparison, "open", estimate, bounded=bounded, chances=chances)
    if bounded and adjusted_verdict(chances) == "open" != adjusted_verdict(chances_of(comparison, estimate)):
        return replace(judged, reason="runs that never reached the target give a bound only; more epochs would decide")
    return replace(judged, seeds=seeds_to_decide(estimate, comparison, rule.priors.get(kind)))


def where_meant(
    comparison: Comparison, arms: Arms, left_out: Sequence[LeftOut], judged_by: Callable[[Comparison], Judged]
) -> Judged:
    """Return a comparison as judged; where what it is meant for was not seen, it can't be tested."""
    if comparison.given is None:
        return judged_by(comparison)
    given = seen(comparison.given, arms, left_out)
    if given.verdict == "holds":
        return replace(judged_by(comparison), given=given)
    return Judged(comparison, "not testable here", reason="this is not where the claim is meant to hold", given=given)


def seen(condition: Comparison, arms: Arms, left_out: Sequence[LeftOut]) -> Judged:
    """Return whether a condition holds on average over the seeds: it selects, and infers nothing."""
    lacking = not_measured(condition, arms, left_out)
    found = None if lacking else difference_of(condition, arms)
    if found is None:
        return Judged(condition, "not testable here", reason=lacking or "the two levels share no seed")
    mean = Estimate(found.mean, found.mean, found.mean, 1, 0.0, 1.0)
    holds = chances_of(condition, mean).supported == 0
    return Judged(condition, "holds" if holds else "fails", Estimate(found.mean, None, None, len(found.values)))


def chances_of(comparison: Comparison, estimate: Estimate, floor: bool = True, ceiling: bool = True) -> Chances:
    """Return the p-values of what a comparison can turn out to be.

    floor: the true difference is at least what was seen; ceiling: at most. Without one, that side stays open.
    """
    margin = comparison.margin
    if comparison.direction in ("lower", "not lower"):
        estimate, floor, ceiling = -estimate, ceiling, floor

    def above(bound: float, strictly: bool = True) -> float:
        return estimate.above(bound, strictly) if floor else 1.0

    def below(bound: float, strictly: bool = True) -> float:
        return estimate.below(bound, strictly) if ceiling else 1.0

    within = max(above(-margin, strictly=False), below(margin, strictly=False))
    if comparison.direction == "equal":
        return Chances(within, min(above(margin), below(-margin)), 1.0)
    if comparison.direction in ("not higher", "not lower"):
        return Chances(below(margin, strictly=False), above(margin), 1.0)
    # With a margin of 0, no difference at all is not a difference in the expected direction.
    return Chances(above(margin, strictly=margin == 0), below(0.0), within if margin else 1.0)


def judge_check(claim: Claim, arms: Arms, left_out: Sequence[LeftOut]) -> JudgedClaim:
    """Return whether a claim that holds by arithmetic does under every seed; nothing is estimated."""
    judged = tuple(
        where_meant(one, arms, left_out, lambda one: check(one, arms, left_out)) for one in claim.comparisons
    )
    verdicts = {one.verdict for one in judged}
    verdict = next(name for name in ("fails", "not testable here", "holds") if name in verdicts)
    return JudgedClaim(claim, verdict, judged)


def check(comparison: Comparison, arms: Arms, left_out: Sequence[LeftOut]) -> Judged:
    """Return one comparison of a check: it holds if every seed agrees."""
    lacking = not_measured(comparison, arms, left_out)
    found = None if lacking else difference_of(comparison, arms)
    if found is None:
        return Judged(comparison, "not testable here", reason=lacking or "the two levels share no seed")
    fixed = [Estimate(float(value), value, value, 1, 0.0, 1.0) for value in found.values]
    agree = sum(chances_of(comparison, one).supported == 0 for one in fixed)
    mean = Estimate(found.mean, None, None, len(fixed))
    return Judged(comparison, "holds" if agree == len(fixed) else "fails", mean, agree=agree)


def difference_of(comparison: Comparison, arms: Arms) -> Contrast | None:
    """Return level minus against by seed; with `more_than`, less the same in that context."""
    number = 0.0 if isinstance(comparison.against, str) or comparison.more_than else float(comparison.against)
    return contrast(arms, comparison.metric, terms_of(comparison), number)


def not_measured(comparison: Comparison, arms: Arms, left_out: Sequence[LeftOut]) -> str | None:
    """Return what the comparison lacks in plain words, or None."""
    keys = [term.key for term in terms_of(comparison)]
    if reasons := [one.reason for key in keys for one in left_out if one.covers(*key)]:
        return f"not testable on this data: {reasons[0]}"
    for key in keys:
        context, level = key
        if key not in arms.states:
            return f"not measured: there are no runs of {level} in {context}"
        bounded = quantity(comparison.metric).unfinished == "bound"
        if bounded and (arms.values(key, "target") <= arms.values(key, "chance")).any():
            return "not testable on this data: guessing reaches the target accuracy; raise recipe.target_accuracy"
        # What a run that failed has lost is told as such.
        lost = arms.states[key].unfinished and quantity(comparison.metric).unfinished == "lost"
        if not lost and np.isnan(arms.values(key, comparison.metric)).all():
            return f"not measured: the runs of {level} in {context} have no {comparison.metric}"
    return None
