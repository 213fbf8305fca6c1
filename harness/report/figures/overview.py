"""How much each factor matters: one lane per study and context, one dot per level."""

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes

from harness.analysis.quantities import PRIMARY, quantity
from harness.analysis.summary import Arm, ContextSummary, StudySummary
from harness.report.figures.registry import Drawing
from harness.report.figures.style import INK, MARGIN, SMALL, STANDING_COLOURS, WIDTH, one_axes, shorten

LANE, HEADING = 0.25, 0.27  # inches
LONGEST_TITLE, LONGEST_NAME = 44, 16  # letters


def overview(summaries: Sequence[StudySummary]) -> Drawing | None:
    """Return the overview, widest range first; None if there is no difference to show."""
    studies = sorted(
        (summary for summary in summaries if any(differing(context) for context in summary.contexts)),
        key=lambda summary: -max(context.spread for context in summary.contexts),
    )
    if not studies:
        return None
    lanes = sum(len(summary.contexts) for summary in studies)
    height = lanes * LANE + len(studies) * HEADING
    drawn, axes = one_axes(height, "difference to the control, percentage points")
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    axes.axvline(0, color=INK, linewidth=1)
    top = 0.0
    for summary in studies:
        title = shorten(str(summary.tables.plan["title"]), LONGEST_TITLE)
        axes.text(0, top + HEADING * 0.62, title, transform=axes.get_yaxis_transform(), fontweight="bold", va="center")
        top += HEADING
        for context in summary.contexts:
            lane(axes, top + LANE / 2, context, shortened_name(summary)(context))
            top += LANE
    axes.set_xlim(*limits(studies))
    return Drawing(
        drawn,
        title="How much does each factor matter?",
        caption=(
            "One lane per study and context, one dot per level with its 95\u00a0% interval; the factor that moves most "
            "is on top. Measured is test accuracy; zero is the study's control. Blue is better, orange is worse, grey "
            "can't be told from the control. Only the lowest and the highest level are named. Extremes picked from "
            "many levels look a little larger than they are."
        ),
        label="Differences of every level to its study's control, by study",
    )


def limits(studies: Sequence[StudySummary]) -> tuple[float, float]:
    """Return the ends of the horizontal axis that leave room for the names on both sides of each lane."""
    letter = SMALL * 0.6 / 72
    lanes = []
    for summary in studies:
        name = shortened_name(summary)
        for context in filter(differing, summary.contexts):
            arms = differing(context)
            left, right = (len(shorten(arm.level, LONGEST_NAME)) for arm in (arms[0], arms[-1]))
            lanes.append((*extent(arms), (len(name(context)) + left + 2) * letter, (right + 1) * letter))
    low, high = min(lane[0] for lane in lanes), max(lane[1] for lane in lanes)
    span = high - low or 1.0
    width = WIDTH - 2 * MARGIN
    start, end = 0.0, width  # inches at which the data begin and end
    # Each shift moves the other lanes too; a few rounds settle it. An inch stays for the data.
    for _ in range(30):
        start = max(start, start + max(room - place(left, low, span, start, end) for left, _, room, _ in lanes))
        end = min(end, end + width - max(room + place(right, low, span, start, end) for _, right, _, room in lanes))
        start, end = min(start, width - 1.0), max(end, min(start, width - 1.0) + 1.0)
    unit = span / (end - start)
    return low - start * unit, high + (width - end) * unit


def place(value: float, low: float, span: float, start: float, end: float) -> float:
    """Return where a value of the data lies, in inches."""
    return start + (value - low) / span * (end - start)


def shortened_name(summary: StudySummary) -> Callable[[ContextSummary], str]:
    """Return how the lanes of a study are named: by context, if there are several."""
    return lambda context: shorten(context.name, LONGEST_NAME) if len(summary.contexts) > 1 else ""


def extent(arms: Sequence[Arm]) -> tuple[float, float]:
    """Return the ends of a lane: the widest intervals, and zero, in percentage points."""
    differences = [arm.primary.difference for arm in arms if arm.primary.difference]
    lows = [one.mean if one.low is None else one.low for one in differences]
    highs = [one.mean if one.high is None else one.high for one in differences]
    scale = quantity(PRIMARY).scale
    return min(0.0, *lows) * scale, max(0.0, *highs) * scale


def lane(axes: Axes, height: float, context: ContextSummary, name: str) -> None:
    """Draw the levels of one context in a row at `height`, its name at the left edge."""
    scale = quantity(PRIMARY).scale
    arms = differing(context)
    axes.text(0, height, name, transform=axes.get_yaxis_transform(), fontsize=SMALL, va="center")
    if not arms:
        return
    for arm in arms:
        difference = arm.primary.difference
        assert difference is not None
        colour = STANDING_COLOURS[arm.primary.standing]
        low, high = (difference.mean if end is None else end for end in (difference.low, difference.high))
        axes.plot([low * scale, high * scale], [height] * 2, color=colour, linewidth=5, alpha=0.2,
                  solid_capstyle="butt")  # fmt: skip
        axes.plot(difference.mean * scale, height, "o", color=colour, markersize=4.5, alpha=0.85)
    ends = extent(arms)
    axes.plot(ends, [height] * 2, color=INK, linewidth=0.8, alpha=0.35, zorder=1)
    label(axes, arms[0], ends[0], height, -4, "right")
    if len(arms) > 1:
        label(axes, arms[-1], ends[1], height, 4, "left")


def label(axes: Axes, arm: Arm, at: float, height: float, offset: float, side: str) -> None:
    """Print a level's name beside the end of its lane."""
    name = shorten(arm.level, LONGEST_NAME)
    axes.annotate(name, (at, height), xytext=(offset, 0), textcoords="offset points", fontsize=SMALL - 0.5,
                  ha=side, va="center", color=INK)  # fmt: skip


def differing(context: ContextSummary) -> list[Arm]:
    """Return the arms that have a difference to the control, lowest first."""
    arms = [arm for arm in context.arms if arm.primary.difference]
    return sorted(arms, key=lambda arm: arm.primary.difference.mean if arm.primary.difference else 0.0)
