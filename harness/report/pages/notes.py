"""Slips in the lecture: what its slides print, what is right, and what the bench measured of the difference."""

from dataclasses import dataclass

import numpy as np

from harness.analysis.statistics import Estimate, mean_interval
from harness.analysis.summary import StudySummary
from harness.analysis.tables import by_seed
from harness.report.figures.notes import draw_spreads, draw_tanh
from harness.report.figures.registry import Drawing
from harness.report.figures.style import styled
from harness.report.figures.watched import watched
from harness.report.pages.registry import Bench, page
from harness.report.placing import Placed, place
from harness.report.templating import template

FORMULAS = ("xavier", "xavier_fan_in", "he", "he_as_printed")
NAMES = ("tanh(x)", "2σ(2x) − 1", "2σ(x) − 1")


@dataclass(frozen=True)
class Measured:
    """One metric of some levels of a study: level -> context -> mean over seeds."""

    study: str
    metric: str
    contexts: list[str]
    rows: dict[str, dict[str, Estimate]]


@page("notes.html", order=4)
def notes_page(bench: Bench) -> str:
    """Return the page of slips; what no run has measured is said to be missing."""
    return template("notes.html").render(
        bench=bench,
        studies={summary.name for summary in bench.summaries},
        claims={judged.claim.id: (study, judged) for study, judged in bench.claims_by_study},
        he=measured(bench, "initialization", "start_activation_std_growth", ("he", "he_as_printed")),
        xavier=measured(bench, "initialization", "start_activation_std_growth", ("xavier", "xavier_fan_in")),
        spreads=spreads_figure(bench),
        adam=measured(bench, "optimizer", "first_update_per_rate", ("adam", "adam_uncorrected")),
        tanh=tanh_figure(),
        apart=apart(),
        stopping=measured(bench, "early_stopping", "evaluations"),
    )


def study_named(bench: Bench, name: str) -> StudySummary | None:
    """Return the summary of a study, or None if the plan has it not."""
    return next((summary for summary in bench.summaries if summary.name == name), None)


def measured(bench: Bench, study: str, metric: str, levels: tuple[str, ...] = ()) -> Measured | None:
    """Return a metric of these levels (all, if none is named) in every context; None if no run has it."""
    summary = study_named(bench, study)
    if summary is None:
        return None
    rows: dict[str, dict[str, Estimate]] = {}
    for level in levels or summary.tables.levels:
        for context in summary.tables.contexts:
            if estimate := mean_interval(by_seed(summary.counted, context, level, metric).to_numpy()):
                rows.setdefault(level, {})[context] = estimate
    return Measured(study, metric, summary.tables.contexts, rows) if rows else None


def spreads_figure(bench: Bench) -> Placed | None:
    """Return how far activations spread, layer by layer, under the four formulas; None if no probe saw it."""
    summary = study_named(bench, "initialization")
    if summary is None:
        return None
    spreads = {}
    for context in summary.contexts:
        found = watched(summary, context, "activations", "std")
        if kept := {level: found[level]["std"][0] for level in FORMULAS if level in found}:
            spreads[context.name] = kept
    if not spreads:
        return None
    with styled():
        drawing = Drawing(
            draw_spreads(spreads),
            "Spread of activations before training",
            "Standard deviation of each nonlinearity's output, first layer to last, of the first seed; the scale is "
            "logarithmic. Level is right: the signal neither dwindles nor grows.",
            "Standard deviation of activations over layers under four formulas for the initial weights",
        )
        return place(drawing, "spreads")


def curves(x: np.ndarray) -> dict[str, np.ndarray]:
    """Return tanh, the sigmoid of twice the input rescaled, and the sigmoid of the input rescaled, at `x`."""
    return dict(zip(NAMES, (np.tanh(x), 2 / (1 + np.exp(-2 * x)) - 1, 2 / (1 + np.exp(-x)) - 1), strict=True))


def apart() -> tuple[float, float]:
    """Return the largest distance from tanh of 2σ(2x) − 1 and of 2σ(x) − 1 between -10 and 10, in float64."""
    tanh, twice, once = curves(np.linspace(-10, 10, 2001)).values()
    return float(abs(tanh - twice).max()), float(abs(tanh - once).max())


def tanh_figure() -> Placed:
    """Return tanh with both rescaled sigmoids."""
    x = np.linspace(-4, 4, 161)
    with styled():
        drawing = Drawing(
            draw_tanh(x, curves(x)),
            "Tanh and rescaled sigmoids",
            "The sigmoid of 2x, rescaled, lies on tanh; the sigmoid of x has half its slope at zero.",
            "Curves of tanh(x), of 2 sigmoid(2x) - 1, which covers it, and of 2 sigmoid(x) - 1, which is flatter",
        )
        return place(drawing, "rescaled")
