"""What `plan.json` holds, as types: how planning tells analysis, tracking and report which runs there are."""

from typing import Any, NotRequired

# Those of the standard library can be checked from Python 3.12 on.
from typing_extensions import TypedDict


class RunJson(TypedDict):
    """A judged run; an ensemble names the records that it averages."""

    seed: int
    fingerprint: str
    members: NotRequired[list[str]]


class TrialJson(TypedDict):
    """A run that only helps to choose a value."""

    value: float
    seed: int
    fingerprint: str


class TuningJson(TypedDict):
    """What was tried for an arm; `settings` are those of the trials, but for the one that is tuned."""

    setting: str
    chosen: float | None
    settings: dict[str, Any]
    runs: list[TrialJson]


class ArmJson(TypedDict):
    """One level in one context; `classes` is how many its runs learn."""

    context: str
    level: str
    settings: dict[str, Any]
    runs: list[RunJson]
    tuning: TuningJson | None
    classes: NotRequired[int]


class ContextJson(TypedDict):
    """A context by name, with what it changes of the recipe."""

    name: str
    changes: dict[str, Any] | None


class StudyJson(TypedDict):
    """A study as its file says, with its arms and what the data can't carry of it."""

    name: str
    title: str
    question: str
    factor: str
    control: str
    levels: NotRequired[list[str]]
    contexts: NotRequired[list[ContextJson]]
    seeds: NotRequired[int | dict[str, int] | None]
    metrics: NotRequired[list[str]]
    probes: NotRequired[list[str]]
    tune: NotRequired[dict[str, Any] | None]
    claims: NotRequired[list[dict[str, Any]]]
    arms: list[ArmJson]
    left_out: NotRequired[list[dict[str, Any]]]


class PlanJson(TypedDict):
    """All of it; `dropped` are studies of which the data can carry nothing, `looks` how often seeds may be added."""

    profile: str
    data: dict[str, Any]
    base: dict[str, Any]
    device: NotRequired[str]
    gpu: NotRequired[str | None]
    precision: NotRequired[str]
    threads: NotRequired[int]
    studies: list[StudyJson]
    dropped: NotRequired[list[StudyJson]]
    looks: NotRequired[int]
