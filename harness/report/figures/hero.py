"""The figure that a study page opens with: every level in every context, drawn wide and, for phones, narrow.

All panels share one matplotlib axes in inches, as the small multiples do: an axes per panel takes 50 ms.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from harness.analysis.sentences import level_name, plural
from harness.analysis.summary import Arm, ContextSummary, StudySummary
from harness.quantities import PRIMARY, quantity
from harness.report.figures.chart import Chart
from harness.report.figures.facets import Scale, short
from harness.report.figures.registry import Drawing
from harness.report.figures.style import (
    FAINT,
    INK,
    LETTER,
    LONGEST_LABEL,
    SMALL,
    STANDING_COLOURS,
    UNRESOLVED,
    WIDE,
    WIDTH,
    shorten,
)
from harness.report.limits import within, within_difference

ROW, HEADING, TICKS, AXIS, GAP, EDGE = 0.26, 0.26, 0.22, 0.2, 0.2, 0.1  # inches
ACROSS = 3  # panels side by side, where there is room
SHOWN = quantity(PRIMARY)
UNSTABLE = 0.30  # width of the control's own interval: beyond it, what is compared with it says little


@dataclass
class Lane:
    """One panel: a row per arm, its rectangle in inches of the shared axes."""

    axes: Axes
    left: float
    top: float
    width: float
    x: Scale
    arms: tuple[Arm, ...]

    def across(self, stored: float) -> float:
        """Return where a stored value lies, in inches."""
        return self.left + self.width * float(self.x.place(stored * SHOWN.scale))

    def height(self, row: float) -> float:
        """Return the middle of a row, in inches."""
        return self.top - ROW * (row + 0.5)

    @cached_property
    def bottom(self) -> float:
        """The lower edge, in inches."""
        return self.top - ROW * len(self.arms)

    def furniture(self, title: str, names: bool) -> None:
        """Draw title, grid and tick labels, and the names of the levels on the left."""
        letters = int(self.width / (0.65 * SMALL / 72))
        self.axes.text(self.left, self.top + 0.06, shorten(title, letters), fontsize=SMALL, fontweight="bold")
        for tick in self.x.ticks:
            at = self.left + self.width * float(self.x.place(tick))
            self.axes.plot([at, at], [self.bottom, self.top], color=FAINT, linewidth=0.6, zorder=0)
            text = short(tick).replace("-", "\u2212")
            self.axes.text(at, self.bottom - 0.05, text, fontsize=SMALL, ha="center", va="top")
        for row, arm in enumerate(self.arms if names else ()):
            weight = "bold" if arm.is_control else "normal"
            name = shorten(arm.level, LONGEST_LABEL)
            self.axes.text(self.left - 0.08, self.height(row), name, ha="right", va="center", fontweight=weight)

    def interval(self, row: int, low: float | None, high: float | None, colour: str) -> None:
        """Draw an interval along its row."""
        if low is not None and high is not None:
            ends = [self.across(low), self.across(high)]
            self.axes.plot(ends, [self.height(row)] * 2, color=colour, linewidth=2, solid_capstyle="butt")

    def dot(self, row: int, at: float, arm: Arm) -> None:
        """Draw the mark of a mean: hollow where it can't be told from the control, a diamond for the control."""
        colour = STANDING_COLOURS[arm.primary.standing]
        hollow = colour == UNRESOLVED
        self.axes.plot(self.across(at), self.height(row), "D" if arm.is_control else "o", color=colour, markersize=5.5,
                       markerfacecolor="none" if hollow else colour, markeredgewidth=1.4)  # fmt: skip


Draw = Callable[[Lane], None]


def hero(summary: StudySummary) -> tuple[Drawing, Drawing] | None:
    """Return the opening figure, wide and narrow; None if no level has a difference to the control."""
    contexts = [one for one in summary.contexts if compared(one)]
    if not contexts:
        return None
    lanes: list[tuple[str, ContextSummary, Scale, Draw]] = []
    apart = difference_scale(contexts)
    control = level_name(summary.tables.control, str(summary.tables.plan["factor"]))
    if len(summary.contexts) == 1:
        lanes.append((f"{SHOWN.label}, %", contexts[0], value_scale(contexts[0]), values_of(summary, contexts[0])))
        lanes.append((f"difference to {control}, points", contexts[0], apart, differences_of(contexts[0])))
        below = ""
    else:
        lanes += [(context.name, context, apart, differences_of(context)) for context in contexts]
        below = f"difference to {control}, points"
    words = (title_of(summary, contexts, control), " ".join(caption_of(contexts, control)))
    label = f"Differences of every level to {control} with 95\u00a0% intervals, in every context"
    wide = draw(lanes, WIDE, ACROSS if len(lanes) != 4 else 2, below)
    return Drawing(wide, *words, label), Drawing(draw(lanes, WIDTH, 1, below), *words, label)


