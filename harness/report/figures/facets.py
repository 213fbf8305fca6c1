"""Small multiples: one small panel per level, all on the same scales.

The panels are drawn into one axes. A matplotlib axes per panel costs 50 ms each, which made
thirteen levels take longer than all other figures of a page together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from harness.report.figures.chart import PART, TICKS, Area, Chart
from harness.report.figures.cutting import beyond, cut_band, cut_line, outside
from harness.report.figures.style import FAINT, INK, SMALL, WIDTH, shorten

COLUMNS = 3  # at most; fewer where the titles need room
TITLE_LETTER = 0.65 * SMALL / 72  # inches; the average letter in bold
# Inches.
LEFT, RIGHT, TOP, BOTTOM = 0.64, 0.08, 0.5, 0.42
PANEL_HEIGHT, ROW_GAP, COLUMN_GAP = 0.85, 0.28, 0.12


@dataclass(frozen=True)
class Scale:
    """The range of one axis of all panels, in data units."""

    low: float
    high: float
    log: bool = False
    whole: bool = False  # ticks at whole numbers only

    def place(self, values: Any) -> np.ndarray:
        """Return where `values` lie between the ends: 0 at the low end, 1 at the high one."""
        low, high, shown = self.low, self.high, np.asarray(values, dtype=float)
        if self.log:
            low, high, shown = math.log10(low), math.log10(high), np.log10(shown)
        return (shown - low) / (high - low)

    @property
    def ticks(self) -> list[float]:
        """Round values within the range, about four."""
        if not self.log:
            steps = [1, 2, 5, 10] if self.whole else [1, 2, 2.5, 5, 10]
            values = np.asarray(MaxNLocator(4, steps=steps, integer=self.whole).tick_values(self.low, self.high))
        else:
            first, last = math.ceil(math.log10(self.low)), math.floor(math.log10(self.high))
            values = 10.0 ** np.arange(first, last + 1, max(1, (last - first + 2) // 3))
        return [float(value) for value in values if self.low <= value <= self.high]


@dataclass
class Panel:
    """One small multiple: data go in, ink lands in its rectangle (inches) of the shared axes."""

    axes: Axes
    left: float
    bottom: float
    width: float
    x: Scale
    y: Scale
    area: Area
    left_out: int = 0
    note: Text | None = None

    def across(self, value: float) -> float:
        """Return the horizontal position of a value in inches."""
        return self.left + self.width * float(self.x.place(value))

    def up(self, value: float) -> float:
        """Return the vertical position of a value in inches."""
        return self.bottom + PANEL_HEIGHT * float(self.y.place(value))

    def line(self, x: Any, y: Any, part: str | None = None, **style: Any) -> None:
        """Draw a line or markers through data, cut off at the panel's edges; what lies beyond them is counted.

        The values of a line that has a name, its `part`, can be read on the page.
        """
        self.count(outside(self.y.place(y)))
        if part is not None:
            self.area.carry(part, x, y)
        self.behind(x, y, part, **style)

    def behind(self, x: Any, y: Any, part: str | None = None, **style: Any) -> None:
        """Draw like `line` what only lies behind the data, such as the control in every panel: uncounted, unread."""
        style["gid"] = part and PART + part
        across, up = np.atleast_1d(self.x.place(x)), np.atleast_1d(self.y.place(y))
        marker = style.pop("marker", None)
        if marker:
            inside = (up >= 0) & (up <= 1)
            self._plot(across, np.where(inside, up, np.nan), marker=marker, **{**style, "linestyle": ""})
        if style.get("linestyle") != "" and len(up) > 1:
            self._plot(*cut_line(across, up), **style)

    def _plot(self, across: np.ndarray, up: np.ndarray, **style: Any) -> None:
        if np.isfinite(up).any():
            self.axes.plot(self.left + self.width * across, self.bottom + PANEL_HEIGHT * up, clip_on=False, **style)

    def band(self, x: Any, low: Any, high: Any, part: str | None = None, **style: Any) -> None:
        """Fill between two curves, cut off at the panel's edges; gaps where an end is NaN."""
        across, *both = cut_band(self.x.place(x), self.y.place(low), self.y.place(high))
        across = self.left + self.width * across
        below, above = (self.bottom + PANEL_HEIGHT * end for end in both)
        known = np.isfinite(below) & np.isfinite(above)
        for piece in np.ma.clump_unmasked(np.ma.masked_where(~known, across)):
            outline = (
                np.concatenate([across[piece], across[piece][::-1]]),
                np.concatenate([below[piece], above[piece][::-1]]),
            )
            self.axes.fill(*outline, linewidth=0, clip_on=False, gid=part and PART + part, **style)

    def count(self, more: int) -> None:
        """Say in the panel how many values in all lie beyond its edges."""
        if not more:
            return
        self.left_out += more
        if self.note is None:
            at = (self.left + self.width - 0.03, self.bottom + PANEL_HEIGHT - 0.03)
            self.note = self.axes.text(*at, "", fontsize=SMALL, color=INK, ha="right", va="top")
        self.note.set_text(beyond(self.left_out))

    def furniture(self, title: str, numbers_left: bool, numbers_below: bool) -> None:
        """Draw the title, the grid, and tick labels where the panel stands at the edge."""
        text = {"fontsize": SMALL, "color": INK}
        right, top = self.left + self.width, self.bottom + PANEL_HEIGHT
        title = shorten(title, int(self.width / TITLE_LETTER))
        self.axes.text(self.left, top + 0.05, title, fontsize=SMALL, color=INK, fontweight="bold")
        self.axes.plot([self.left, right], [self.bottom] * 2, color=INK, linewidth=0.6)
        for tick in self.y.ticks:
            height = self.up(tick)
            self.axes.plot([self.left, right], [height] * 2, color=FAINT, linewidth=0.6, zorder=0, gid=TICKS)
            if numbers_left:
                self.axes.text(self.left - 0.05, height, short(tick), ha="right", va="center", gid=TICKS, **text)  # type: ignore[arg-type]
        if numbers_below:
            for tick in self.x.ticks:
                at = self.across(tick)
                self.axes.text(at, self.bottom - 0.05, short(tick), ha="center", va="top", **text)  # type: ignore[arg-type]


