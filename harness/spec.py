"""Frozen types: what identifies a study, an arm and a run, and what a run leaves behind."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

Scalar = bool | int | float | str
Status = Literal["done", "diverged", "out of memory", "timed out", "failed"]


@dataclass(frozen=True)
class Choice:
    """A registered level by name, with its arguments in a fixed order."""

    name: str
    items: tuple[tuple[str, Scalar], ...] = ()

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Scalar] | None = None) -> "Choice":
        """Build a choice from a name and keyword arguments."""
        return cls(name, tuple(sorted((arguments or {}).items())))

    @classmethod
    def parse(cls, value: object) -> "Choice":
        """Read `relu` or `{leaky_relu: {slope: 0.1}}` as YAML and JSON spell it."""
        if isinstance(value, Choice):
            return value
        if isinstance(value, Mapping) and len(value) == 1:
            ((name, arguments),) = value.items()
            if arguments is None or isinstance(arguments, Mapping):
                return cls.of(str(name), arguments)
        if isinstance(value, Mapping | list) or value is None:
            raise ValueError(f"expected a name or {{name: {{argument: value}}}}, not {value!r}")
        # YAML reads a bare `none` as text but `off` as a boolean; both are names here.
        return cls(str(value))

    @property
    def arguments(self) -> dict[str, Scalar]:
        """The keyword arguments as a dict."""
        return dict(self.items)

    def to_json(self) -> Any:
        """Return the spelling that `parse` reads."""
        return {self.name: self.arguments} if self.items else self.name

    def __str__(self) -> str:
        values = ", ".join(f"{key} {value}" for key, value in self.items)
        return f"{self.name} ({values})" if values else self.name


@dataclass(frozen=True)
class Times:
    """A multiple of the recipe's value, `x10` in YAML, so that a study fits every profile."""

    factor: float

    @classmethod
    def parse(cls, text: str) -> "Times":
        """Read `x0.5`; ValueError if it is none."""
        match = re.fullmatch(r"x(\d+(?:\.\d+)?)", text)
        if match is None:
            raise ValueError(f"expected a number, or a multiple such as x10, not {text!r}")
        return cls(float(match.group(1)))

    def to_json(self) -> str:
        """Return the spelling that `parse` reads."""
        return str(self)

    def __str__(self) -> str:
        return f"x{self.factor:g}"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a study may vary; one value each, resolved. `params.yaml` explains every field.

    A default is the value at which a run is as if the setting did not exist. A fingerprint leaves it out, so that a new
    setting with a default changes no fingerprint. For the same reason a default stays what it is.
    """

    # The network.
    model: Choice = Choice("convnet")
    block: Choice
    depth: int
    width: int
    kernel_size: int
    norm: Choice
    activation: Choice
    initialization: Choice
    dropout: float = 0.0
    dropout_place: Choice
    # The data it sees.
    preprocessing: Choice
    augmentation: Choice = Choice("none")
    data_amount: float = 1.0
    sampling: Choice = Choice("balanced")
    wrong_labels: float = 0.0
    transfer: Choice = Choice("none")
    # The recipe.
    loss: Choice
    label_smoothing: float = 0.0
    penalty: Choice = Choice("none")
    auxiliary: Choice = Choice("none")
    optimizer: Choice
    learning_rate: float
    schedule: Choice
    batch_size: int
    rate_scaling: Choice = Choice("fixed")
    epochs: int
    evaluate_every: int
    patience: int = 0
    target_accuracy: float
    max_train_seconds: float
    search: Choice = Choice("none")
    # How many runs, each with luck of its own, are averaged.
    ensemble: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return plain values, choices spelled as in YAML."""
        return {f.name: plain_value(getattr(self, f.name)) for f in fields(self)}

    def effective(self) -> dict[str, Any]:
        """Return what `to_json` does, without the settings at their defaults."""
        return {f.name: plain_value(v) for f in fields(self) if (v := getattr(self, f.name)) != f.default}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Settings":
        """Read what `to_json` or `effective` wrote."""
        return cls(**{f.name: parse_setting(f.name, values[f.name]) for f in fields(cls) if f.name in values})

    def changed(self, **changes: Any) -> "Settings":
        """Return a copy with other values for some settings."""
        return replace(self, **changes)


