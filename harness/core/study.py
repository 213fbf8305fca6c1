"""Frozen types: a study as its file states it, and what its claims expect."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Level:
    """One value of the factor under study: its label and the settings that it changes."""

    label: str
    changes: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Context:
    """A fixed change under which the sweep is repeated: all of it, or the named `levels`, the control among them."""

    name: str
    changes: tuple[tuple[str, Any], ...]
    levels: tuple[str, ...] | None = None

    def sweeps(self, label: str) -> bool:
        """Say whether the level of this label is swept here."""
        return self.levels is None or label in self.levels


Direction = Literal["higher", "lower", "equal", "not higher", "not lower"]


@dataclass(frozen=True)
class Comparison:
    """What a claim expects: `level` differs from `against` on `metric` by more than `margin`.

    `against` is a level of the same context, or a number. For the directions `equal`, `not higher` and `not lower` the
    margin is the largest difference that still counts as none. With `more_than` the difference itself is compared
    with the same difference in that context. `given` says where it is meant to hold: elsewhere it can't be tested.
    """

    metric: str
    level: str
    against: str | float
    direction: Direction
    margin: float
    context: str
    more_than: str | None = None
    given: "Comparison | None" = None

    @classmethod
    def from_json(cls, one: Mapping[str, Any]) -> "Comparison":
        """Read a comparison as `plan.json` spells it."""
        return cls(
            metric=one["metric"],
            level=str(one["level"]),
            against=one["against"],
            direction=one["direction"],
            margin=float(one["margin"]),
            context=one["context"],
            more_than=one.get("more_than"),
            given=cls.from_json(one["given"]) if one.get("given") else None,
        )


@dataclass(frozen=True)
class Edit:
    """A change of what a claim expects: the commit whose results had been seen by then, and why it was made."""

    after: str
    because: str


@dataclass(frozen=True)
class Claim:
    """A sentence of the lecture in our own words; supported if every comparison is.

    `because` says why the quantities compared measure what the words say. A `check` holds by arithmetic, so that no run
    could contradict it: that it does is looked at seed by seed. `edited` tells when its comparisons were changed after
    results had been seen: seeds that had not been are what judges it then.
    """

    id: str
    words: str
    source: str
    comparisons: tuple[Comparison, ...]
    check: bool = False
    because: str = ""
    edited: tuple[Edit, ...] = ()

    @classmethod
    def from_json(cls, claim: Mapping[str, Any]) -> "Claim":
        """Read a claim as `plan.json` spells it."""
        return cls(
            claim["id"],
            claim["words"],
            claim["source"],
            tuple(Comparison.from_json(one) for one in claim["comparisons"]),
            bool(claim.get("check")),
            claim.get("because", ""),
            tuple(Edit(**one) for one in claim.get("edited", ())),
        )


@dataclass(frozen=True)
class Tune:
    """Values of one setting tried per level on validation, before the judged runs, the best under so many `seeds`."""

    setting: str
    values: tuple[float, ...]
    seeds: int
    contexts: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """A question, one factor, its levels, and what is held fixed."""

    name: str
    title: str
    question: str
    factor: str
    levels: tuple[Level, ...]
    control: str
    contexts: tuple[Context, ...]
    seeds: int | Mapping[str, int] | None
    metrics: tuple[str, ...]
    probes: tuple[str, ...]
    tune: Tune | None
    claims: tuple[Claim, ...]

    def seeds_in(self, profile: str, default: int) -> int:
        """Return the runs per arm: what the study asks for, under this profile or always, else `default`."""
        asked = self.seeds.get(profile) if isinstance(self.seeds, Mapping) else self.seeds
        return asked or default

    def levels_in(self, context: Context) -> Iterator[Level]:
        """Yield the levels that are swept in one of the contexts."""
        return (level for level in self.levels if context.sweeps(level.label))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `plan.json`."""
        return json.loads(json.dumps(asdict(self), default=str))
