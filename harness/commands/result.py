"""What the last report came to, and where to look at it."""

import json
from typing import Any

from harness.campaign.project import REPORTS, TRACKED
from harness.core.console import plain_console
from harness.core.errors import SettingError
from harness.tracking.views import VIEW


def result() -> None:
    """Print what the report came to, and how to open it and MLflow."""
    from harness.report import RESULT

    path = REPORTS / RESULT
    if not path.is_file():
        raise SettingError(f"{path} is missing: there is no report yet; run `dvc repro`")
    out = plain_console(soft_wrap=True)
    if TRACKED.is_file():
        for line in how_to_look(json.loads(TRACKED.read_text(encoding="utf-8"))):
            out.print(line)
    out.print(path.read_text(encoding="utf-8").rstrip())


def how_to_look(receipt: dict[str, Any]) -> list[str]:
    """Return how to see in MLflow what `track` says that it put there, at the first study."""
    uri, experiments = receipt["uri"], receipt["experiments"]
    if not experiments:
        return []
    study, number = next(iter(experiments.items()))
    view = f"/#/experiments/{number}/runs?workflowType=machine_learning&compareRunsMode=CHART&viewStateShareKey={VIEW}"
    if not uri.startswith("http"):
        return [f"MLflow: mlflow ui --backend-store-uri {uri}", f"  then http://127.0.0.1:5000{view} ({study})"]
    return [f"MLflow: {uri.rstrip('/')}{view} ({study})"]
