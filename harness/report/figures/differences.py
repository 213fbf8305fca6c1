"""Forest plot: each level's paired difference to the control."""

from collections.abc import Iterator

from harness.analysis.quantities import PRIMARY, quantity
from harness.analysis.sentences import level_name
from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import FAINT, INK, STANDING_COLOURS, mark_control, rows_axes
from harness.report.limits import within_difference


@figure("differences", order=10)
def differences(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield the paired differences of the primary metric with their intervals."""
    shown = quantity(PRIMARY)
    control = level_name(summary.tables.control, summary.tables.plan["factor"])
    if not any(arm.primary.difference for arm in context.arms):
        return
    label = f"difference to {control}, percentage points"
    drawn, axes = rows_axes([arm.level for arm in context.arms], label)
    if context.resolvable is not None:
        width = context.resolvable * shown.scale
        axes.axvspan(-width, width, color=FAINT, alpha=0.45, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1)
    for row, arm in enumerate(context.arms):
        colour = STANDING_COLOURS[arm.primary.standing]
        difference = within_difference(arm.primary.difference, PRIMARY)
        if arm.is_control:
            axes.plot(0, row, "D", color=colour, markersize=5)
            mark_control(axes, row)
        if difference is None:
            continue
        if difference.low is not None and difference.high is not None:
            ends = [difference.low * shown.scale, difference.high * shown.scale]
            axes.plot(ends, [row, row], color=colour, linewidth=2, solid_capstyle="round")
        axes.plot(difference.mean * shown.scale, row, "o", color=colour, markersize=6)
    yield Drawing(
        drawn,
        title=f"Difference to {control}",
        caption=(
            f"Each line is the 95\u00a0% interval of the difference to {control}, taken seed by seed. Look for lines "
            "that stay clear of zero: blue is better, orange is worse, grey can't be told apart. The shaded band is "
            "what these seeds can't resolve on the whole."
        ),
        label=f"Paired differences of {shown.label} to {control} with 95\u00a0% intervals, {context.name}",
    )
