"""What a probe left in the records of a context, arranged for drawing."""

import math
from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.figure import Figure

from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.figures.facets import Scale
from harness.report.figures.registry import Drawing, figure

Arrays = dict[str, np.ndarray]
Draw = Callable[[dict[str, Arrays]], Figure]  # of a probe's arrays by level
DECADES = 8  # more would squeeze the interesting ones together


def watched_figure(name: str, order: int, source: str, title: str, caption: str, label: str) -> Callable[[Draw], Draw]:
    """Register a function that draws what a probe left, `source` being `<probe>/<what>`, as the figure `name`."""

    def register(draw: Draw) -> Draw:
        @figure(name, order)
        def drawings(summary: StudySummary, context: ContextSummary) -> Iterator[Drawing]:
            if found := watched(summary, context, *source.split("/")):
                yield Drawing(draw(found), title, caption, f"{label} by level, {context.name}")

        return draw

    return register


def watched(summary: StudySummary, context: ContextSummary, probe: str, what: str) -> dict[str, Arrays]:
    """Return the arrays of a probe by level, of the first seed that has them; empty if the study has no such probe.

    A run that this study shares with another may have been watched for the other's sake; that isn't shown.
    """
    if probe not in (summary.tables.plan.get("probes") or []):
        return {}
    found: dict[str, Arrays] = {}
    runs = summary.tables.runs
    for arm in context.arms:
        seeds = runs.loc[(runs["context"] == context.name) & (runs["level"] == arm.level), "seed"]
        for seed in sorted(int(seed) for seed in seeds):
            arrays = summary.tables.arrays(context.name, arm.level, seed, f"{probe}/")
            if f"{probe}/{what}" in arrays:
                found[arm.level] = {name.removeprefix(f"{probe}/"): values for name, values in arrays.items()}
                break
    return found


def log_scale(values: list[np.ndarray]) -> Scale:
    """Return a logarithmic scale of whole decades around the positive values."""
    flat = np.concatenate([np.asarray(one, dtype=float).ravel() for one in values])
    positive = flat[np.isfinite(flat) & (flat > 0)]
    if not len(positive):
        return Scale(0.1, 10, log=True)
    high = math.ceil(math.log10(positive.max()) + 1e-9)
    low = max(math.floor(math.log10(positive.min())), high - DECADES)
    return Scale(10.0**low, 10.0**high, log=True)


def positive(values: np.ndarray) -> np.ndarray:
    """Return the values with gaps where a logarithmic scale has no place for them."""
    plain = np.asarray(values, dtype=float)
    return np.where(np.isfinite(plain) & (plain > 0), plain, np.nan)


def layer_axis(count: int) -> Scale:
    """Return a horizontal scale over layers 1 to `count`."""
    return Scale(0.7, max(count, 2) + 0.3, whole=True)
