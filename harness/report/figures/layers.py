"""How a signal changes from layer to layer: spread of activations, dead units, gradient norms."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.figures.facets import Scale, facets
from harness.report.figures.style import BETTER
from harness.report.figures.watched import Arrays, layer_axis, log_scale, positive, watched_figure


@watched_figure(
    "activation_spread",
    order=61,
    source="activations/std",
    title="Spread of activations by layer",
    caption=(
        "Standard deviation of each nonlinearity's output, first layer to last; the scale is logarithmic. "
        "Look at the slope before training: down is a signal that dwindles, up one that explodes. "
        "A layer whose outputs are all equal has no point."
    ),
    label="Standard deviation of activations over layers",
)
def activation_spread(found: dict[str, Arrays]) -> Figure:
    """Draw the standard deviation of the activations, before and after training."""
    return draw({level: one["std"] for level, one in found.items()}, "standard deviation")


@watched_figure(
    "dead_units",
    order=62,
    source="activations/dead_share",
    title="Dead units by layer",
    caption=(
        "Share of units (channels) whose output is exactly 0 on every validation picture. "
        "Look for levels where it grows with training: such units get no gradient and stay dead."
    ),
    label="Share of dead units over layers",
)
def dead_units(found: dict[str, Arrays]) -> Figure:
    """Draw the share of dead units, before and after training."""
    return draw({level: one["dead_share"] * 100 for level, one in found.items()}, "dead units, %", Scale(0, 105))


@watched_figure(
    "gradient_norm",
    order=63,
    source="gradients/norm",
    title="Gradient norm by layer",
    caption=(
        "Norm of the loss gradient with respect to each layer's weights, first layer to last; the scale is "
        "logarithmic. Look for first layers that get a far smaller gradient than last ones: they hardly learn."
    ),
    label="Gradient norm over layers",
)
def gradient_norm(found: dict[str, Arrays]) -> Figure:
    """Draw the norm of the weight gradient, in the first and in the last update that was looked at."""
    return draw(
        {level: one["norm"] for level, one in found.items()}, "gradient norm", looks=("first update", "last update")
    )


def draw(
    found: dict[str, np.ndarray],
    ylabel: str,
    y: Scale | None = None,
    looks: tuple[str, str] = ("before training", "after training"),
) -> Figure:
    """Return small multiples of a statistic (looks, layers) by level, at the first and at the last look.

    Without a scale it is logarithmic, around what is shown.
    """
    ends = {level: values[[0, -1]] for level, values in found.items()}
    y = y or log_scale(list(ends.values()))
    styles: tuple[Any, Any] = ("--", "-")
    legend = [
        Line2D([], [], color=BETTER, marker="o", markersize=3, linestyle=style, label=label)
        for style, label in zip(styles, looks, strict=True)
    ]
    x = layer_axis(max(both.shape[1] for both in ends.values()))
    drawn, panels = facets(list(ends), x, y, ("layer", ylabel), legend)
    for panel, both in zip(panels, ends.values(), strict=True):
        layers = np.arange(1, both.shape[1] + 1)
        for values, style, look in zip(both, styles, looks, strict=True):
            panel.line(
                layers,
                positive(values) if y.log else values,
                look,
                color=BETTER,
                linestyle=style,
                linewidth=1.2,
                marker="o",
                markersize=3,
            )
    return drawn
