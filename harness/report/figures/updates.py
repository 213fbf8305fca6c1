"""Update size over weight size while training goes on."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.figures.facets import Scale, facets
from harness.report.figures.style import BETTER, UNRESOLVED, WORSE
from harness.report.figures.watched import Arrays, log_scale, positive, watched_figure

HEALTHY = 1e-3  # the lecture's rule of thumb
WITHIN = 10**0.5  # the band: half a power of ten to both sides


@watched_figure(
    "update_ratio",
    order=64,
    source="updates/ratio",
    title="Update size over weight size",
    caption=(
        "Norm of an update over the norm of the weights it changes; the scale is logarithmic. The band is half "
        "a power of ten around 1e-3, the rule of thumb. Look for levels that stay far below it (the rate is "
        "too low) or far above it (too high)."
    ),
    label="Update to weight ratio over training",
)
def update_ratio(found: dict[str, Arrays]) -> Figure:
    """Draw the ratio over time for the first and the last layer, with the band of the rule of thumb."""
    y = log_scale([*(one["ratio"] for one in found.values()), np.array([HEALTHY / WITHIN, HEALTHY * WITHIN])])
    last = max(int(one["steps"].max()) for one in found.values()) + 1
    looks = ((0, BETTER, "first layer"), (-1, WORSE, "last layer"))
    legend = [Line2D([], [], color=colour, linewidth=1.4, label=label) for _, colour, label in looks]
    legend.append(Line2D([], [], color=UNRESOLVED, linewidth=5, alpha=0.25, label="near 1e-3"))
    drawn, panels = facets(list(found), Scale(0, last), y, ("step", "update / weight"), legend)
    for panel, one in zip(panels, found.values(), strict=True):
        panel.band([0, last], [HEALTHY / WITHIN] * 2, [HEALTHY * WITHIN] * 2, color=UNRESOLVED, alpha=0.2)
        panel.behind([0, last], [HEALTHY] * 2, color=UNRESOLVED, linewidth=0.8)
        for layer, colour, _ in looks:
            panel.line(one["steps"] + 1, positive(one["ratio"][:, layer]), color=colour, linewidth=1.2)
    return drawn
