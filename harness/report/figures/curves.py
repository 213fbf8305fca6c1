"""Learning curves: one small panel per level, the control behind each."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D

from harness.analysis.statistics import CONFIDENCE, t_quantile
from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.figures.chart import Chart
from harness.report.figures.facets import Scale, facets
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import INK, STANDING_COLOURS, UNRESOLVED, shorten

DASHED = (0, (3, 2))
LOOK = {
    "accuracy": "Look at who rises first, and at the gap between dashed and solid: a wide one is overfitting.",
    "loss": "Look for validation loss that turns up again while training loss still falls: overfitting.",
}


@figure("curves", order=30)
def curves(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield accuracy and loss over epochs, training and validation."""
    table = summary.tables.curves
    table = table[table["context"] == context.name]
    if table.empty:
        return
    broken = " Runs that did not finish end early." if any(arm.unfinished for arm in context.arms) else ""
    for part, scale in (("accuracy", 100), ("loss", 1)):
        names = (f"train_{part}", f"validation_{part}")
        if set(names) <= set(table):
            yield Drawing(
                draw(summary, context, band(table, names[0], scale), band(table, names[1], scale), part),
                title=f"{part.capitalize()} over training",
                caption=f"Mean over seeds, shaded: 95\u00a0% interval. {LOOK[part]}{broken}",
                label=f"Learning curves of {part} for every level, training and validation, {context.name}",
                part=part,
            )


def band(table: pd.DataFrame, name: str, scale: float) -> pd.DataFrame:
    """Return level, epoch, mean, low and high over the seeds (95 % t-interval; NaN for one seed)."""
    grouped = (table[name] * scale).groupby([table["level"], table["epoch"]])
    result = grouped.agg(["mean", "std", "count"]).reset_index()
    share = (1 + CONFIDENCE) / 2
    factors = {n: t_quantile(share, n - 1) / np.sqrt(n) if n > 1 else np.nan for n in result["count"].unique()}
    half = result["std"] * result["count"].map(factors)
    return result.assign(low=result["mean"] - half, high=result["mean"] + half)


def draw(
    summary: StudySummary, context: ContextSummary, train: pd.DataFrame, validation: pd.DataFrame, measured: str
) -> Chart:
    """Return small multiples of the training (dashed) and validation (solid) curve of each level."""
    control = summary.tables.control
    legend = [
        Line2D([], [], color=UNRESOLVED, linewidth=1.8, label="validation"),
        Line2D([], [], color=UNRESOLVED, linewidth=1.2, linestyle=DASHED, label="training"),
    ]
    # An arm that averages others has no curves of its own.
    arms = [arm for arm in context.arms if arm.level in set(validation["level"])]
    if not all(arm.is_control for arm in arms):
        legend.append(Line2D([], [], color=INK, linewidth=0.9, alpha=0.55, label=shorten(f"{control}, validation", 21)))
    means = pd.concat([train["mean"], validation["mean"]]).dropna().to_numpy()
    epochs = Scale(min(1, int(validation["epoch"].min())), max(2, int(validation["epoch"].max())), whole=True)
    labels = ("epoch", "accuracy, %" if measured == "accuracy" else "loss")
    scale = vertical(means, measured)
    drawn, panels = facets([arm.level for arm in arms], epochs, scale, labels, legend)
    if measured == "loss":
        drawn.scale = (scale.low, scale.high)
    reference = validation[validation["level"] == control]
    for panel, arm in zip(panels, arms, strict=True):
        colour = STANDING_COLOURS[arm.primary.standing]
        if not arm.is_control:
            panel.behind(reference["epoch"], reference["mean"], "validation", color=INK, linewidth=0.9, alpha=0.55)
        for part, table, style, width in (("training", train, DASHED, 1.2), ("validation", validation, "-", 1.8)):
            mine = table[table["level"] == arm.level]
            # A single epoch has no line to draw.
            marker = "." if len(mine) == 1 else None
            panel.band(mine["epoch"], mine["low"], mine["high"], part, color=colour, alpha=0.16)
            panel.line(mine["epoch"], mine["mean"], part, color=colour, linewidth=width, linestyle=style, marker=marker)
    return drawn


def vertical(means: np.ndarray, part: str) -> Scale:
    """Return the vertical scale: from 0, and cut so that one exploding loss doesn't flatten the others."""
    if not len(means):
        return Scale(0, 1)
    if part == "accuracy":
        return Scale(0, min(100.0, float(means.max()) * 1.08 + 1))
    ordinary = 2 * float(np.percentile(means, 90))
    return Scale(0, min(float(means.max()) * 1.05, ordinary) or 1.0)
