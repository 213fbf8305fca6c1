"""A figure that knows where it shows what, so that its page can answer to a pointer (`play.js`)."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure

POINTS_PER_INCH = 72
SHOWN_DIGITS = 4  # significant ones, of a number that a pointer reads
# Marks of the page's own elements: what a line or an area stands for, and the numbers of a vertical axis.
PART, TICKS = "part:", "part:ticks"


@dataclass
class Area:
    """The rectangle of one level: left, top, width and height in points from the upper left corner.

    `series` are the lines in it whose values can be read: (what it is, x, y).
    """

    level: str
    box: tuple[float, float, float, float]
    context: str = ""  # "": that of the figure
    series: list[tuple[str, list[float], list[float]]] = field(default_factory=list)

    def carry(self, part: str, x: Any, y: Any) -> None:
        """Let the values of a line be read; where there is none, there is nothing to read."""
        pairs = [(read(one), read(other)) for one, other in zip(x, y, strict=True) if np.isfinite(other)]
        if pairs:
            self.series.append((part, [one for one, _ in pairs], [other for _, other in pairs]))


class Chart(Figure):
    """A figure with its areas.

    `axes_words` name what is read along x and y; `metric` is the quantity whose runs are shown, a row a level;
    `scale` is (low, high) of a linear vertical axis that a page may make logarithmic.
    """

    def __init__(self, width: float, height: float) -> None:
        super().__init__(figsize=(width, height))
        self.tall = height
        self.areas: list[Area] = []
        self.axes_words: tuple[str, str] | None = None
        self.metric: str | None = None
        self.scale: tuple[float, float] | None = None

    def area(self, level: str, left: float, bottom: float, width: float, height: float, context: str = "") -> Area:
        """Add the area of a level, given in inches from the lower left corner."""
        top = self.tall - bottom - height
        box = tuple(round(side * POINTS_PER_INCH, 1) for side in (left, top, width, height))
        self.areas.append(Area(level, box, context))  # type: ignore[arg-type]
        return self.areas[-1]

    def live(self) -> str:
        """Return all of it as compact JSON, "" if there is nothing that a pointer could ask for."""
        if not self.areas:
            return ""
        areas = [[one.level, one.context, *one.box, one.series] for one in self.areas]
        found = {"areas": areas, "words": self.axes_words, "metric": self.metric, "scale": self.scale}
        return json.dumps({name: value for name, value in found.items() if value is not None}, separators=(",", ":"))


def read(value: float) -> float:
    """Return a value with the digits that are shown; a whole number as one."""
    short = float(f"{value:.{SHOWN_DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short
