"""What `preflight` found: each check with its numbers and its picture."""

from collections import Counter
from typing import Any

from harness.report.figures.preflight import draw_check
from harness.report.figures.registry import Drawing
from harness.report.figures.style import styled
from harness.report.pages.registry import Bench, page
from harness.report.placing import Placed, place
from harness.report.templating import template

LOOK = {
    "data": "Grey: the inputs of each channel. Coloured: their means, which should lie on the dashed line at zero.",
    "first_loss": "Each dot is a batch. Dots far above the line: the net is sure before it knows anything.",
    "weights": "A layer at zero learns nothing; heights that differ by orders of magnitude learn at different speeds.",
    "learning_rate": "The rate grows at every step; the line is the smoothed loss. Useful rates lie on the way down.",
    "by_heart": "It should reach 100\u00a0% within few steps.",
    "labels": "It should leave guessing behind.",
    "update_ratio": "A line per layer, judged by its median over the steps, which should lie within the band.",
}


@page("preflight.html", order=3)
def preflight_page(bench: Bench) -> str | None:
    """Return the page; None if no preflight has run."""
    found = bench.found("preflight")
    if found is None:
        return None
    figures = {check["name"]: figure_of(check) for check in found["checks"]}
    return template("preflight.html").render(bench=bench, found=found, figures=figures)


def states(bench: Bench) -> dict[str, int]:
    """Return how many checks failed, are worth a look, and passed, those that occur; nothing if none has run."""
    checks = (bench.found("preflight") or {"checks": []})["checks"]
    counts = Counter(check["state"] for check in checks)
    return {state: counts[state] for state in ("failed", "look", "passed") if counts[state]}


def figure_of(check: dict[str, Any]) -> Placed | None:
    """Return the picture of a check, if there is something to draw."""
    with styled():
        figure = draw_check(check["name"], check["picture"])
        if figure is None:
            return None
        drawing = Drawing(figure, check["title"], LOOK[check["name"]], f"{check['title']}: {check['found']}")
        return place(drawing, f"figure-{check['name'].replace('_', '-')}")
