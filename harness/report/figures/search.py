"""Searches for settings: the best accuracy over the number of trials, and where the trials lay."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.analysis.search import best_by_trials, trials_table
from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.figures.curves import band
from harness.report.figures.facets import Scale, facets
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import BETTER, INK, STANDING_COLOURS, UNRESOLVED, WORSE

FAINTEST = 0.15


@figure("search", order=41)
def search(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
    """Yield the best accuracy over the number of trials, and the trials themselves, where runs are searches."""
    trials = trials_table(summary.tables)
    trials = trials if trials.empty else trials[trials["context"] == context.name]
    if trials.empty:
        return
    yield Drawing(
        draw_best(summary, context, best_by_trials(trials)),
        title="Best accuracy over the number of trials",
        caption=(
            "The best validation accuracy to be expected after so many trials, whatever their order; in a search of "
            "two stages the second comes after the first. Mean over seeds, shaded: 95\u00a0% interval. Look at how few "
            "trials of one search do as well as all of another."
        ),
        label=f"Expected best validation accuracy over the number of trials by level, {context.name}",
        part="best",
    )
    seed = int(trials["seed"].min())
    yield Drawing(
        draw_trials(context, trials[trials["seed"] == seed]),
        title="Where the trials lay",
        caption=(
            f"A dot is one trial of seed {seed}, the darker the better; a small one trained for fewer epochs, a cross "
            "did not finish, the best is ringed. Look at how many values of the learning rate each search has tried."
        ),
        label=f"Learning rate and strength of the penalty of every trial by level, {context.name}",
        part="trials",
    )


def draw_best(summary: StudySummary, context: ContextSummary, best: pd.DataFrame) -> Figure:
    """Return small multiples of the expected best accuracy, the control behind each."""
    means = band(best.rename(columns={"trials": "epoch"}), "validation_accuracy", 100)
    legend = [
        Line2D([], [], color=UNRESOLVED, linewidth=1.8, label="level"),
        Line2D([], [], color=INK, linewidth=0.9, alpha=0.55, label=summary.tables.control),
    ]
    # Where nothing finished, the best is 0 throughout.
    y = Scale(0, min(100.0, float(means["mean"].max()) * 1.15) or 100.0)
    x = Scale(0.7, float(means["epoch"].max()) + 0.3, whole=True)
    labels = ("trials", "best, %")
    drawn, panels = facets([arm.level for arm in context.arms], x, y, labels, legend)
    control = means[means["level"] == summary.tables.control]
    for panel, arm in zip(panels, context.arms, strict=True):
        mine = means[means["level"] == arm.level]
        colour = STANDING_COLOURS[arm.primary.standing]
        if not arm.is_control:
            panel.behind(control["epoch"], control["mean"], color=INK, linewidth=0.9, alpha=0.55)
        panel.band(mine["epoch"], mine["low"], mine["high"], color=colour, alpha=0.15)
        panel.line(mine["epoch"], mine["mean"], "", color=colour, linewidth=1.8)
    return drawn


def draw_trials(context: ContextSummary, trials: pd.DataFrame) -> Figure:
    """Return small multiples of the trials of one seed over what was searched."""
    legend = [
        Line2D([], [], color=BETTER, linestyle="", marker="o", markersize=6, label="trial"),
        Line2D([], [], color=WORSE, linestyle="", marker="x", markersize=6, label="did not finish"),
        Line2D([], [], color=INK, linestyle="", marker="o", fillstyle="none", markersize=9, label="best"),
    ]
    searched = ["learning_rate", "l2_strength"]
    trials = trials.assign(**{name: np.log10(trials[name]) for name in searched})
    # Room for the marks at both ends.
    x, y = (Scale(float(trials[name].min()) - 0.3, float(trials[name].max()) + 0.3, whole=True) for name in searched)
    labels = ("learning rate, power of ten", "L2, power of ten")
    drawn, panels = facets([arm.level for arm in context.arms], x, y, labels, legend)
    accuracy = trials["validation_accuracy"]
    worst = float(accuracy[accuracy > 0].min())
    span = float(accuracy.max()) - worst or 1.0
    for panel, arm in zip(panels, context.arms, strict=True):
        mine = trials[trials["level"] == arm.level]
        for one in mine.to_dict("records"):
            look: dict[str, Any] = {"marker": "x", "color": WORSE, "markersize": 5}
            if one["validation_accuracy"]:
                alpha = FAINTEST + (1 - FAINTEST) * (one["validation_accuracy"] - worst) / span
                size = 6 if one["epochs"] == trials["epochs"].max() else 4
                look = {"marker": "o", "color": BETTER, "markersize": size, "markeredgewidth": 0, "alpha": alpha}
            panel.line(one["learning_rate"], one["l2_strength"], linestyle="", **look)
        best = mine.nlargest(1, "validation_accuracy")
        panel.line(best["learning_rate"], best["l2_strength"], linestyle="", marker="o", fillstyle="none", color=INK,
                   markersize=9)  # fmt: skip
    return drawn
