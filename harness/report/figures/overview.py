"""How much each factor matters: one lane per study, one dot per level."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from harness.analysis.quantities import PRIMARY, quantity
from harness.analysis.sentences import level_name
from harness.analysis.summary import Arm, ContextSummary, StudySummary, by_effect
from harness.report.figures.registry import Drawing
from harness.report.figures.style import INK, MARGIN, SMALL, STANDING_COLOURS, TEXT, WIDTH, one_axes, shorten

LANE, HEADING = 0.25, 0.27  # inches
LONGEST_TITLE, LONGEST_NAME = 30, 22  # letters
NAME = SMALL - 0.5  # points
# Inches that an average letter of a name and of a title in bold takes.
LETTER, TITLE_LETTER = NAME * 0.57 / 72, TEXT * 0.68 / 72
# Accuracies lie between 0 and 100 %, so no difference is larger, whatever an interval of few seeds says.
LARGEST = 100.0


def overview(summaries: Sequence[StudySummary]) -> Drawing | None:
    """Return the overview, the factor that matters most on top; None if there is no difference to show."""
    studies = [summary for summary in by_effect(summaries) if differing(summary.leading)]
    if not studies:
        return None
    height = len(studies) * (LANE + HEADING)
    drawn, axes = one_axes(height, "difference to the control, percentage points")
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    for row, summary in enumerate(studies):
        top = row * (LANE + HEADING)
        heading(axes, top + HEADING * 0.62, summary)
        lane(axes, top + HEADING + LANE / 2, summary.leading)
    axes.set_xlim(*limits([summary.leading for summary in studies]))
    several = any(len(summary.contexts) > 1 for summary in studies)
    which = "One lane per study, in the context where it matters most" if several else "One lane per study"
    return Drawing(
        drawn,
        title="How much does each factor matter?",
        caption=(
            f"{which}; one dot per level with its 95\u00a0% interval. The factor with the largest difference that the "
            "seeds resolve is on top. Measured is test accuracy; zero is the study's control, named on the right. Blue "
            "is better, orange is worse, grey can't be told from the control. Of the levels the lowest and the highest "
            "are named. Extremes picked from many levels look a little larger than they are."
        ),
        label="Differences of every level to its study's control, by study",
    )


def heading(axes: Axes, height: float, summary: StudySummary) -> None:
    """Print a study's title, and what its zero is."""
    across = axes.get_yaxis_transform()
    context = f", {summary.leading.name}" if len(summary.contexts) > 1 else ""
    control = level_name(summary.tables.control, str(summary.tables.plan["factor"]))
    title = shorten(str(summary.tables.plan["title"]), LONGEST_TITLE)
    room = WIDTH - 2 * MARGIN - (len(title) + 1) * TITLE_LETTER
    zero = shorten(f"zero: {control}{context}", int(room / LETTER))
    axes.text(0, height, title, transform=across, fontweight="bold", va="center")
    axes.text(1, height, zero, transform=across, fontsize=NAME, ha="right", va="center")


def limits(contexts: Sequence[ContextSummary]) -> tuple[float, float]:
    """Return the ends of the horizontal axis that leave room for the names on both sides of each lane."""
    lanes = []
    for context in contexts:
        arms = differing(context)
        left, right = (len(shorten(arm.level, LONGEST_NAME)) for arm in (arms[0], arms[-1]))
        lanes.append((*extent(arms), (left + 1) * LETTER, (right + 1) * LETTER))
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


def extent(arms: Sequence[Arm]) -> tuple[float, float]:
    """Return the ends of a lane: the widest intervals, and zero, in percentage points."""
    ends = np.array([interval(arm) for arm in arms])
    return min(0.0, float(ends.min())), max(0.0, float(ends.max()))


def interval(arm: Arm) -> tuple[float, float]:
    """Return the interval of an arm's difference, or twice its mean if there is none, in percentage points."""
    difference = arm.primary.difference
    assert difference is not None
    ends = (difference.mean if end is None else end for end in (difference.low, difference.high))
    low, high = (float(np.clip(end * quantity(PRIMARY).scale, -LARGEST, LARGEST)) for end in ends)
    return low, high


def lane(axes: Axes, height: float, context: ContextSummary) -> None:
    """Draw the levels of one context in a row at `height`."""
    arms = differing(context)
    axes.plot([0, 0], [height - LANE / 2, height + LANE / 2], color=INK, linewidth=1)
    for arm in arms:
        assert arm.primary.difference is not None
        colour = STANDING_COLOURS[arm.primary.standing]
        axes.plot(interval(arm), [height] * 2, color=colour, linewidth=5, alpha=0.2, solid_capstyle="butt")
        mean = arm.primary.difference.mean * quantity(PRIMARY).scale
        axes.plot(mean, height, "o", color=colour, markersize=4.5, alpha=0.85)
    ends = extent(arms)
    axes.plot(ends, [height] * 2, color=INK, linewidth=0.8, alpha=0.35, zorder=1)
    label(axes, arms[0], ends[0], height, -4, "right")
    if len(arms) > 1:
        label(axes, arms[-1], ends[1], height, 4, "left")


def label(axes: Axes, arm: Arm, at: float, height: float, offset: float, side: str) -> None:
    """Print a level's name beside the end of its lane."""
    name = shorten(arm.level, LONGEST_NAME)
    axes.annotate(name, (at, height), xytext=(offset, 0), textcoords="offset points", fontsize=NAME,
                  ha=side, va="center", color=INK)  # fmt: skip


def differing(context: ContextSummary) -> list[Arm]:
    """Return the arms that have a difference to the control, lowest first."""
    arms = [arm for arm in context.arms if arm.primary.difference]
    return sorted(arms, key=lambda arm: arm.primary.difference.mean if arm.primary.difference else 0.0)
