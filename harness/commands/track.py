"""Stage track."""

import json

from harness.analysis.counts import Runs, plural
from harness.campaign.project import REPORTS, RUNS, TRACKED
from harness.commands.result import how_to_look
from harness.core.config import load_params
from harness.core.console import console, counted
from harness.core.records import Store


def track() -> None:
    """Put into MLflow what it lacks of records, arms and pages; what is there already stays as it is."""
    from harness.tracking.tracker import track as track_records

    store = Store(RUNS)
    receipt = track_records(store, load_params().tracking.uri, REPORTS, counted("runs"))
    added, shown = receipt.pop("added"), receipt.pop("records")
    TRACKED.write_text(json.dumps(receipt, indent=1) + "\n")
    arms = f", below {receipt['arms']} arms" if receipt["arms"] else ""
    console.print(f"MLflow: {receipt['runs']:,} runs{arms}, {added:,} of them added", soft_wrap=True)
    console.print(sum_of(Runs.of(store.read_plan()["studies"]), shown, receipt["runs"]), soft_wrap=True)
    for line in how_to_look(receipt):
        console.print(line, soft_wrap=True)


def sum_of(runs: Runs, records: int, rows: int) -> str:
    """Say how `rows` runs in MLflow follow from the runs of the plan, `records` of which are there to be shown."""
    lacking = len(runs.shown | runs.ensembles) - records
    terms = [
        f"{len(runs.trained):,} trained",
        f"- {len(runs.hidden):,} that ensembles alone average" if runs.hidden else "",
        f"+ {plural(len(runs.ensembles), 'ensemble')}" if runs.ensembles else "",
        f"- {lacking:,} without a record" if lacking else "",
        f"+ {rows - records:,} shown again by another study or context" if rows > records else "",
    ]
    return f"  {rows:,} runs = {' '.join(term for term in terms if term)}"
