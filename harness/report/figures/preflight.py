"""A picture for each check of the preflight."""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from harness.report.figures.cutting import beyond
from harness.report.figures.style import BETTER, INK, SMALL, UNRESOLVED, WORSE, one_axes
from harness.report.figures.watched import positive

HEIGHT = 1.9  # inches
LEFT = 0.55
Picture = dict[str, Any]


def draw_check(name: str, picture: Picture) -> Figure | None:
    """Return the picture of the check `name`; None if the check found nothing to draw."""
    return DRAWERS[name](picture) if name in DRAWERS else None


def upright(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """Return a figure whose axes has numbers on the left, their meaning above them."""
    figure, axes = one_axes(HEIGHT, xlabel, LEFT)
    axes.grid(axis="y")
    axes.set_title(ylabel, loc="left", pad=5)
    axes.tick_params(axis="y", labelsize=SMALL)
    return figure, axes


def marked(axes: Axes, height: float, text: str) -> None:
    """Draw the value that is wanted as a line across with its name."""
    axes.axhline(height, color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axes.annotate(text, (1, height), (0, 3), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right")


def numbers(values: list[float | None]) -> np.ndarray:
    """Return values with gaps where they were not finite."""
    return np.array([np.nan if value is None else value for value in values])


def data(picture: Picture) -> Figure | None:
    """Return the histogram of the inputs, a line per channel."""
    if not picture["counts"]:
        return None
    figure, axes = upright("input value", "pixels")
    edges = np.linspace(picture["low"], picture["high"], len(picture["counts"][0]) + 1)
    for counts, mean in zip(picture["counts"], picture["means"], strict=True):
        axes.stairs(counts, edges, color=UNRESOLVED, linewidth=1.2)
        axes.axvline(mean, color=BETTER, linewidth=1.4)
    axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (3, 2)))
    axes.set_yticks([])
    return figure


def first_loss(picture: Picture) -> Figure:
    """Return the loss of the first batches before training, against that of guessing."""
    figure, axes = upright("batch, before training", "cross-entropy")
    losses = numbers(picture["losses"])
    axes.plot(np.arange(1, len(losses) + 1), losses, "o", color=BETTER, markersize=4)
    axes.set_ylim(0, max(np.nanmax(losses, initial=0), picture["wanted"]) * 1.25)
    marked(axes, picture["wanted"], "ln(classes)")
    return figure


def weights(picture: Picture) -> Figure:
    """Return the norm of the first gradient, layer by layer."""
    figure, axes = upright("layer, from input to output", "norm of the first gradient")
    norms = numbers([one["gradient"] for one in picture["layers"]])
    axes.plot(np.arange(1, len(norms) + 1), norms, "o-", color=BETTER, markersize=5, linewidth=1)
    axes.set_xticks(range(1, len(norms) + 1))
    axes.set_ylim(0, (np.nanmax(norms, initial=0) or 1) * 1.15)
    return figure


def learning_rate(picture: Picture) -> Figure | None:
    """Return the loss over the learning rate, with the proposed rate and the recipe's."""
    if not picture["rates"]:
        return None
    figure, axes = upright("learning rate, growing step by step", "training loss")
    axes.set_xscale("log")
    plain_ticks(axes.xaxis)
    losses = np.array(picture["losses"])
    axes.plot(picture["rates"], picture["smoothed"], color=BETTER, linewidth=1.8)
    smoothed = np.array(picture["smoothed"])
    highest, top = smoothed.max() * 1.35, smoothed.max() * 1.33
    axes.set_ylim(0, highest)
    axes.plot(picture["rates"], np.where(losses <= highest, losses, np.nan), ".", color=UNRESOLVED, markersize=3)
    if more := int((losses > highest).sum()):
        axes.annotate(beyond(more), (1, 1), (0, 2), xycoords="axes fraction", textcoords="offset points", ha="right")
    rates = ((picture["proposed"], "proposed", INK), (picture["own"], "recipe", WORSE))
    known = [rate for rate, _, _ in rates if rate]
    for rate, text, colour in rates:
        if rate:
            axes.axvline(rate, color=colour, linewidth=1.2)
            # Away from the other: the names would meet between two lines that are near each other.
            side, step = ("right", -4) if rate == min(known) and len(known) > 1 else ("left", 4)
            axes.annotate(text, (rate, top), (step, 0), textcoords="offset points", ha=side, va="top", color=colour)
    axes.set_xlim(min([*picture["rates"], *known]) / 1.5, max([*picture["rates"], *known]) * 6)
    return figure


def by_heart(picture: Picture) -> Figure:
    """Return the accuracy on the few pictures, step by step."""
    figure, axes = upright("step", "accuracy, %")
    accuracy = np.array(picture["accuracy"]) * 100
    axes.plot(np.arange(1, len(accuracy) + 1), accuracy, color=BETTER, linewidth=1.8)
    axes.set_ylim(0, 118)
    marked(axes, picture["wanted"] * 100, "wanted")
    return figure


def labels(picture: Picture) -> Figure:
    """Return the validation accuracy over the short training, against guessing."""
    figure, axes = upright("step", "validation accuracy, %")
    accuracy = np.array(picture["accuracy"]) * 100
    axes.plot(picture["steps"], accuracy, "o-", color=BETTER, linewidth=1.8, markersize=4)
    axes.set_ylim(0, max(accuracy.max(), picture["wanted"] * 100) * 1.3)
    marked(axes, picture["wanted"] * 100, "wanted")
    return figure


def update_ratio(picture: Picture) -> Figure:
    """Return the ratio over the steps, a line per layer, with the healthy band."""
    figure, axes = upright("step", "update size over weight size")
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    low, high = picture["band"]
    axes.axhspan(low, high, color=BETTER, alpha=0.12, linewidth=0)
    lines = [positive(numbers(values)) for values in picture["ratios"].values()]
    for ratios in lines:
        axes.plot(np.arange(1, len(ratios) + 1), ratios, color=UNRESOLVED, linewidth=1.2)
    # Whatever lies far outside of the band is what the picture is for.
    every = np.concatenate([*lines, [low / 10, high * 10]])
    axes.set_ylim(np.nanmin(every) / 1.5, np.nanmax(every) * 1.5)
    axes.annotate("healthy", (1, low), (-3, 3), xycoords=("axes fraction", "data"), textcoords="offset points",
                  ha="right")  # fmt: skip
    return figure


def plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with numbers; the usual labels are formulas, which this style shows as text."""
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


DRAWERS: dict[str, Callable[[Picture], Figure | None]] = {
    "data": data,
    "first_loss": first_loss,
    "weights": weights,
    "learning_rate": learning_rate,
    "by_heart": by_heart,
    "labels": labels,
    "update_ratio": update_ratio,
}
