"""What a step of full-batch gradient descent costs, against the pictures in it."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.report.figures.facets import facets
from harness.report.figures.style import BETTER, UNRESOLVED
from harness.report.figures.watched import Arrays, log_scale, watched_figure


@watched_figure(
    "batch_cost",
    order=67,
    source="batch_cost/seconds",
    title="Time of one full-batch step",
    caption=(
        "Time of a step on a quarter to all of the training pictures; both scales are logarithmic. "
        "A step adds up one gradient per picture. Look for points on the thin line: its slope is 1, a cost in "
        "proportion to the number of pictures."
    ),
    label="Time of a step over the number of pictures",
)
def draw(found: dict[str, Arrays]) -> Figure:
    """Return small multiples of the seconds, with a line of slope 1 through the last point."""
    legend = [
        Line2D([], [], color=BETTER, marker="o", markersize=4, label="measured"),
        Line2D([], [], color=UNRESOLVED, linewidth=0.9, label="in proportion"),
    ]
    x = log_scale([one["images"] for one in found.values()])
    y = log_scale([one["seconds"] for one in found.values()])
    drawn, panels = facets(list(found), x, y, ("pictures in the step", "seconds"), legend)
    for panel, one in zip(panels, found.values(), strict=True):
        images, seconds = one["images"], one["seconds"]
        panel.behind(images, seconds[-1] * images / images[-1], color=UNRESOLVED, linewidth=0.9)
        panel.line(images, seconds, "", color=BETTER, linewidth=1.4, marker="o", markersize=4)
    return drawn
