"""The lecture, claim by claim in its own order: what holds here, and what holds on real pictures."""

from collections.abc import Sequence

from harness.report.beside import Row, row
from harness.report.pages.registry import Bench, page
from harness.report.templating import template

# The lecture's parts with the slides that claims are taken from, in its order.
PARTS = {
    "Activation functions": (
        "Sigmoid",
        "Hyperbolic Tangent",
        "Rectified Linear Unit",
        "Exponential Linear Unit",
        "TL;DR (activation functions)",
    ),
    "Data preprocessing": ("Data preprocessing",),
    "Batch normalization": (
        "Covariate Shift",
        "Batch Normalization (Advantages)",
        "Batch Normalization (Disadvantages)",
    ),
    "Weight initialization": ("Weight Initialization", "Xavier Initialization", "He Initialization"),
    "Dropout": ("Basic Concepts", "Dropout"),
    "Data augmentation": ("Data Augmentation", "Injecting noise and label smoothing"),
    "Norm penalties": ("Parameter Norm Penalties", "TL;DR (norm penalties)"),
    "Early stopping": ("Early Stopping", "Early Stopping: Properties"),
    "Optimizers": ("Stochastic Gradient Descent", "SGD + Momentum", "AdaGrad", "Adam", "TL;DR (optimizers)"),
    "Training": (
        "Factors Affecting Your Training Result",
        "Training Process, Step-by-step",
        "Training step by step",
        "Grid Search vs. Random Search",
        "Always monitor and visualize the loss/accuracy!",
    ),
}
OTHERS = "Further claims"


@page("lecture.html", order=2)
def lecture_page(bench: Bench) -> str | None:
    """Return the page; None where no study claims anything."""
    rows = [row(study, judged, bench.references) for study, judged in bench.claims_by_study]
    return template("lecture.html").render(bench=bench, parts=in_order(rows)) if rows else None


def in_order(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the claims part by part, within one in the order of its slides; those of no slide come last."""
    slides = [(part, slide) for part, names in PARTS.items() for slide in names]
    found: dict[str, list[Row]] = {}
    for part, slide in slides:
        found.setdefault(part, []).extend(one for one in rows if one.judged.claim.source == slide)
    known = {slide for _, slide in slides}
    found[OTHERS] = [one for one in rows if one.judged.claim.source not in known]
    return {part: group for part, group in found.items() if group}
