"""The charts that MLflow opens a study with: a view kept as a tag of the experiment, as the UI's own button keeps one.

Seen to work with MLflow 3.17; a UI that doesn't know the tag shows its usual charts.
"""

import json
import zlib
from base64 import b64encode
from typing import Any

from harness.tracking.entries import FIRST

VIEW = "arms"  # in the address: viewStateShareKey=arms
TAG = f"mlflow.sharedViewState.{VIEW}"
MOST = 100  # arms that a chart draws
# By the section that the UI makes of what precedes the slash; it puts those of other metrics behind them.
BARS = [f"{FIRST}/{name}" for name in ("test_accuracy", "difference", "epochs_to_target", "train_seconds")]
LINES = [f"curve/{name}" for name in ("validation_accuracy", "train_accuracy", "validation_loss", "train_loss")]


def saved_view() -> dict[str, str]:
    """Return the tag that holds the view: the arms alone, best first, with a bar and a line each."""
    charts = [chart(kind, metric) for kind, metrics in (("BAR", BARS), ("LINE", LINES)) for metric in metrics]
    sections = dict.fromkeys(section_of(metric) for metric in (*BARS, *LINES))
    state = {
        "searchFilter": "tags.kind = 'arm'",
        "orderByKey": f"metrics.`{FIRST}/test_accuracy`",
        "orderByAsc": False,
        "lifecycleFilter": "Active",
        "startTime": "ALL",
        "selectedColumns": [f"metrics.`{metric}`" for metric in BARS],
        "runsHiddenMode": "SHOWALL",
        "hideEmptyCharts": True,
        "compareRunCharts": charts,
        "compareRunSections": [
            {"uuid": name, "name": name, "display": True, "isReordered": True, "deleted": False, "isGenerated": True}
            for name in sections
        ],
        "isAccordionReordered": True,
    }
    packed = b64encode(zlib.compress(json.dumps(state).encode())).decode()
    return {TAG: json.dumps({"name": "Arms", "createdAt": 0, "updatedAt": 0, "state": f"deflate;{packed}"})}


def section_of(metric: str) -> str:
    """Return the section that a metric is shown in."""
    return metric.partition("/")[0]


def chart(kind: str, metric: str) -> dict[str, Any]:
    """Return one chart of a metric as the UI describes it."""
    own: dict[str, Any] = {
        "uuid": metric,
        "type": kind,
        "runsCountToCompare": MOST,
        "metricSectionId": section_of(metric),
        "metricKey": metric,
        "deleted": False,
        "isGenerated": False,
    }
    if kind == "LINE":
        own |= {"selectedMetricKeys": [metric], "xAxisKey": "step", "yAxisKey": "metric", "lineSmoothness": 0}
    return own