def has_differences(summary: StudySummary) -> bool:
    """Say whether there is an opening figure."""
    return any(map(compared, summary.contexts))


def compared(context: ContextSummary) -> bool:
    """Say whether any level of a context has a difference to the control."""
    return any(arm.primary.difference for arm in context.arms)


def draw(lanes: Sequence[tuple[str, ContextSummary, Scale, Draw]], width: float, across: int, below: str) -> Chart:
    """Return the panels in rows of `across`, the names of the levels, which a row has in common, at its start."""
    alike: dict[tuple[str, ...], list[tuple[str, ContextSummary, Scale, Draw]]] = {}
    for lane in lanes:
        alike.setdefault(tuple(arm.level for arm in lane[1].arms), []).append(lane)
    rows = [same[start : start + across] for same in alike.values() for start in range(0, len(same), across)]
    names = max(len(shorten(arm.level, LONGEST_LABEL)) for _, context, _, _ in lanes for arm in context.arms)
    left = names * LETTER + 0.15
    columns = max(map(len, rows))
    each = (width - left - EDGE - GAP * (columns - 1)) / columns
    deep = [max(len(context.arms) for _, context, _, _ in row) * ROW + HEADING + TICKS for row in rows]
    total = sum(deep) + 0.08 * (len(rows) - 1) + (AXIS if below else 0.02)
    figure = Chart(width, total)
    figure.metric = PRIMARY
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, total), autoscale_on=False)
    axes.set_axis_off()
    top = total - HEADING
    for row, depth in zip(rows, deep, strict=True):
        for column, (title, context, x, paint) in enumerate(row):
            panel = Lane(axes, left + column * (each + GAP), top, each, x, context.arms)
            panel.furniture(title, names=column == 0)
            paint(panel)
            edge = panel.left if column else 0.0  # the names of the levels belong to the first panel of a row
            for number, arm in enumerate(context.arms):
                bottom = top - ROW * (number + 1)
                figure.area(arm.level, edge, bottom, panel.left + each - edge, ROW, context.name)
        top -= depth + 0.08
    if below:
        axes.text((left + width) / 2, 0.03, shorten(below, int((width - left) / LETTER)), ha="center", va="bottom")
    return figure


def differences_of(context: ContextSummary) -> Draw:
    """Return what draws the paired differences of a context."""

    def paint(lane: Lane) -> None:
        if context.resolvable is not None:
            ends = [lane.across(max(-1.0, min(1.0, sign * context.resolvable))) for sign in (-1, 1)]
            left, right = (min(max(end, lane.left), lane.left + lane.width) for end in ends)
            corner, size = (left, lane.bottom), (right - left, lane.top - lane.bottom)
            lane.axes.add_patch(Rectangle(corner, *size, color=FAINT, alpha=0.45, linewidth=0))
        lane.axes.plot([lane.across(0)] * 2, [lane.bottom, lane.top], color=INK, linewidth=1)
        for row, arm in enumerate(lane.arms):
            difference = within_difference(arm.primary.difference, PRIMARY)
            if arm.is_control:
                lane.dot(row, 0.0, arm)
            elif difference is not None:
                lane.interval(row, difference.low, difference.high, STANDING_COLOURS[arm.primary.standing])
                lane.dot(row, difference.mean, arm)

    return paint


def values_of(summary: StudySummary, context: ContextSummary) -> Draw:
    """Return what draws the accuracy of every run, with the mean and its interval."""

    def paint(lane: Lane) -> None:
        runs = summary.counted
        for row, arm in enumerate(lane.arms):
            colour = STANDING_COLOURS[arm.primary.standing]
            mine = runs[(runs["context"] == context.name) & (runs["level"] == arm.level)].dropna(subset=[PRIMARY])
            for done, look in (
                (True, {"marker": "o", "markersize": 3.5, "markeredgewidth": 0}),
                (False, {"marker": "x"}),
            ):
                values = mine.loc[(mine["status"] == "done") == done, PRIMARY]
                at = [lane.across(float(value)) for value in values]
                if at:
                    lane.axes.plot(at, [lane.height(row)] * len(at), linestyle="", color=colour, alpha=0.55, **look)
            value = within(arm.primary.value, PRIMARY)
            if value is not None:
                lane.interval(row, value.low, value.high, colour)
                mean = lane.across(value.mean)
                ends = [lane.height(row) - 0.08, lane.height(row) + 0.08]
                lane.axes.plot([mean, mean], ends, color=colour, linewidth=2.4, solid_capstyle="butt")

    return paint


