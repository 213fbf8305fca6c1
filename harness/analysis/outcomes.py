"""What a grid found, compact: every effect and verdict with its interval, to be set beside those of another grid."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.analysis.compared import Compared, Standing
from harness.analysis.sentences import budget
from harness.analysis.statistics import Estimate
from harness.analysis.summary import StudySummary, training_seconds
from harness.analysis.verdicts import Judged, JudgedClaim, Verdict
from harness.core.errors import SettingError
from harness.core.study import Comparison
from harness.core.written import PlanJson

FILE = "verdicts.json"
FORMAT = 1
DIGITS = 6


class Part(BaseModel):
    """A part of the file: nothing else may stand in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(Part):
    """Mean over seeds, in stored units, and the ends of its 95 % interval; None: there is no interval."""

    mean: float
    low: float | None = None
    high: float | None = None


class Effect(Difference):
    """The primary metric of a level minus that of its control, and how the level stands for it."""

    standing: Standing

    def opposite(self, standing: Standing) -> bool:
        """Say whether a level is surely better in one grid and surely worse in the other, which has it stand so."""
        return {self.standing, standing} == {"better", "worse"}


class ComparisonOutcome(Part):
    """One comparison of a claim."""

    verdict: Verdict
    difference: Difference | None = None


class ClaimOutcome(Part):
    """The verdict on a claim; its comparisons by `name_of`."""

    verdict: Verdict
    comparisons: dict[str, ComparisonOutcome]


class StudyOutcome(Part):
    """The effects of a study by context and level, and its claims by id."""

    control: str
    effects: dict[str, dict[str, Effect]] = {}
    claims: dict[str, ClaimOutcome] = {}


class About(Part):
    """What it all rests on. `title` is how others call the grid; `versions` and the rest are those of its records."""

    title: str | None = None
    budget: str
    profile: str
    data: dict[str, Any]
    settings: dict[str, Any]
    seeds: tuple[int, ...]
    runs: int
    seconds: float
    device: str
    precision: str
    environments: tuple[dict[str, Any], ...]


class Outcomes(Part):
    """All that a grid found."""

    format: int = FORMAT
    about: About
    studies: dict[str, StudyOutcome]

    @property
    def title(self) -> str:
        """What the grid is called."""
        return self.about.title or f"profile {self.about.profile}"

    def effect(self, study: str, context: str, level: str) -> Effect | None:
        """Return what was found of a level; None if it wasn't looked at or not measured."""
        found = self.studies.get(study)
        return found.effects.get(context, {}).get(level) if found else None

    def claim(self, study: str, name: str) -> ClaimOutcome | None:
        """Return what was found of a claim; None if it wasn't judged."""
        found = self.studies.get(study)
        return found.claims.get(name) if found else None

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(self.model_dump_json(indent=1, exclude_defaults=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Outcomes":
        """Read a file that `write` has written; SettingError if it is none."""
        try:
            return cls.from_text(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{path} can't be read: {error}; name the {FILE} of a report") from error

    @classmethod
    def from_text(cls, text: str, name: str) -> "Outcomes":
        """Return what a file of that name says; SettingError if it isn't what `write` writes."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "its first line"
            raise SettingError(f"{name} is no {FILE} of a report of this version: {place} can't be read") from error


def outcomes_of(
    plan: PlanJson, summaries: Sequence[StudySummary], judged: Iterable[tuple[str, JudgedClaim]]
) -> Outcomes:
    """Return what the studies of a plan found; `judged` are all claims, each with the name of its study."""
    claims: dict[str, dict[str, ClaimOutcome]] = {}
    for study, one in judged:
        claims.setdefault(study, {})[one.claim.id] = claim_outcome(one)
    found = {summary.name: study_outcome(summary, claims.get(summary.name, {})) for summary in summaries}
    controls = {str(study["name"]): str(study["control"]) for study in plan["dropped"]}
    found |= {name: StudyOutcome(control=control, claims=claims.get(name, {})) for name, control in controls.items()}
    return Outcomes(about=about(plan, summaries), studies=found)


def about(plan: PlanJson, summaries: Sequence[StudySummary]) -> About:
    """Return what the studies of a plan rest on."""
    seconds = training_seconds(summaries)
    environments: list[dict[str, Any]] = []
    for environment in (one for summary in summaries for one in summary.tables.environments):
        if environment not in environments:
            environments.append(environment)
    return About(
        budget=budget(plan),
        profile=plan["profile"],
        data=plan["data"],
        settings=plan["base"],
        seeds=tuple(sorted({int(seed) for summary in summaries for seed in summary.tables.runs["seed"]})),
        runs=len(seconds),
        seconds=round(sum(seconds.values()), 1),
        device=plan.get("gpu") or plan["device"],
        precision=plan["precision"],
        environments=tuple(environments),
    )


def study_outcome(summary: StudySummary, claims: dict[str, ClaimOutcome]) -> StudyOutcome:
    """Return what one study found."""
    effects: dict[str, dict[str, Effect]] = {}
    for context in summary.contexts:
        measured = (arm.primary for arm in context.arms if not arm.is_control)
        effects[context.name] = {one.level: effect for one in measured if (effect := effect_of(one))}
    return StudyOutcome(control=summary.tables.control, effects=effects, claims=claims)


def effect_of(one: Compared) -> Effect | None:
    """Return how a level differs from its control; None if that wasn't measured."""
    found = difference(one.difference)
    return Effect(**vars(found), standing=one.standing) if found else None


def claim_outcome(one: JudgedClaim) -> ClaimOutcome:
    """Return what was found of a claim."""
    return ClaimOutcome(
        verdict=one.verdict, comparisons={name_of(each.comparison): compared(each) for each in one.comparisons}
    )


def compared(one: Judged) -> ComparisonOutcome:
    """Return what was found of a comparison."""
    return ComparisonOutcome(verdict=one.verdict, difference=difference(one.difference))


def difference(estimate: Estimate | None) -> Difference | None:
    """Return an estimate as the file has it."""
    if estimate is None:
        return None
    low, high = (None if end is None else rounded(end) for end in (estimate.low, estimate.high))
    return Difference(mean=rounded(estimate.mean), low=low, high=high)


def rounded(value: float) -> float:
    """Return a number with as many significant digits as the tables have."""
    return float(f"{value:.{DIGITS}g}")


def name_of(one: Comparison) -> str:
    """Return what tells a comparison from others of its claim, in words."""
    more = f" more than in {one.more_than}" if one.more_than else ""
    return f"{one.metric}: {one.level} {one.direction} {one.against} in {one.context}{more}"
