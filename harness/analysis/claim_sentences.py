"""Claims in plain words: what is expected, what was seen, and the verdict with the numbers that it rests on."""

from collections.abc import Sequence

from harness.analysis.power import MOST, Seeds
from harness.analysis.sentences import capital, interval, level_name, plural
from harness.analysis.verdicts import CHECKS, VERDICTS, Judged, JudgedClaim, Verdict
from harness.core.study import Comparison
from harness.quantities import Quantity, quantity

# How a direction is called where nothing but zero is compared with.
FROM_ZERO = {
    "higher": "above zero",
    "lower": "below zero",
    "not higher": "not above zero",
    "not lower": "not below zero",
    "equal": "zero",
}


def judged(one: Judged, factor: str, several: bool = True) -> str:
    """Return one comparison of a claim: what was found, what was expected, what would decide.

    The context is named if the study has `several`.
    """
    comparison, shown = one.comparison, quantity(one.comparison.metric)
    level = level_name(comparison.level, factor)
    against = comparison.against
    against = level_name(against, factor) if isinstance(against, str) else shown.value(against)
    where = f" in {comparison.context}" if several else ""
    if one.difference is None:
        parts = [f"{capital(shown.label)} of {level} against {against}{where}."]
    else:
        parts = [finding(one, shown, level, against, where)]
    parts.append(f"Expected: {expectation(comparison)}.")
    if one.given:
        parts.append(condition(one.given, factor))
    if one.agree is not None and one.difference:
        parts.append(f"{one.agree} of {plural(one.difference.count, 'seed')} agree{'s' if one.agree == 1 else ''}.")
    if one.reason:
        parts.append(f"{capital(one.reason)}.")
    elif one.verdict == "open" and one.seeds:
        parts.append(f"{capital(seeds_words(one.seeds))}.")
    return " ".join(parts)


def condition(given: Judged, factor: str) -> str:
    """Return where a comparison is meant to hold, and what was seen of that."""
    asked, shown = given.comparison, quantity(given.comparison.metric)
    meant = f"Meant for where {shown.label} of {level_name(asked.level, factor)}"
    found = given.difference.mean if given.difference else None
    if with_zero(asked):
        return f"{meant} is {expectation(asked)}; here it is {'not measured' if found is None else shown.value(found)}."
    against = level_name(asked.against, factor) if isinstance(asked.against, str) else shown.value(asked.against)
    seen = "not measured" if found is None else shown.difference(found)
    return f"{meant} against {against} is {expectation(asked)}; here the difference is {seen}."


def seeds_words(seeds: Seeds) -> str:
    """Return how many seeds would decide four times in five, such as `8 to 40 seeds would decide`."""
    if seeds.low is None:
        return f"more than {MOST} seeds would be needed: not worth it"
    if seeds.high is None:
        return f"{seeds.low} to more than {MOST} seeds would decide"
    return (
        f"{seeds.low} to {seeds.high} seeds would decide"
        if seeds.low < seeds.high
        else f"{seeds.low} seeds would decide"
    )


def finding(one: Judged, shown: Quantity, level: str, against: str, where: str) -> str:
    """Return what was measured, such as `Test accuracy: relu is 31.2 points above sigmoid (...)`."""
    comparison, estimate = one.comparison, one.difference
    assert estimate is not None
    if comparison.more_than and not isinstance(comparison.against, str):
        size = shown.difference(estimate.mean)
        body = f"{level}{where} less {level} in {comparison.more_than} is {size}"
    elif comparison.more_than:
        size = shown.difference(estimate.mean)
        body = f"{level} minus {against}{where}, less the same in {comparison.more_than}, is {size}"
    elif with_zero(comparison):
        body = f"{level} has {shown.value(estimate.mean)}{where}"
    elif estimate.mean == 0:
        body = f"{level} equals {against}{where}"
    else:
        side = "above" if estimate.mean > 0 else "below"
        body = f"{level} is {shown.difference(estimate.mean, sign=False)} {side} {against}{where}"
        estimate = -estimate if estimate.mean < 0 else estimate
    if one.agree is not None:
        return f"{capital(shown.label)}: {body}."
    bound = "; never reached counts as one epoch more than trained" if one.bounded else ""
    return f"{capital(shown.label)}: {body} ({interval(estimate, shown)}{bound})."


def with_zero(comparison: Comparison) -> bool:
    """Return whether a level is compared with nothing but zero, so that its own value says all."""
    return comparison.against == 0 and not comparison.more_than


def expectation(comparison: Comparison) -> str:
    """Return what a claim expects of a comparison, such as `at least 2 points higher`."""
    direction, margin, zero = comparison.direction, comparison.margin, with_zero(comparison)
    size = quantity(comparison.metric).difference(margin, sign=False, short=True)
    words = FROM_ZERO[direction] if zero else direction
    if not margin:
        return words
    if direction == "equal":
        return f"within {size} of zero" if zero else f"equal within {size}"
    if direction in ("not higher", "not lower"):
        return f"{words} by more than {size}"
    return f"at least {size} {words}"


def margins(one: JudgedClaim) -> str:
    """Return what a claim asks of its comparisons, for beside its words: `at least 2 points higher`."""
    asked = [each.comparison for each in one.comparisons]
    return "; ".join(dict.fromkeys(f"{quantity(each.metric).label} {expectation(each)}" for each in asked))


def verdict(one: JudgedClaim) -> str:
    """Return the verdict: of a mixed one how many comparisons hold, of an open one the seeds it would take."""
    if one.verdict == "mixed":
        held = sum(each.verdict == "supported" for each in one.comparisons)
        return f"mixed: {held} of {len(one.comparisons)}"
    untested = sum(each.verdict == "not testable here" for each in one.comparisons)
    left_out = f", {untested} of {len(one.comparisons)} not testable here" if untested else ""
    if one.verdict == "open" and one.seeds:
        return f"open: {seeds_words(one.seeds)}"
    if one.verdict == "not testable here":
        # The data's fault, not that of how runs ended.
        data = any((each.reason or "").startswith("not testable on this data") for each in one.comparisons)
        return "not testable on this data" if data else one.verdict
    return f"{one.verdict}{left_out}"


def comparisons(one: JudgedClaim) -> str:
    """Return `16 comparisons: 12 supported, 4 open`."""
    verdicts = [judged.verdict for judged in one.comparisons]
    parts = [f"{verdicts.count(name)} {name}" for name in dict.fromkeys((*VERDICTS, *CHECKS)) if name in verdicts]
    return f"{plural(len(verdicts), 'comparison')}: {', '.join(parts)}"


def tally(claims: Sequence[JudgedClaim], checks: bool = False) -> dict[Verdict, int]:
    """Return how many claims have which verdict: those that runs can contradict, or the `checks`, which they can't."""
    counted = [one for one in claims if one.claim.check == checks]
    return {name: sum(claim.verdict == name for claim in counted) for name in (CHECKS if checks else VERDICTS)}
