"""What an engine tells while runs execute."""

from dataclasses import dataclass

from harness.core.spec import RunResult, RunSpec


@dataclass(frozen=True)
class Epoch:
    """A run has finished an epoch; `point` is the epoch's entry in its curves.

    In a search it is the epoch of a `trial`, counted from 1, whose curves the record may not have.
    """

    spec: RunSpec
    point: dict[str, float]
    trial: int | None = None


@dataclass(frozen=True)
class Finished:
    """A run has given a result."""

    spec: RunSpec
    result: RunResult


@dataclass(frozen=True)
class Failed:
    """A run has met a bug, or its process is `lost`: it has died, or can't use its GPU any more. There is no result."""

    spec: RunSpec
    problem: str
    lost: bool = False


Event = Epoch | Finished | Failed
