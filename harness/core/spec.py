"""Frozen types: what identifies an arm and a run, and what a run leaves behind."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
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
    # A step is launched as one CUDA graph.
    captured: bool = False


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
            captured=bool(self.environment.get("captured_step")),
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
