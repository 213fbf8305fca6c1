"""How much each factor matters: one lane per study and context, one dot per level."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from harness.analysis.quantities import PRIMARY, quantity
from harness.analysis.summary import Arm, ContextSummary, StudySummary
from harness.report.figures.registry import Drawing
from harness.report.figures.style import INK, SMALL, STANDING_COLOURS, one_axes

LANE, HEADING = 0.25, 0.27  # inches


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
    drawn, axes = one_axes(height + 0.55)
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.axvline(0, color=INK, linewidth=1)
    top = 0.0
    for summary in studies:
        title = str(summary.tables.plan["title"])
        axes.text(0, top + HEADING * 0.62, title, transform=axes.get_yaxis_transform(), fontweight="bold", va="center")
        top += HEADING
        for context in summary.contexts:
            lane(axes, top + LANE / 2, context, context.name if len(summary.contexts) > 1 else "")
            top += LANE
    low, high = axes.get_xlim()
    # Room for the names of contexts and levels on the left, of levels on the right.
    axes.set_xlim(low - 0.42 * (high - low), high + 0.22 * (high - low))
    axes.set_xlabel("difference to the control, percentage points")
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


def lane(axes: Axes, height: float, context: ContextSummary, name: str) -> None:
    """Draw the levels of one context in a row at `height`, its name at the left edge."""
    scale = quantity(PRIMARY).scale
    arms = differing(context)
    axes.text(0, height, name, transform=axes.get_yaxis_transform(), fontsize=SMALL, va="center")
    if not arms:
        return
    ends = [0.0]
    for arm in arms:
        difference = arm.primary.difference
        assert difference is not None
        colour = STANDING_COLOURS[arm.primary.standing]
        low, high = (difference.mean if end is None else end for end in (difference.low, difference.high))
        ends += [low * scale, high * scale]
        axes.plot([low * scale, high * scale], [height] * 2, color=colour, linewidth=5, alpha=0.2,
                  solid_capstyle="butt")  # fmt: skip
        axes.plot(difference.mean * scale, height, "o", color=colour, markersize=4.5, alpha=0.85)
    axes.plot([min(ends), max(ends)], [height] * 2, color=INK, linewidth=0.8, alpha=0.35, zorder=1)
    label(axes, arms[0], min(ends), height, -4, "right")
    if len(arms) > 1:
        label(axes, arms[-1], max(ends), height, 4, "left")


def label(axes: Axes, arm: Arm, at: float, height: float, offset: float, side: str) -> None:
    """Print a level's name beside the end of its lane."""
    axes.annotate(arm.level, (at, height), xytext=(offset, 0), textcoords="offset points", fontsize=SMALL - 0.5,
                  ha=side, va="center", color=INK)  # fmt: skip


def differing(context: ContextSummary) -> list[Arm]:
    """Return the arms that have a difference to the control, lowest first."""
    arms = [arm for arm in context.arms if arm.primary.difference]
    return sorted(arms, key=lambda arm: arm.primary.difference.mean if arm.primary.difference else 0.0)
