"""The front page: one answer per study, and how much each factor matters."""

from harness.analysis import sentences
from harness.analysis.summary import by_effect
from harness.report.figures.overview import overview
from harness.report.figures.style import styled
from harness.report.pages.registry import Bench, page
from harness.report.placing import Placed, place
from harness.report.templating import template


@page("index.html", order=0)
def index_page(bench: Bench) -> str:
    """Return the front page."""
    return template("index.html").render(
        bench=bench,
        ranked=by_effect(bench.summaries),
        overview=overview_figure(bench),
        tally=sentences.tally(bench.claims),
        cost=total_cost(bench),
        procedures=procedures(bench),
    )


def procedures(bench: Bench) -> dict[str, tuple[str, str]]:
    """Return page -> (title, what it shows) of the pages beside the studies that there are."""
    pages = {
        "preflight.html": ("Training step by step", "what to check before a long training, checked for this recipe."),
        "surfaces.html": ("Update rules on a surface", "the path of every optimizer over two weights, step by step."),
    }
    found = {name: words for name, words in pages.items() if bench.found(name.removesuffix(".html"))}
    return found | {"notes.html": ("Slips in the lecture", "what the slides print, what is right, what it changes.")}


def overview_figure(bench: Bench) -> Placed | None:
    """Return the figure of how much each factor matters, if any study has a difference to show."""
    with styled():
        drawing = overview(bench.summaries)
        return place(drawing, "overview") if drawing else None


def total_cost(bench: Bench) -> dict[str, float]:
    """Return runs and their seconds over all studies; a run that several studies use counts once."""
    seconds: dict[str, float] = {}
    for summary in bench.summaries:
        for table in (summary.tables.runs, summary.tables.tuning):
            if not table.empty:
                seconds.update(zip(table["fingerprint"], table["train_seconds"].fillna(0.0), strict=True))
    return {"runs": len(seconds), "seconds": sum(seconds.values())}
