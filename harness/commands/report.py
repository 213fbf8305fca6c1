"""Stage report."""

import json

from harness.campaign.project import REPORTS, RUNS, TRACKED
from harness.console import console, counted
from harness.records import Store


def report() -> None:
    """Render reports/index.html and a page per study from the records; attach the pages in MLflow."""
    from harness.report.render import render
    from harness.tracking import attach_pages

    store = Store(RUNS)
    tracking = json.loads(TRACKED.read_text()) if TRACKED.is_file() else None
    render(store, REPORTS, tracking, counted("pages"))
    if tracking:
        attach_pages(REPORTS, tracking["uri"], store.read_plan())
    console.print(f"report: {REPORTS / 'index.html'}")
    if tracking:
        console.print(f"MLflow: mlflow ui --backend-store-uri {tracking['uri']}", soft_wrap=True)
