"""What the references found, beside what this grid did."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.compared import Compared
from harness.analysis.outcomes import ClaimOutcome, Difference, Effect, Outcomes, name_of
from harness.analysis.sentences import level_name
from harness.analysis.summary import ContextSummary
from harness.analysis.verdicts import CHECKS, VERDICTS, JudgedClaim, Verdict
from harness.core.study import Comparison
from harness.core.written import PlanJson
from harness.quantities import PRIMARY, quantity
from harness.references import references
from harness.report.limits import ends_of_difference

# Verdicts that say something; of two that differ both must, or it is no disagreement.
SETTLED = ("supported", "contradicted", "too small to matter", "mixed", "holds", "fails")


@dataclass(frozen=True)
class Other:
    """A verdict of another grid. `effect` is its difference in words, or how many comparisons hold."""

    title: str
    verdict: Verdict | None
    effect: str
    differs: bool


@dataclass(frozen=True)
class Row:
    """A claim with its verdict here and elsewhere."""

    study: str
    judged: JudgedClaim
    effect: str
    others: list[Other]

    @property
    def differs(self) -> bool:
        """Whether another grid says something else."""
        return any(one.differs for one in self.others)


def others(plan: PlanJson) -> tuple[Outcomes, ...]:
    """Return the references that aren't this grid itself."""
    return tuple(
        one
        for one in references()
        if (one.about.data["digest"], one.about.settings) != (plan["data"]["digest"], plan["base"])
    )


def verdicts(study: str, judged: JudgedClaim, found: Sequence[Outcomes]) -> list[Other]:
    """Return the verdicts of other grids on a claim."""
    return [verdict_of(one, one.claim(study, judged.claim.id), judged) for one in found]


def verdict_of(grid: Outcomes, found: ClaimOutcome | None, judged: JudgedClaim) -> Other:
    """Return the verdict of one other grid on a claim."""
    if found is None:
        return Other(grid.title, None, "not judged", False)
    differs = found.verdict != judged.verdict and found.verdict in SETTLED and judged.verdict in SETTLED
    seen = [(one.comparison, found.comparisons.get(name_of(one.comparison))) for one in judged.comparisons]
    held = [one.verdict for _, one in seen if one]
    only = seen[0][1] if len(seen) == 1 else None
    return Other(grid.title, found.verdict, in_words(seen[0][0], only.difference if only else None, held), differs)


def here(judged: JudgedClaim) -> str:
    """Return what was found here, as `Other.effect` has it."""
    first = judged.comparisons[0]
    only = first.difference if len(judged.comparisons) == 1 else None
    told = Difference(mean=only.mean, low=only.low, high=only.high) if only else None
    return in_words(first.comparison, told, [one.verdict for one in judged.comparisons])


def in_words(first: Comparison, only: Difference | None, several: Sequence[Verdict]) -> str:
    """Return the difference of the only comparison, or how many of several hold."""
    if only:
        return difference(only, first.metric)
    if len(several) < 2:
        return ""
    held = sum(one in ("supported", "holds") for one in several)
    return f"{held} of {len(several)} comparisons hold"


def difference(found: Difference, metric: str) -> str:
    """Return `+9.8 points (8.9 to 10.7)`."""
    shown = quantity(metric)
    low, high = ends_of_difference(found.low, found.high, metric)
    interval = (
        ""
        if low is None or high is None
        else f" ({shown.difference(low, unit=False)} to {shown.difference(high, unit=False)})"
    )
    return f"{shown.difference(found.mean)}{interval}"


def row(study: str, judged: JudgedClaim, found: Sequence[Outcomes]) -> Row:
    """Return one claim with its verdict here and in other grids."""
    return Row(study, judged, here(judged), verdicts(study, judged, found))


def rows(claims: Sequence[tuple[str, JudgedClaim]], found: Sequence[Outcomes]) -> dict[str, list[Row]]:
    """Return the claims by their verdict here, in the order of `VERDICTS`, each with those elsewhere."""
    every = [row(study, one, found) for study, one in claims]
    groups = {
        name: [row for row in every if row.judged.verdict == name] for name in dict.fromkeys((*VERDICTS, *CHECKS))
    }
    return {name: group for name, group in groups.items() if group}


def effects(study: str, one: Compared, found: Sequence[Outcomes]) -> list[Effect | None]:
    """Return what other grids found of a level, intervals cut off where no difference can be."""
    seen = [grid.effect(study, one.context, one.level) for grid in found]
    ends = [ends_of_difference(each.low, each.high, one.metric) if each else (None, None) for each in seen]
    return [
        each and each.model_copy(update={"low": low, "high": high})
        for each, (low, high) in zip(seen, ends, strict=True)
    ]


def contradictions(study: str, context: ContextSummary, factor: str, found: Sequence[Outcomes]) -> list[str]:
    """Return a sentence for every level that does the opposite elsewhere."""
    return [
        f"{level_name(arm.level, factor)}: here it {moves(arm.primary.difference.mean)}, on {grid.title} it "
        f"{moves(effect.mean)}."
        for grid in found
        for arm in context.arms
        if arm.primary.difference
        and (effect := grid.effect(study, context.name, arm.level))
        and effect.opposite(arm.primary.standing)
    ]


def moves(mean: float) -> str:
    """Return `gains 9 points` or `costs 2 points`."""
    return f"{'gains' if mean > 0 else 'costs'} {quantity(PRIMARY).difference(abs(mean), sign=False)}"
