"""Stage track."""

import json

from harness.campaign.project import REPORTS, RUNS, TRACKED
from harness.config import load_params
from harness.console import console, counted
from harness.records import Store


def track() -> None:
    """Put into MLflow what it lacks of records and pages; what is there already stays as it is."""
    from harness.tracking import track as track_records

    receipt = track_records(Store(RUNS), load_params().tracking.uri, REPORTS, counted("runs"))
    added = receipt.pop("added")
    records = receipt.pop("records")
    shared = f" of {records} records: one that studies share is a run in each" if receipt["runs"] > records else ""
    TRACKED.write_text(json.dumps(receipt, indent=1) + "\n")
    console.print(f"MLflow at {receipt['uri']}: {receipt['runs']} runs{shared}, {added} added", soft_wrap=True)
