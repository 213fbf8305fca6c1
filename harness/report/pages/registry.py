"""The pages that span the studies: each is one registered function in a file of this folder.

To add one, write a file with a function under `@page("name.html", order)`. It is given the whole
bench and returns HTML, or None if it has nothing to show.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.arms import Arms
from harness.analysis.outcomes import Outcomes
from harness.analysis.summary import StudySummary
from harness.analysis.verdicts import JudgedClaim, judge_claim
from harness.core.study import Claim
from harness.core.written import PlanJson, StudyJson
from harness.planning.left_out import LeftOut
from harness.report.beside import others
from harness.report.ordered import Ordered


@dataclass(frozen=True)
class Dropped:
    """A study of which the data can carry nothing: why, and its claims, none of which can be tested."""

    plan: StudyJson
    left_out: list[LeftOut]
    claims: list[JudgedClaim]

    @classmethod
    def of(cls, plan: StudyJson) -> "Dropped":
        """Read what `plan.json` says of the study."""
        left_out = [LeftOut.from_json(body) for body in plan["left_out"]]
        claims = [judge_claim(Claim.from_json(claim), Arms(pd.DataFrame()), {}, left_out) for claim in plan["claims"]]
        return cls(plan, left_out, claims)


@dataclass(frozen=True)
class Bench:
    """What a page may draw on: the plan, the studies, where MLflow is, the report's folder, and the data's."""

    plan: PlanJson
    summaries: tuple[StudySummary, ...]
    uri: str | None
    out: Path
    data: Path

    @property
    def references(self) -> tuple[Outcomes, ...]:
        """What other grids found, to be set beside."""
        return others(self.plan)

    @property
    def claims(self) -> list[JudgedClaim]:
        """The judged claims of all studies."""
        return [judged for _, judged in self.claims_by_study]

    @property
    def claims_by_study(self) -> list[tuple[str, JudgedClaim]]:
        """The judged claims, each with the name of its study."""
        measured = [(summary.name, judged) for summary in self.summaries for judged in summary.claims]
        return measured + [(one.plan["name"], judged) for one in self.dropped for judged in one.claims]

    @property
    def dropped(self) -> list[Dropped]:
        """The studies of which the data can carry nothing."""
        return [Dropped.of(plan) for plan in self.plan["dropped"]]

    @property
    def left_out(self) -> list[LeftOut]:
        """Everything that the data can't carry, study by study."""
        parts = [one for summary in self.summaries for one in summary.tables.left_out]
        return parts + [one for dropped in self.dropped for one in dropped.left_out]

    def found(self, procedure: str) -> dict[str, Any] | None:
        """Return what a procedure wrote into the data folder, or None if it hasn't run."""
        path = self.data / f"{procedure}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


Page = Callable[[Bench], str | None]
page: Ordered[Page] = Ordered("page", __name__.rpartition(".")[0])
