"""How a signal changes from layer to layer: spread of activations, dead units, gradient norms."""

from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.figures.facets import Scale, facets
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import BETTER, INK
from harness.report.figures.watched import Arrays, layer_axis, log_scale, positive, watched


@figure("activation_spread", order=61)
def activation_spread(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield the standard deviation of the activations over the layers, before and after training."""
    found = watched(summary, context, "activations", "std")
    if found:
        yield Drawing(
            draw(found, "std", "standard deviation", log_scale([one["std"][[0, -1]] for one in found.values()])),
            title="Spread of activations by layer",
            caption=(
                "Standard deviation of each nonlinearity's output, first layer to last; the scale is logarithmic. "
                "Look at the slope before training: down is a signal that dwindles, up one that explodes. "
                "A layer whose outputs are all equal has no point."
            ),
            label=f"Standard deviation of activations over layers by level, {context.name}",
        )


@figure("dead_units", order=62)
def dead_units(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield the share of dead units over the layers, before and after training."""
    found = watched(summary, context, "activations", "dead_share")
    if found:
        shown = {level: {**one, "dead_share": one["dead_share"] * 100} for level, one in found.items()}
        yield Drawing(
            draw(shown, "dead_share", "dead units, %", Scale(0, 105)),
            title="Dead units by layer",
            caption=(
                "Share of units (channels) whose output is exactly 0 on every validation picture. "
                "Look for levels where it grows with training: such units get no gradient and stay dead."
            ),
            label=f"Share of dead units over layers by level, {context.name}",
        )


@figure("gradient_norm", order=63)
def gradient_norm(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield the norm of the weight gradient over the layers, in the first and the last update looked at."""
    found = watched(summary, context, "gradients", "norm")
    if found:
        yield Drawing(
            draw(found, "norm", "gradient norm", log_scale([one["norm"][[0, -1]] for one in found.values()])),
            title="Gradient norm by layer",
            caption=(
                "Norm of the loss gradient with respect to each layer's weights, first layer to last; the scale is "
                "logarithmic. Look for first layers that get a far smaller gradient than last ones: they hardly learn."
            ),
            label=f"Gradient norm over layers by level, {context.name}",
        )


def draw(found: dict[str, Arrays], what: str, ylabel: str, y: Scale) -> Figure:
    """Return small multiples of a statistic over the layers, at the first and at the last look."""
    looks = ((0, INK, "before training"), (-1, BETTER, "after training"))
    if what == "norm":
        looks = ((0, INK, "first update"), (-1, BETTER, "last update"))
    legend = [Line2D([], [], color=colour, marker="o", markersize=3, label=label) for _, colour, label in looks]
    x = layer_axis(max(one[what].shape[1] for one in found.values()))
    drawn, panels = facets(list(found), x, y, ("layer", ylabel), legend)
    for panel, one in zip(panels, found.values(), strict=True):
        layers = np.arange(1, one[what].shape[1] + 1)
        for look, colour, _ in looks:
            values = positive(one[what][look]) if y.log else one[what][look]
            # Below the lowest decade shown: on the floor rather than outside the panel.
            values = np.clip(values, y.low, y.high)
            panel.line(layers, values, color=colour, linewidth=1.2, marker="o", markersize=3)
    return drawn
