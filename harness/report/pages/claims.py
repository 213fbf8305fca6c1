"""Every claim with its verdict, its numbers and the way to its figure."""

from harness.analysis import claim_sentences
from harness.report.pages.registry import Bench, page
from harness.report.templating import template


@page("claims.html", order=1)
def claims_page(bench: Bench) -> str:
    """Return the page of claims."""
    tally, checks = (claim_sentences.tally(bench.claims, checks) for checks in (False, True))
    return template("claims.html").render(bench=bench, tally=tally, checks=checks)
