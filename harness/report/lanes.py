"""What a good choice of each factor gains and what a bad one costs, as far as the seeds vouch for it."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.sentences import level_name
from harness.analysis.summary import Arm, StudySummary
from harness.quantities import PRIMARY, quantity
from harness.report.figures.hero import unstable
from harness.report.limits import within_difference

NAMED = 3  # factors in each of the lines in words


@dataclass(frozen=True)
class Lane:
    """One level against its control: `sure` is the end of the interval that is nearer to zero, in stored units.

    `sure` and `mean` have no sign. `unsteady`: the control's own interval is too wide to lean on.
    """

    level: str
    context: str | None  # None where the study has only one
    mean: float
    sure: float
    unsteady: bool


@dataclass(frozen=True)
class Factor:
    """A study with its two lanes; None where no level is told from the control."""

    summary: StudySummary
    gain: Lane | None
    cost: Lane | None

    @property
    def title(self) -> str:
        """The title of the study."""
        return str(self.summary.tables.plan["title"])

    @property
    def sure_gain(self) -> float:
        """The gain that the seeds vouch for; 0 if none."""
        return self.gain.sure if self.gain else 0.0

    @property
    def sure_cost(self) -> float:
        """The cost that the seeds vouch for; 0 if none."""
        return self.cost.sure if self.cost else 0.0


def factors(summaries: Sequence[StudySummary]) -> list[Factor]:
    """Return every study with its lanes, the largest sure gain first, then the largest sure cost."""
    found = [Factor(one, lane(one, "better"), lane(one, "worse")) for one in summaries]
    return sorted(found, key=lambda factor: (-factor.sure_gain, -factor.sure_cost))


def lane(summary: StudySummary, standing: str) -> Lane | None:
    """Return the level of this standing that is furthest from its control for sure.

    Taken from the first context that has one and whose control is steady: the others change something on purpose,
    and what is extreme there says little about the usual case.
    """
    several = len(summary.contexts) > 1
    lanes = [
        (not unstable(context), -place, one.sure, one)
        for place, context in enumerate(summary.contexts)
        for arm in context.arms
        if arm.primary.standing == standing
        and (one := lane_of(summary, arm, context.name if several else None, unstable(context)))
    ]
    return max(lanes, key=lambda row: row[:-1])[-1] if lanes else None


def lane_of(summary: StudySummary, arm: Arm, context: str | None, unsteady: bool) -> Lane | None:
    """Return the lane of one arm, None if its difference has no interval."""
    difference = within_difference(arm.primary.difference, PRIMARY)
    if difference is None or difference.low is None or difference.high is None:
        return None
    level = level_name(arm.level, str(summary.tables.plan["factor"]))
    sure = min(abs(difference.low), abs(difference.high))
    return Lane(level, context, abs(difference.mean), sure, unsteady)


def widest(found: Sequence[Factor]) -> float:
    """Return the largest mean of all lanes, which fills the width; at least a hundredth of a point."""
    return max([1e-4, *(one.mean for factor in found for one in (factor.gain, factor.cost) if one)])


def in_words(found: Sequence[Factor]) -> dict[str, str]:
    """Return three lines: what gains most, what costs most, where nothing can be told."""
    gains = sorted((one for one in found if one.gain and not one.gain.unsteady), key=lambda one: -one.sure_gain)
    costs = sorted((one for one in found if one.cost and not one.cost.unsteady), key=lambda one: -one.sure_cost)
    silent = [one.title for one in found if not one.gain and not one.cost]
    return {
        "Do this": "; ".join(named(one, one.gain) for one in gains[:NAMED]) or "nothing stands out",
        "Avoid this": "; ".join(named(one, one.cost) for one in costs[:NAMED]) or "nothing stands out",
        "Can't tell here": ", ".join(silent) or "every factor has a level that differs from its control",
    }


def named(factor: Factor, shown: Lane | None) -> str:
    """Return `Activation functions: relu (at least 3.1 points)`."""
    assert shown is not None
    where = f" in {shown.context}" if shown.context else ""
    points = quantity(PRIMARY).difference(shown.sure, sign=False)
    return f"{factor.title}: {shown.level}{where} (at least {points})"
