"""The front page: what a good choice of each factor gains, what a bad one costs, and a card per study."""

from collections.abc import Sequence

from harness.analysis import claim_sentences
from harness.analysis.counts import Runs
from harness.analysis.summary import StudySummary, all_arms, training_seconds
from harness.report.beside import rows
from harness.report.lanes import factors, in_words, widest
from harness.report.pages.preflight import states
from harness.report.pages.registry import Bench, page
from harness.report.pictures import of_classes
from harness.report.templating import template
from harness.report.thumbs import thumb


@page("index.html", order=0)
def index_page(bench: Bench) -> str:
    """Return the front page."""
    found = factors(bench.summaries)
    return template("index.html").render(
        bench=bench,
        here="index.html",
        factors=found,
        widest=widest(found),
        lines=in_words(found),
        groups=rows(bench.claims_by_study, bench.references),
        classes=of_classes(bench),
        tally=claim_sentences.tally(bench.claims),
        checks=claim_sentences.tally(bench.claims, checks=True),
        flight=states(bench),
        runs=Runs.of(bench.plan["studies"]),
        cost=total_cost(bench.summaries),
        costs={summary.name: total_cost([summary]) for summary in bench.summaries},
        thumbs={summary.name: thumb(summary, summary.leading) for summary in bench.summaries},
    )


def total_cost(summaries: Sequence[StudySummary]) -> dict[str, float]:
    """Return runs, their seconds and how many did not finish; a run that several studies use counts once."""
    seconds = training_seconds(summaries)
    unfinished = sum(sum(arm.unfinished.values()) for one in summaries for arm in all_arms(one))
    return {"runs": len(seconds), "seconds": sum(seconds.values()), "unfinished": unfinished}
