"""Drawings -> figures with an anchor on a page."""

from dataclasses import dataclass

from markupsafe import Markup

from harness.analysis.quantities import PRIMARY
from harness.analysis.summary import ContextSummary, StudySummary
from harness.analysis.verdicts import JudgedClaim
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import styled
from harness.report.svg import inline_svg
from harness.spec import slug


@dataclass(frozen=True)
class Placed:
    """A figure as a template places it."""

    anchor: str
    title: str
    caption: str
    svg: Markup


def place(drawing: Drawing, anchor: str) -> Placed:
    """Return a drawing as inline SVG under `anchor`."""
    svg = Markup(inline_svg(drawing.figure, f"svg-{anchor}", drawing.label))
    return Placed(anchor, drawing.title, drawing.caption, svg)


def context_figures(summary: StudySummary, context: ContextSummary) -> list[Placed]:
    """Return every registered figure of one context that has something to show."""
    placed = []
    for name, draw in figure.all():
        with styled():
            for drawing in draw(summary, context):
                placed.append(place(drawing, anchor_of(name, context.name, drawing.part)))
    return placed


def anchor_of(figure: str, context: str, part: str = "") -> str:
    """Return the anchor of a figure on a study's page."""
    return slug(f"{figure}-{part}-{context}")


def evidence(judged: JudgedClaim) -> str | None:
    """Return the anchor of the figure that shows a claim's first measured comparison."""
    for one in judged.comparisons:
        if one.difference is not None:
            metric, context = one.comparison.metric, one.comparison.context
            return anchor_of("differences", context) if metric == PRIMARY else anchor_of("metric", context, metric)
    return None