def value_scale(context: ContextSummary) -> Scale:
    """Return the scale of the accuracies of a context, in percent."""
    shown = [one for one in (within(arm.primary.value, PRIMARY) for arm in context.arms) if one]
    ends = [end for one in shown for end in (one.low, one.high, one.mean) if end is not None]
    return widened(min(ends), max(ends), 0.0, 1.0)


def difference_scale(contexts: Sequence[ContextSummary]) -> Scale:
    """Return the scale of the differences of all contexts, in points, zero in it."""
    found = [within_difference(arm.primary.difference, PRIMARY) for context in contexts for arm in context.arms]
    ends = [end for one in found if one for end in (one.low, one.high, one.mean) if end is not None]
    return widened(min([0.0, *ends]), max([0.0, *ends]), -1.0, 1.0)


def widened(low: float, high: float, least: float, greatest: float) -> Scale:
    """Return a scale from low to high (stored units) with room for marks, within what is possible."""
    room = 0.04 * (high - low) or 0.01
    # Room for half a mark stays even where values end.
    low, high = max(low - room, least - room / 2), min(high + room, greatest + room / 2)
    return Scale(low * SHOWN.scale, high * SHOWN.scale)


def title_of(summary: StudySummary, contexts: Sequence[ContextSummary], control: str) -> str:
    """Return what is to be seen: how many levels stand how, or who leads in which contexts."""
    if len(summary.contexts) == 1:
        counts = Counter(arm.primary.standing for arm in contexts[0].arms)
        others = len(contexts[0].arms) - 1
        open_ones = others - counts["better"] - counts["worse"]
        parts = [
            f"{counts['better']} above {control}" if counts["better"] else "",
            f"{counts['worse']} below" + ("" if counts["better"] else f" {control}") if counts["worse"] else "",
            f"{open_ones} that can't be told from it" if open_ones else "",
        ]
        if open_ones == others:
            return f"{plural(others, 'level')}, none that can be told from {control}"
        return f"{plural(others, 'level')}: {', '.join(part for part in parts if part)}"
    factor = str(summary.tables.plan["factor"])
    leads: dict[str, list[str]] = {}
    for context in contexts:
        leads.setdefault(level_name(context.ranked[0].level, factor), []).append(context.name)
    few = any(context.shared_seeds < context.seeds for context in contexts)
    most = f"Highest mean{' of the seeds that all have' if few else ''}"
    if len(leads) == 1:
        return f"{most}: {next(iter(leads))} in {'all contexts' if len(contexts) > 1 else contexts[0].name}"
    order = sorted(leads.items(), key=lambda item: -len(item[1]))
    places = [f"{level} in {names[0] if len(names) == 1 else plural(len(names), 'context')}" for level, names in order]
    return f"{most}: {', '.join(places)}"


def caption_of(contexts: Sequence[ContextSummary], control: str) -> list[str]:
    """Return how to read the figure, what broke, and where the control is too unsteady to compare with."""
    words = [
        f"Lines are 95\u00a0% intervals, differences to {control} taken seed by seed. Blue is better, orange is worse, "
        "hollow grey can't be told apart for sure. The shaded band is what these seeds can't resolve on the whole."
    ]
    if any(arm.unfinished for context in contexts for arm in context.arms):
        words.append("A run that did not finish counts as chance" + (" (cross)." if len(contexts) == 1 else "."))
    shaky = [context for context in contexts if unstable(context)]
    if shaky:
        where = "" if len(contexts) == 1 else f" in {', '.join(one.name for one in shaky)}"
        words.append(
            f"The control itself is unsteady{where}: its own interval is over {UNSTABLE * 100:.0f} points wide, so "
            "differences to it say little."
        )
    return words


def unstable(context: ContextSummary) -> bool:
    """Say whether the control's own accuracy is known so poorly that comparing with it says little."""
    value = within(context.control.primary.value, PRIMARY)
    return value is not None and value.low is not None and value.high is not None and value.high - value.low > UNSTABLE
