"""One dot per seed, with the mean and its interval, for the primary metric and every other one named."""

import math
from collections.abc import Iterator

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.analysis.compared import Compared
from harness.analysis.sentences import capital, level_name, plural
from harness.analysis.summary import ContextSummary, StudySummary
from harness.quantities import PRIMARY, Quantity, quantity
from harness.report.figures.cutting import beyond
from harness.report.figures.hero import has_differences
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import INK, SMALL, STANDING_COLOURS, mark_control, rows_axes
from harness.report.limits import limits, within

EXPLOSION = 50  # times the median; what has exploded is many powers of ten above it
HUGE = 1e6


@figure("seeds", order=20)
def seeds(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield every run's value of the primary metric, unless the page opens with it."""
    if len(summary.contexts) == 1 and has_differences(summary):
        return
    compared = summary.compared(context.name, PRIMARY)
    shown = quantity(PRIMARY)
    chance: float | None = context.control.chance
    values = [one.value.mean for one in compared if one.value]
    # Far below all levels, the line would squeeze them together.
    if not values or min(values) - context.control.chance > max(max(values) - min(values), 0.1):
        chance = None
    broken = any(arm.unfinished for arm in context.arms)
    yield Drawing(
        draw(summary, context, compared, PRIMARY, mark=chance),
        title=f"{capital(shown.label)} of every seed",
        caption=(
            "A dot is one run, the bar its level's mean with the 95\u00a0% interval. Look at how far dots of one level "
            "scatter before you trust a difference."
            + (f" The dotted line is chance, {shown.value(chance)}." if chance is not None else "")
            + (" A cross is a run that did not finish; it counts as chance." if broken else "")
        ),
        label=f"{shown.label} of every run by level, {context.name}",
    )


@figure("metric", order=40)
def metric(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield one drawing for each further metric that the study or a claim names and the runs measured."""
    for name in dict.fromkeys(one.metric for one in summary.metrics):
        every = summary.compared(context.name, name)
        # Rows of levels that have no such value would only be empty.
        compared = [one for one in every if one.value]
        if name == PRIMARY or not compared:
            continue
        yield Drawing(
            draw(summary, context, compared, name),
            title=seen(compared, str(summary.tables.plan["factor"])),
            caption=" ".join(metric_words(context, compared, len(every) - len(compared), name)),
            label=f"{quantity(name).label} of every run by level, {context.name}",
            part=name,
        )


def seen(compared: list[Compared], factor: str) -> str:
    """Return what to see in a metric: who differs most from the control, or that nobody can be told from it."""
    shown = quantity(compared[0].metric)
    label = capital(shown.label)
    values = [(one.value.mean, level_name(one.level, factor)) for one in compared if one.value]
    if len(values) == 1:
        return f"{label}: {values[0][1]}, {large(shown, values[0][0])}"
    (low, lowest), (high, highest) = min(values), max(values)
    if shown.value(low) == shown.value(high):
        return f"{label}: {shown.value(low)} with every level"
    if not any(one.standing in ("better", "worse", "different") for one in compared):
        return f"{label}: no level can be told from the control"
    return f"{label}: from {large(shown, low)} with {lowest} to {large(shown, high)} with {highest}"


def metric_words(context: ContextSummary, compared: list[Compared], absent: int, name: str) -> Iterator[str]:
    """Yield the sentences under a metric: why it matters, how to read the marks, what is missing."""
    known = quantity(name)
    if known.why:
        yield known.why
    if known.better:
        yield f"Further {'left' if known.better == 'lower' else 'right'} is better."
    if any(one.standing == "different" for one in compared):
        yield "Violet differs from the control, which is neither good nor bad by itself."
    if name == "epochs_to_target" and any(arm.never_reached for arm in context.arms):
        yield "A hollow triangle never got there."
    if absent:
        yield f"Not measured for {plural(absent, 'other level')}."


def draw(
    summary: StudySummary, context: ContextSummary, compared: list[Compared], name: str, mark: float | None = None
) -> Figure:
    """Return dots, means and intervals of one metric; `mark` draws a dotted line at a stored value."""
    shown = quantity(name)
    unit = "" if shown.unit in ("", "epochs", "steps", "/s") else f", {shown.unit}"
    drawn, axes = rows_axes([one.level for one in compared], f"{shown.label}{unit}")
    drawn.metric = name
    axes.xaxis.set_major_locator(MaxNLocator(6))
    if mark is not None:
        axes.axvline(mark * shown.scale, color=INK, linewidth=1, linestyle=":")
    rows = {one.level: row for row, one in enumerate(compared)}
    runs = summary.counted
    runs = runs[(runs["context"] == context.name) & runs["level"].isin(list(rows))].dropna(subset=[name])
    runs = runs.assign(row=runs["level"].map(rows) + 0.0, shown=runs[name] * shown.scale)
    hollow = runs["censored"].astype(bool) if name == "epochs_to_target" else runs["status"] == "never"
    broken = (runs["status"] != "done") & ~hollow
    palette = {one.level: STANDING_COLOURS[one.standing] for one in compared}
    edge = ordinary(compared) * shown.scale
    far = runs["shown"] > edge
    for level, count in runs[far].groupby("level").size().items():
        axes.annotate(beyond(count), (1, rows[str(level)]), (0, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", ha="right", va="center", fontsize=SMALL)  # fmt: skip
    runs, hollow, broken = runs[~far], hollow[~far], broken[~far]
    dots = runs[~hollow & ~broken]
    if len(dots):
        sns.scatterplot(data=dots, x="shown", y="row", hue="level", palette=palette, alpha=0.5, s=26, linewidth=0,
                        legend=False, ax=axes)  # fmt: skip
    for chosen, marker in ((runs[broken], "x"), (runs[hollow], ">")):
        # Mostly there are none, and an empty line costs as much to draw as any.
        for level, mine in chosen.groupby("level", sort=False):
            axes.plot(mine["shown"], mine["row"], marker, color=palette[str(level)], markersize=6, fillstyle="none")
    for row, one in enumerate(compared):
        colour = palette[one.level]
        if one.standing == "control":
            mark_control(axes, row)
        value = within(one.value, name)
        if value is None:
            continue
        if value.low is not None and value.high is not None:
            ends = [min(end * shown.scale, edge) for end in (value.low, value.high)]
            axes.plot(ends, [row, row], color=colour, linewidth=1.6, solid_capstyle="round")
        if value.mean * shown.scale <= edge:
            axes.plot(value.mean * shown.scale, row, "|", color=colour, markersize=12, markeredgewidth=2.4)
    axes.set(xlabel="", ylabel="")
    keep_possible(axes, name, shown.scale)
    # Nothing lies outside, and a mark at the end of the axis stays whole.
    for artist in (*axes.lines, *axes.collections, *axes.get_xgridlines()):
        artist.set_clip_on(False)
    return drawn


def ordinary(compared: list[Compared]) -> float:
    """Return where the axis ends at the latest, in stored units, so that one explosion doesn't flatten all others.

    That is twice the largest mean within `EXPLOSION` times the median one; infinity where no mean is beyond that.
    """
    means = [abs(one.value.mean) for one in compared if one.value]
    most = EXPLOSION * float(np.median(means))
    if not most or max(means) <= most:
        return math.inf
    return 2 * max(mean for mean in means if mean <= most)


def large(shown: Quantity, stored: float) -> str:
    """Return a value as text; a huge one, as of a loss that exploded, by its power of ten."""
    number = stored * shown.scale
    return f"{number:.0e}".replace("e+", "e") if abs(number) >= HUGE else shown.value(stored)


def keep_possible(axes: Axes, name: str, scale: float) -> None:
    """Let the axis end where values end, but for the room that a mark at the end needs."""
    least, greatest = limits(name)
    low, high = axes.get_xlim()
    room = 0.02 * (high - low)
    axes.set_xlim(
        low if least is None else max(low, least * scale - room),
        high if greatest is None else min(high, greatest * scale + room),
    )
