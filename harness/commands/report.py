"""Stage report."""

from harness.campaign.project import REPORTS, RUNS, parameters
from harness.console import console, counted
from harness.records import Store


def report() -> None:
    """Render reports/index.html and a page per study from the records."""
    from harness.report.render import render

    uri = parameters().tracking.uri
    render(Store(RUNS), REPORTS, uri, counted("pages"))
    console.print(f"report: {REPORTS / 'index.html'}")
    console.print(f"MLflow: mlflow ui --backend-store-uri {uri}", soft_wrap=True)