def short(value: float) -> str:
    """Return a tick in few characters: there is room for five beside the name of the axis."""
    text = f"{value:g}"
    # 0.0001 and 1e-07 become 1e-4 and 1e-7.
    return text if len(text) <= 5 and "e" not in text else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")


def shown(label: str) -> str:
    """Return a label that matplotlib draws as written: behind a first underscore it would hide it."""
    return f"\u200b{label}" if label.startswith("_") else label


def panel_width(columns: int) -> float:
    """Return the width of one of `columns` panels side by side, in inches."""
    return (WIDTH - LEFT - RIGHT - (columns - 1) * COLUMN_GAP) / columns


def facets(
    titles: Sequence[str],
    x: Scale,
    y: Scale,
    labels: tuple[str, str],
    legend: Sequence[Line2D],
    columns: int = COLUMNS,
) -> tuple[Chart, list[Panel]]:
    """Return a figure with one titled panel per entry; `labels` name the x and the y axis."""
    columns = min(columns, len(titles))
    while columns > 2 and max(map(len, titles)) * TITLE_LETTER > panel_width(columns):
        columns -= 1
    rows = math.ceil(len(titles) / columns)
    height = TOP + rows * PANEL_HEIGHT + (rows - 1) * ROW_GAP + BOTTOM
    width = panel_width(columns)
    figure = Chart(WIDTH, height)
    figure.axes_words = labels
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height), autoscale_on=False)
    axes.set_axis_off()
    panels = []
    for index, title in enumerate(titles):
        row, column = divmod(index, columns)
        bottom = height - TOP - (row + 1) * PANEL_HEIGHT - row * ROW_GAP
        left = LEFT + column * (width + COLUMN_GAP)
        panel = Panel(axes, left, bottom, width, x, y, figure.area(title, left, bottom, width, PANEL_HEIGHT))
        panel.furniture(title, numbers_left=column == 0, numbers_below=index + columns >= len(titles))
        panels.append(panel)
    axes.text((LEFT + WIDTH) / 2, 0.03, labels[0], fontsize=SMALL, ha="center", va="bottom")
    middle = BOTTOM + (height - BOTTOM - TOP) / 2
    axes.text(0.02, middle, labels[1], fontsize=SMALL, ha="left", va="center", rotation=90)
    if legend:
        texts = [shown(str(line.get_label())) for line in legend]
        figure.legend(
            handles=list(legend), labels=texts, loc="upper left", bbox_to_anchor=(0, 1), ncols=len(legend),
            handlelength=1.8, borderpad=0, columnspacing=1.2,
        )  # fmt: skip
    return figure, panels
