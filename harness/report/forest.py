"""A claim's comparisons as bars of a forest plot: where each interval lies, and where the claim would have it."""

from dataclasses import dataclass

from harness.analysis.statistics import Estimate
from harness.analysis.verdicts import Judged, JudgedClaim
from harness.core.study import Comparison
from harness.quantities import quantity

# Of the axis that the means and margins take, how far an interval may reach beyond it on either side.
BEYOND = 1.0
ROOM = 0.04  # of the axis, at both ends


@dataclass(frozen=True)
class Bar:
    """One comparison in per cent of an axis: its interval (None: there is none), its mean, zero, and what is claimed.

    `cut` says whether the interval goes on beyond the left or the right end.
    """

    interval: tuple[float, float] | None
    mean: float
    zero: float
    claimed: tuple[float, float]
    cut: tuple[bool, bool]


@dataclass(frozen=True)
class Axis:
    """The ends of the bars of one quantity, in stored units."""

    metric: str
    low: float
    high: float

    @property
    def ends(self) -> tuple[str, str]:
        """Both ends as readers see them."""
        shown = quantity(self.metric)
        return shown.difference(self.low), shown.difference(self.high)

    def place(self, value: float) -> float:
        """Return where a value lies, in per cent; what lies beyond is at the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(1.0, max(0.0, share)), 2)


@dataclass(frozen=True)
class Forest:
    """The bars of a claim by the place of their comparison, and each axis by the place of the first that needs it."""

    bars: dict[int, Bar]
    axes: dict[int, Axis]


def forest(judged: JudgedClaim) -> Forest:
    """Return the bars of all comparisons that were measured; those of one quantity share an axis."""
    bars: dict[int, Bar] = {}
    axes: dict[int, Axis] = {}
    measured = [
        (place, one, one.difference) for place, one in enumerate(judged.comparisons) if one.difference is not None
    ]
    for metric in dict.fromkeys(one.comparison.metric for _, one, _ in measured):
        mine = [(place, one, found) for place, one, found in measured if one.comparison.metric == metric]
        shared = axis(metric, [(one, found) for _, one, found in mine])
        axes[mine[0][0]] = shared
        bars |= {place: bar(one, found, shared) for place, one, found in mine}
    return Forest(bars, axes)


def axis(metric: str, found: list[tuple[Judged, Estimate]]) -> Axis:
    """Return an axis that holds zero, all means and margins, and intervals as far as those leave something to see."""
    inner = [0.0, *(one.mean for _, one in found)]
    for judged, _ in found:
        inner += [judged.comparison.margin, -judged.comparison.margin]
    low, high = min(inner), max(inner)
    reach = BEYOND * ((high - low) or 1.0)
    low = max(low - reach, min([low, *(one.low for _, one in found if one.low is not None)]))
    high = min(high + reach, max([high, *(one.high for _, one in found if one.high is not None)]))
    room = ROOM * ((high - low) or 1.0)
    return Axis(metric, low - room, high + room)


def bar(judged: Judged, found: Estimate, axis: Axis) -> Bar:
    """Return one comparison as its axis shows it."""
    low, high = claimed(judged.comparison, axis)
    ends = None if found.low is None or found.high is None else (found.low, found.high)
    return Bar(
        interval=None if ends is None else (axis.place(ends[0]), axis.place(ends[1])),
        mean=axis.place(found.mean),
        zero=axis.place(0.0),
        claimed=(axis.place(low), axis.place(high)),
        cut=(ends is not None and ends[0] < axis.low, ends is not None and ends[1] > axis.high),
    )


def claimed(comparison: Comparison, axis: Axis) -> tuple[float, float]:
    """Return between which differences the claim would have the truth."""
    margin = comparison.margin
    return {
        "higher": (margin, axis.high),
        "lower": (axis.low, -margin),
        "equal": (-margin, margin),
        "not higher": (axis.low, margin),
        "not lower": (-margin, axis.high),
    }[comparison.direction]
