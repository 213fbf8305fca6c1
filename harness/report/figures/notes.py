"""Pictures for the page of slips: spread of activations under four initializations, and tanh from sigmoid."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.figures.facets import COLUMNS, Scale, facets
from harness.report.figures.style import BETTER, DIFFERENT, UNRESOLVED, WORSE
from harness.report.figures.watched import layer_axis, log_scale, positive

COLOURS = (UNRESOLVED, BETTER, DIFFERENT, WORSE)


def draw_spreads(spreads: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Draw the standard deviation over the layers (L,), by context and level; up to four levels."""
    levels = list(dict.fromkeys(level for found in spreads.values() for level in found))
    colours = dict(zip(levels, COLOURS, strict=False))
    everything = [values for found in spreads.values() for values in found.values()]
    y = log_scale(everything)
    legend = [Line2D([], [], color=colours[level], marker="o", markersize=3, label=level) for level in levels]
    x = layer_axis(max(len(values) for values in everything))
    drawn, panels = facets(list(spreads), x, y, ("layer", "standard deviation"), legend, min(len(spreads), COLUMNS))
    for panel, found in zip(panels, spreads.values(), strict=True):
        for level, values in found.items():
            at = np.arange(1, len(values) + 1)
            panel.line(at, positive(values), color=colours[level], linewidth=1.2, marker="o", markersize=3)
    return drawn


def draw_tanh(x: np.ndarray, curves: Mapping[str, np.ndarray]) -> Figure:
    """Draw curves over `x` (N,): the first broad and pale, the others thin on top of it."""
    looks: tuple[dict[str, Any], ...] = (
        {"color": UNRESOLVED, "linewidth": 5.0, "alpha": 0.45},
        {"color": BETTER, "linewidth": 1.2},
        {"color": WORSE, "linewidth": 1.2},
    )
    legend = [Line2D([], [], label=name, **look) for name, look in zip(curves, looks, strict=True)]
    drawn, (panel,) = facets(["tanh"], Scale(x[0], x[-1]), Scale(-1.05, 1.05), ("x", "output"), legend, columns=1)
    for values, look in zip(curves.values(), looks, strict=True):
        panel.line(x, values, **look)
    return drawn
