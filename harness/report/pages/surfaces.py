"""The paths of the update rules over surfaces of two weights, to look at and to step through."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from contourpy import FillType, contour_generator

from harness.report.also import valley_words
from harness.report.exports import save
from harness.report.pages.registry import Bench, page
from harness.report.templating import template

WIDTH = 200.0  # of a picture, in units of its SVG
SHADES = 9


@dataclass(frozen=True)
class Track:
    """One rule on one surface: `points` as SVG has them, the last repeated ones left out."""

    rule: str
    learning_rate: float
    steps: int | None
    points: str


@dataclass(frozen=True)
class Ground:
    """One surface in the coordinates of its picture; `shades` are areas, each within the one before."""

    name: str
    title: str
    words: str
    formula: str
    height: float
    shades: list[str]
    start: tuple[float, float]
    minima: list[tuple[float, float]]
    tracks: list[Track]


@page("surfaces.html", order=2)
def surfaces_page(bench: Bench) -> str | None:
    """Return the page, and write its table; None if the paths were not computed."""
    found = bench.found("surfaces")
    if found is None:
        return None
    save(steps_table(found), bench.out / "tables" / "surfaces.csv")
    return template("surfaces.html").render(
        bench=bench,
        found=found,
        grounds=[ground_of(surface) for surface in found["surfaces"]],
        rules=rules_of(found),
        valley=valley_words(found),
    )


def steps_table(found: dict[str, Any]) -> pd.DataFrame:
    """Return a row per surface and rule: learning rate, and steps to the lowest point (none: not reached)."""
    rows = [
        {"surface": surface["name"], **{key: one[key] for key in ("rule", "learning_rate", "steps", "end_height")}}
        for surface in found["surfaces"]
        for one in surface["rules"]
    ]
    return pd.DataFrame(rows).astype({"steps": "Int64"})


def rules_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row per rule: its name, what it does, and its result on each surface."""
    first = found["surfaces"][0]["rules"]
    return [
        {"rule": one["rule"], "words": one["words"], "on": [surface["rules"][row] for surface in found["surfaces"]]}
        for row, one in enumerate(first)
    ]


def ground_of(surface: dict[str, Any]) -> Ground:
    """Return one surface and its paths in the coordinates of the picture, y downwards."""
    (left, right), (bottom, top) = surface["x"], surface["y"]
    unit = WIDTH / (right - left)

    def place(points: Any) -> np.ndarray:
        points = np.asarray(points, dtype=float)
        return np.stack([(points[:, 0] - left) * unit, (top - points[:, 1]) * unit], axis=1)

    def pairs(points: Any) -> list[tuple[float, float]]:
        return [(round(x, 1), round(y, 1)) for x, y in place(points).tolist()]

    return Ground(
        name=surface["name"],
        title=surface["title"],
        words=surface["words"],
        formula=surface["formula"],
        height=round((top - bottom) * unit, 1),
        shades=shades(surface, place),
        start=pairs([surface["start"]])[0],
        minima=pairs(surface["minima"]),
        tracks=[
            Track(one["rule"], one["learning_rate"], one["steps"], polyline(pairs(one["path"])))
            for one in surface["rules"]
        ],
    )


def shades(surface: dict[str, Any], place: Any) -> list[str]:
    """Return the areas below a few heights as SVG paths; the heights split the picture into equal parts."""
    heights = np.asarray(surface["heights"])
    y, x = (np.linspace(*surface[name], size) for name, size in zip("yx", heights.shape, strict=True))  # type: ignore[call-overload]
    lines = contour_generator(x, y, heights, fill_type=FillType.OuterOffset)
    paths = []
    for level in np.quantile(heights, np.linspace(0, 1, SHADES + 1)[1:-1])[::-1]:
        rings = []
        for points, offsets in zip(*lines.filled(-np.inf, level), strict=True):
            for start, stop in pairwise(offsets):
                corners = [f"{px:.1f} {py:.1f}" for px, py in place(points[start:stop]).tolist()]
                rings.append(f"M{'L'.join(corners)}Z")
        paths.append("".join(rings))
    return paths


def polyline(points: list[tuple[float, float]]) -> str:
    """Return points as `<polyline>` has them, without the steps at the end that no longer move."""
    last = len(points)
    while last > 1 and points[last - 1] == points[last - 2]:
        last -= 1
    return " ".join(f"{x:g},{y:g}" for x, y in points[:last])