def plain_value(value: Any) -> Any:
    """Return the value of a setting as JSON has it."""
    return value.to_json() if hasattr(value, "to_json") else value


SETTING_TYPES: dict[str, type] = {f.name: f.type for f in fields(Settings)}  # type: ignore[misc]


def parse_setting(name: str, value: Any) -> Any:
    """Convert a YAML or JSON value to the type of the setting `name`; ValueError if it cannot be."""
    kind = SETTING_TYPES[name]
    if kind is Choice:
        return Choice.parse(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, not {value!r}")
    if kind is int and value != int(value):
        raise ValueError(f"expected a whole number, not {value!r}")
    return kind(value)


def epochs_to(target_accuracy: float, curves: Mapping[str, Sequence[float | None]]) -> int | None:
    """Return the first judged epoch whose validation accuracy reaches the target; None if none does."""
    pairs = zip(curves.get("epoch", ()), curves.get("validation_accuracy", ()), strict=False)
    return next((int(e) for e, a in pairs if e is not None and a is not None and a >= target_accuracy), None)


def slug(text: str) -> str:
    """Return text as an id: lower case, its letters and digits, of any script, joined by hyphens."""
    return re.sub(r"[\W_]+", "-", text.lower()).strip("-")


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


@dataclass(frozen=True)
class Arm:
    """A context and a level, resolved to settings."""

    study: str
    context: str
    level: str
    settings: Settings


@dataclass(frozen=True)
class RunSpec:
    """An arm under one seed on one kind of device: all that may change a number.

    A run with `members` is an ensemble: it averages what these runs have recorded, and is never trained.
    """

    settings: Settings
    seed: int
    data_digest: str
    device: Literal["cpu", "cuda"]
    precision: Literal["float32", "tf32", "bfloat16"]
    threads: int
    fingerprint: str
    probes: tuple[str, ...] = ()
    members: tuple["RunSpec", ...] = ()


# Of records on disk. 2: probes and members are in them.
FORMAT = 2


@dataclass
class RunResult:
    """What a run leaves on disk.

    `metrics` are scalars by name (None: not reached or not measured). `curves` hold one list per
    name, one entry per epoch. `arrays` are kept beside the JSON, in one compressed file.
    """

    fingerprint: str
    status: Status
    settings: dict[str, Any]
    seed: int
    data_digest: str
    metrics: dict[str, float | None]
    curves: dict[str, list[float | None]]
    per_class_accuracy: dict[str, float]
    environment: dict[str, Any]
    error: str | None = None
    # Who watched it, and of an ensemble the members, [seed, fingerprint] each; None in records of format 1.
    probes: Sequence[str] | None = ()
    members: Sequence[tuple[int, str]] | None = ()
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def spec(self) -> "RunSpec":
        """The run that left it, to be trained again."""
        alone = RunSpec(
            Settings.from_json(self.settings),
            self.seed,
            self.data_digest,
            self.environment["device"],
            self.environment["precision"],
            self.environment["threads"],
            self.fingerprint,
            tuple(self.probes or ()),
        )
        single = alone.settings.changed(ensemble=1)
        members = (replace(alone, settings=single, seed=s, fingerprint=f) for s, f in self.members or ())
        return replace(alone, members=tuple(members))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, without the arrays."""
        return {"format": FORMAT} | {f.name: getattr(self, f.name) for f in fields(self) if f.name != "arrays"}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "RunResult":
        """Read what `to_json` wrote, in this format or an earlier one; ValueError if it is a later one."""
        known = dict(values)
        written = known.pop("format", 1)
        if written > FORMAT:
            raise ValueError(f"its format is {written}, later than {FORMAT}")
        return cls(**({"probes": None, "members": None} if written == 1 else {}) | known)

    @property
    def score(self) -> float:
        """What settings are chosen by: the best accuracy on validation; 0 if the run did not finish."""
        return (self.metrics.get("best_validation_accuracy") or 0.0) if self.status == "done" else 0.0
