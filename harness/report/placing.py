"""Drawings -> figures with an anchor on a page."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from markupsafe import Markup

from harness.analysis.summary import ContextSummary, StudySummary
from harness.analysis.verdicts import JudgedClaim
from harness.core.spec import slug
from harness.quantities import PRIMARY
from harness.report.figures.chart import Chart
from harness.report.figures.hero import hero
from harness.report.figures.registry import Drawing, figure
from harness.report.figures.style import styled
from harness.report.svg import inline_svg

OPENING = "differences"  # anchor of the figure that a study page opens with


@dataclass(frozen=True)
class Placed:
    """A figure as a template places it; `narrow` is the same for phones where `svg` is too wide for them."""

    anchor: str
    title: str
    caption: str
    svg: Markup
    narrow: Markup | None = None


def place(drawing: Drawing, anchor: str) -> Placed:
    """Return a drawing as inline SVG under `anchor`."""
    svg = Markup(inline_svg(drawing.figure, f"svg-{anchor}", drawing.label, live(drawing)))
    return Placed(anchor, drawing.title, drawing.caption, svg)


def live(drawing: Drawing) -> str:
    """Return where a drawing shows what; a plain figure, as of a plugin, doesn't say."""
    return drawing.figure.live() if isinstance(drawing.figure, Chart) else ""


def place_both(wide: Drawing, narrow: Drawing, anchor: str) -> Placed:
    """Return a figure that is drawn twice, wide and narrow; the page shows one of them."""
    slim = Markup(inline_svg(narrow.figure, f"svg-{anchor}-narrow", narrow.label, live(narrow)))
    return replace(place(wide, anchor), narrow=slim)


@dataclass(frozen=True)
class Figures:
    """All figures of a study: the one that its page opens with, if there is something to compare, and by context."""

    opening: Placed | None
    contexts: dict[str, list[Placed]]

    @classmethod
    def of(cls, summary: StudySummary) -> "Figures":
        """Draw them."""
        contexts = {context.name: context_figures(summary, context) for context in summary.contexts}
        return cls(opening_figure(summary), contexts)

    def all(self) -> list[Placed]:
        """Return every one in the order of the page."""
        first = [self.opening] if self.opening else []
        return first + [one for placed in self.contexts.values() for one in placed]


def opening_figure(summary: StudySummary) -> Placed | None:
    """Return the figure that a study page opens with, if there is something to compare."""
    with styled():
        drawn = hero(summary)
        return place_both(*drawn, OPENING) if drawn else None


def context_figures(summary: StudySummary, context: ContextSummary) -> list[Placed]:
    """Return every registered figure of one context that has something to show."""
    return [place(drawing, anchor) for anchor, drawing in context_drawings(summary, context)]


def context_drawings(summary: StudySummary, context: ContextSummary) -> Iterator[tuple[str, Drawing]]:
    """Yield the drawings of one context with their anchors; each is closed when the next is asked for."""
    for name, draw in figure.all():
        with styled():
            for drawing in draw(summary, context):
                yield anchor_of(name, context.name, drawing.part), drawing


def drawings(summary: StudySummary) -> Iterator[tuple[str, Drawing]]:
    """Yield every drawing of a study with its anchor, the opening one first and wide."""
    with styled():
        if drawn := hero(summary):
            yield OPENING, drawn[0]
    for context in summary.contexts:
        yield from context_drawings(summary, context)


def anchor_of(figure: str, context: str, part: str = "") -> str:
    """Return the anchor of a figure on a study's page."""
    return slug(f"{figure}-{part}-{context}")


def evidence(judged: JudgedClaim) -> str | None:
    """Return the anchor of the figure that shows a claim's first measured comparison."""
    for one in judged.comparisons:
        if one.difference is not None:
            metric, context = one.comparison.metric, one.comparison.context
            return OPENING if metric == PRIMARY else anchor_of("metric", context, metric)
    return None
