"""Tuning: validation accuracy over the values that were tried, per level."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.figures.facets import Scale, facets
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import BETTER, INK


@figure("tuning", order=50)
def tuning(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield the accuracy over the tuned setting, where the context was tuned."""
    table = summary.tables.tuning
    if table.empty or context.name not in set(table["context"]):
        return
    table = table[table["context"] == context.name]
    # A tuning run that broke off must not look like a good choice.
    accuracy = table["best_validation_accuracy"].where(table["status"] == "done", table["chance"])
    means = table.assign(shown=accuracy * 100).groupby(["level", "value", "chosen"])["shown"].mean().reset_index()
    setting = str(table["setting"].iloc[0]).replace("_", " ")
    yield Drawing(
        draw(summary, context, means, setting),
        title=f"Accuracy over the {setting}",
        caption=(
            f"Validation accuracy after half of the epochs at each {setting} that was tried, under seeds kept apart "
            "from the judged ones: all under one, the best and its neighbours under more. "
            "Look for a chosen value (ringed) at the edge: a wider range might do better still."
        ),
        label=f"Validation accuracy of every level over {setting}, {context.name}",
    )


def draw(summary: StudySummary, context: ContextSummary, means: pd.DataFrame, setting: str) -> Figure:
    """Return small multiples of the mean accuracy over the tried values, the chosen one ringed."""
    legend = [
        Line2D([], [], color=BETTER, marker="o", markersize=4, label="level"),
        Line2D([], [], color=INK, linewidth=0.9, alpha=0.55, label=summary.tables.control),
        Line2D([], [], color=INK, marker="o", fillstyle="none", linestyle="", markersize=8, label="chosen"),
    ]
    low, high = float(means["value"].min()), float(means["value"].max())
    log = low > 0 and high / low > 20
    # Room for the marks at both ends.
    room = 0.05 * (high - low or 1.0)
    x = Scale(low / 1.6, high * 1.6, log=True) if log else Scale(low - room, high + room)
    y = Scale(0, min(100.0, float(means["shown"].max()) * 1.1))
    # A level that sets the rate itself was not tuned.
    tuned = [arm for arm in context.arms if (means["level"] == arm.level).any()]
    drawn, panels = facets([arm.level for arm in tuned], x, y, (setting, "validation accuracy, %"), legend)
    control = means[means["level"] == summary.tables.control]
    for panel, arm in zip(panels, tuned, strict=True):
        mine = means[means["level"] == arm.level]
        if not arm.is_control:
            panel.behind(control["value"], control["shown"], color=INK, linewidth=0.9, alpha=0.55)
        colour = INK if arm.is_control else BETTER
        panel.line(mine["value"], mine["shown"], "", color=colour, linewidth=1.4, marker="o", markersize=4)
        best = mine[mine["chosen"]]
        panel.line(best["value"], best["shown"], color=INK, linestyle="", marker="o", fillstyle="none", markersize=8)
    return drawn
