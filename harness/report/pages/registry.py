"""The pages that span the studies: each is one registered function in a file of this folder.

To add one, write a file with a function under `@page("name.html", order)`. It is given the whole
bench and returns HTML, or None if it has nothing to show.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.analysis.summary import StudySummary
from harness.analysis.verdicts import JudgedClaim
from harness.report.ordered import Ordered


@dataclass(frozen=True)
class Bench:
    """What a page may draw on: the plan, the studies, where MLflow is, the report's folder, and the data's."""

    plan: dict[str, Any]
    summaries: tuple[StudySummary, ...]
    uri: str | None
    out: Path
    data: Path

    @property
    def claims(self) -> list[JudgedClaim]:
        """The judged claims of all studies."""
        return [judged for summary in self.summaries for judged in summary.claims]

    def found(self, procedure: str) -> dict[str, Any] | None:
        """Return what a procedure wrote into the data folder, or None if it hasn't run."""
        path = self.data / f"{procedure}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


Page = Callable[[Bench], str | None]
page: Ordered[Page] = Ordered("page", __name__.rpartition(".")[0])
