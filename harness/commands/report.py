"""Stage report."""

from harness.campaign.project import REPORTS, RUNS, parameters
from harness.console import console, counted
from harness.records import Store


def report() -> None:
    """Render reports/index.html and a page per study from the records."""
    from harness.report.render import render

    result = render(Store(RUNS), REPORTS, parameters().tracking.uri, counted("pages"))
    console.print("\n".join(result.lines), soft_wrap=True)
