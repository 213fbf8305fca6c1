"""Histograms per layer: activations of the first forward pass, weights after training."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.figures.facets import Scale, facets
from harness.report.figures.style import BETTER, DIFFERENT, WORSE
from harness.report.figures.watched import Arrays, watched_figure


@watched_figure(
    "first_pass",
    order=60,
    source="activations/histogram",
    title="Activations before training",
    caption=(
        "Share of outputs per bin when 64 validation pictures first pass through the net; the outer bins hold "
        "all beyond them. Look for layers whose outputs shrink to one spike, or pile up at the ends."
    ),
    label="Histograms of activations before training",
)
def first_pass(found: dict[str, Arrays]) -> Figure:
    """Draw the first, the middle and the last layer of every level."""
    return draw(found, 0, "output of the nonlinearity")


@watched_figure(
    "weight_histogram",
    order=66,
    source="weights/histogram",
    title="Weights after training",
    caption=(
        "Share of weights per bin at the end of training; the outer bins hold all beyond them. "
        "Look for a spike at zero, which is sparsity, and for how wide the rest is."
    ),
    label="Histograms of weights after training",
)
def weight_histogram(found: dict[str, Arrays]) -> Figure:
    """Draw the trained weights of every level."""
    return draw(found, -1, "weight")


def draw(found: dict[str, Arrays], look: int, xlabel: str) -> Figure:
    """Return small multiples of the histograms at one look: the first, the middle and the last layer."""
    edges = next(iter(found.values()))["edges"]
    x = Scale(float(edges[0]), float(edges[-1]))
    middles = (edges[:-1] + edges[1:]) / 2
    shown = {level: arrays["histogram"][look] * 100 for level, arrays in found.items()}
    tallest = max((float(np.nanmax(one)) for one in shown.values() if np.isfinite(one).any()), default=1.0)
    # A spike of one level must not flatten the others.
    y = Scale(0, min(tallest * 1.05, 30.0) or 1.0)
    looks = ((BETTER, "first layer"), (DIFFERENT, "middle"), (WORSE, "last"))
    legend = [Line2D([], [], color=colour, linewidth=1.4, label=label) for colour, label in looks]
    drawn, panels = facets(list(shown), x, y, (xlabel, "share, %"), legend)
    for panel, histograms in zip(panels, shown.values(), strict=True):
        layers = len(histograms)
        for layer, (colour, _) in zip((0, layers // 2, layers - 1), looks, strict=True):
            panel.line(middles, histograms[layer], color=colour, linewidth=1.2)
    return drawn
