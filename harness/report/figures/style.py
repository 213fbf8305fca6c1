"""How figures look. Colours are stand-ins that `svg.py` turns into the page's own, light or dark."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.analysis.summary import Standing

INK = "#010203"  # texts, axes, the control
FAINT = "#010204"  # grid lines
BETTER = "#010205"
WORSE = "#010206"
UNRESOLVED = "#010207"

# Stand-in -> what the page substitutes; the fallback serves a figure saved by itself.
PAGE_COLOURS = {
    INK: "currentColor",
    FAINT: "var(--line, #d4d8de)",
    BETTER: "var(--better, #1f6fc4)",
    WORSE: "var(--worse, #c2500a)",
    UNRESOLVED: "var(--undecided, #747a84)",
}
STANDING_COLOURS: dict[Standing, str] = {
    "control": INK,
    "better": BETTER,
    "worse": WORSE,
    "unresolved": UNRESOLVED,
}

WIDTH = 4.5  # inches; narrow enough that texts stay legible when a phone scales the figure down
TEXT = 10.0  # points
SMALL = 9.0

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
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the report's style within the block, and close what was drawn afterwards."""
    with plt.rc_context(STYLE):  # type: ignore[arg-type]
        yield
    plt.close("all")


def one_axes(height: float, width: float = WIDTH) -> tuple[Figure, Axes]:
    """Return a figure with one axes; height and width in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def rows_axes(labels: list[str], width: float = WIDTH, each: float = 0.27) -> tuple[Figure, Axes]:
    """Return an axes with one labelled row per entry, first on top, and grid lines across."""
    figure, axes = one_axes(0.62 + each * len(labels), width)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    return figure, axes


def mark_control(axes: Axes, control: str) -> None:
    """Set the tick label of the control in bold."""
    for text in axes.get_yticklabels():
        if text.get_text() == control:
            text.set_fontweight("bold")
