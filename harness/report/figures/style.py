"""How figures look. Colours are stand-ins that `svg.py` turns into the page's own, light or dark."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from harness.analysis.compared import Standing
from harness.report.figures.chart import Chart

INK = "#010203"  # texts, axes, the control; of data nothing else
FAINT = "#010204"  # grid lines
BETTER = "#010205"
WORSE = "#010206"
UNRESOLVED = "#010207"
DIFFERENT = "#010208"

# Stand-in -> what the page substitutes; the fallback serves a figure saved by itself.
PAGE_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--line, #d4d8de)",
    BETTER: "var(--better, #1f6fc4)",
    WORSE: "var(--worse, #c2500a)",
    UNRESOLVED: "var(--undecided, #747a84)",
    DIFFERENT: "var(--different, #7d4bb8)",
}
STANDING_COLOURS: dict[Standing, str] = {
    "control": INK,
    "better": BETTER,
    "worse": WORSE,
    "different": DIFFERENT,
    "suggestive": UNRESOLVED,
    "unresolved": UNRESOLVED,
}

WIDTH = 4.1  # inches: on a phone a point is then 1.17 pixels, and the smallest text 11
WIDE = 8.2  # inches, of the figure that a page opens with, where there is room
TEXT = 10.0  # points
SMALL = 9.5
LETTER = TEXT * 0.6 / 72  # inches; a wide font's average letter
LONGEST_LABEL = 22  # letters; more would leave no room for the data
ROW, MARGIN, BELOW, LINE = 0.27, 0.12, 0.45, 0.17  # inches; BELOW holds the numbers and a name of one LINE

STYLE: dict[str, Any] = {
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": TEXT,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    # Labels are shown as written: two dollar signs are no formula.
    "text.parse_math": False,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the report's style within the block, and close what was drawn afterwards."""
    with plt.rc_context(STYLE):  # type: ignore[arg-type]
        yield
    plt.close("all")


def one_axes(height: float, xlabel: str, left: float = MARGIN) -> tuple[Chart, Axes]:
    """Return a figure whose one axes is `height` inches high and starts `left` inches from the edge."""
    lines = textwrap.wrap(xlabel, int(WIDTH / LETTER)) or [""]
    below = BELOW + (len(lines) - 1) * LINE
    total = MARGIN + height + below
    figure = Chart(WIDTH, total)
    # Placed by hand: a layout engine costs as much as all the drawing.
    box = (left / WIDTH, below / total, (WIDTH - left - MARGIN) / WIDTH, height / total)
    # Below the middle of the axes, or as near to it as the label fits.
    half = max(map(len, lines)) * LETTER / 2
    middle = max(half, min((left + WIDTH - MARGIN) / 2, WIDTH - half))
    figure.text(middle / WIDTH, 0.04 / total, "\n".join(lines), ha="center", va="bottom")
    axes = figure.add_axes(box)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    return figure, axes


def rows_axes(levels: list[str], xlabel: str) -> tuple[Chart, Axes]:
    """Return an axes with one labelled row per level, first on top, and grid lines across."""
    labels = [shorten(level, LONGEST_LABEL) for level in levels]
    left = max(map(len, labels)) * LETTER + 0.15
    figure, axes = one_axes(ROW * len(labels), xlabel, left)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    for row, level in enumerate(levels):
        figure.area(level, 0, figure.tall - MARGIN - ROW * (row + 1), WIDTH, ROW)
    return figure, axes


def shorten(text: str, most: int) -> str:
    """Return `text` in at most `most` letters, the cut marked by dots."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def mark_control(axes: Axes, row: int) -> None:
    """Set the tick label of the control, in `row`, in bold."""
    axes.get_yticklabels()[row].set_fontweight("bold")
