"""A picture of a study no larger than a stamp: every level's difference to the control, without words."""

from html import escape

from markupsafe import Markup

from harness.analysis.summary import ContextSummary, StudySummary
from harness.quantities import PRIMARY
from harness.report.figures.style import BETTER, DIFFERENT, INK, STANDING_COLOURS, UNRESOLVED, WORSE
from harness.report.limits import within_difference

WIDTH, ROW, ROOM = 120.0, 7.0, 4.0  # units of the picture
CLASSES = {
    BETTER: "better",
    WORSE: "worse",
    UNRESOLVED: "undecided",
    DIFFERENT: "different",
    INK: "control",
}


def thumb(summary: StudySummary, context: ContextSummary) -> Markup:
    """Return the picture as SVG; the page's style gives it its colours."""
    rows = [(arm, within_difference(arm.primary.difference, PRIMARY)) for arm in context.arms]
    ends = [end for _, one in rows if one for end in (one.low, one.high, one.mean) if end is not None]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    span = (high - low) or 1.0
    height = ROW * len(rows) + 2

    def across(value: float) -> str:
        return f"{ROOM + (value - low) / span * (WIDTH - 2 * ROOM):.1f}"

    parts = [f'<path class="zero" d="M{across(0)} 0V{height:g}"/>']
    for row, (arm, difference) in enumerate(rows):
        at = f"{1 + ROW * (row + 0.5):g}"
        look = CLASSES[STANDING_COLOURS[arm.primary.standing]]
        if difference is not None and difference.low is not None and difference.high is not None:
            parts.append(f'<path class="{look}" d="M{across(difference.low)} {at}H{across(difference.high)}"/>')
        if difference is not None or arm.is_control:
            mean = difference.mean if difference else 0.0
            parts.append(f'<circle class="{look}" cx="{across(mean)}" cy="{at}" r="2.4"/>')
    label = f"Differences of {len(rows) - 1} levels to {summary.tables.control}, {context.name}"
    return Markup(  # every part is a number or a word of this file
        f'<svg class="thumb" viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{escape(label, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )
