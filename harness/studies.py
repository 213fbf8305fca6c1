"""experiments/<study>.yaml -> Study, with every name and value checked before anything trains."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from harness.config import Strict, read_yaml, validate
from harness.errors import SettingError, choices
from harness.factors import REGISTRIES
from harness.factors.model import OF_NETWORK, taken
from harness.factors.rate_scaling import RATE_SCALING
from harness.factors.search import SEARCH
from harness.factors.transfer import TRANSFER
from harness.probes import PROBE
from harness.quantities import QUANTITIES
from harness.spec import (
    SETTING_TYPES,
    Choice,
    Claim,
    Comparison,
    Context,
    Direction,
    Level,
    Settings,
    Study,
    Times,
    Tune,
    parse_setting,
    slug,
)

EXPERIMENTS = Path("experiments")
# Studies that show how, and that `all` leaves out.
EXAMPLES = "examples"
# A batch of the whole training split; its size is known once the data is.
FULL_BATCH = "full"
# The one key of a context that is no setting.
LEVELS = "levels"
# What the report calls pages of its own.
PAGES = ("index", "claims", "compare", "lecture", "notes", "preflight", "surfaces")


def text_of(value: Any) -> Any:
    """Return a number as its label, text as it is; what YAML reads as true, false or nothing needs quotes."""
    if isinstance(value, bool) or value is None:
        raise PydanticCustomError("text", 'YAML reads this as no text; put it in quotes, "true" for example')
    return f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, int) else value


class WhereFile(Strict):
    """Where a comparison is meant to hold; by default what it says is of the level compared."""

    metric: str
    level: str | None = None
    against: str | Annotated[float, Field(allow_inf_nan=False)] | None = None
    direction: Direction
    margin: float = Field(ge=0, allow_inf_nan=False)


class ExpectFile(Strict):
    """What a claim expects: one comparison for each level and each context that it names."""

    metric: str
    level: str | list[str]
    against: str | Annotated[float, Field(allow_inf_nan=False)] | None = None
    direction: Direction
    margin: float = Field(ge=0, allow_inf_nan=False)
    where: WhereFile | None = None
    contexts: list[str] | None = None
    more_than: str | None = None


class ClaimFile(Strict):
    """A claim of the lecture in our own words."""

    id: str
    words: str
    source: str
    because: str = Field(min_length=1)
    check: bool = False
    expect: list[ExpectFile] = Field(min_length=1)


class TuneFile(Strict):
    """Values tried on validation for every level of these contexts."""

    setting: str
    values: list[float] = Field(min_length=2)
    seeds: int = Field(default=3, strict=True, ge=1, le=1000)
    contexts: list[str] = Field(min_length=1)


class StudyFile(Strict):
    """The keys of a study file."""

    title: str
    question: str
    factor: str
    levels: list[Any] = Field(min_length=2)
    control: str
    contexts: dict[str, dict[str, Any] | None] = Field(default={"default": None}, min_length=1)
    seeds: int | dict[str, int] | None = None
    metrics: list[str] = Field(default=["test_accuracy"], min_length=1)
    probes: list[str] = Field(default=[])
    tune: TuneFile | None = None
    claims: list[ClaimFile] = Field(default=[])

    @field_validator("control", mode="before")
    @classmethod
    def label(cls, control: Any) -> Any:
        """Take a number for the label of its level."""
        return text_of(control)

    @field_validator("contexts", mode="before")
    @classmethod
    def named(cls, contexts: Any) -> Any:
        """Take numbers for names."""
        return (
            {text_of(name): changes for name, changes in contexts.items()} if isinstance(contexts, dict) else contexts
        )

    @field_validator("seeds", mode="before")
    @classmethod
    def counts(cls, seeds: Any) -> Any:
        """Refuse what is no number of runs; the union of types would tell it less plainly."""
        for count in seeds.values() if isinstance(seeds, dict) else [seeds]:
            if seeds is not None and (type(count) is not int or not 1 <= count <= 10000):
                raise PydanticCustomError("seeds", "must be a whole number from 1 to 10000, or one for each profile")
        return seeds


def load_studies(selected: Literal["all"] | list[str], folder: Path = EXPERIMENTS) -> list[Study]:
    """Read the selected studies, or all, in alphabetical order; SettingError names what is wrong where.

    Those in the folder `examples` are read by name alone.
    """
    # Hidden files are those of editors and of other systems.
    found = {path.stem: path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith(".")}
    if not found:
        raise SettingError(f"no study in {folder}/; run from the folder that holds it")
    names = list(found) if selected == "all" else selected
    found = {path.stem: path for path in sorted((folder / EXAMPLES).glob("*.yaml"))} | found
    for name in names:
        if name not in found:
            raise SettingError(f"unknown study {name!r} in params.yaml: studies; {choices(name, found)}")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise SettingError(f"study {repeated[0]!r} is listed twice in params.yaml: studies; remove one")
    for name in names:
        # The name is that of a page, of a table and of an id within them.
        if not re.fullmatch(r"\w[\w-]*", name) or name in PAGES:
            taken = (
                f"{name}.html is a page of the report"
                if name in PAGES
                else "letters, digits, _ and - alone make a name"
            )
            raise SettingError(f"{found[name]}: {taken}; rename the file")
    return [load_study(found[name]) for name in names]


def check_profiles(studies: Iterable[Study], profiles: Iterable[str]) -> None:
    """Raise SettingError where a study asks for seeds under a profile that there is not."""
    for study in studies:
        for name in study.seeds if isinstance(study.seeds, Mapping) else ():
            if name not in profiles:
                path = EXPERIMENTS / f"{study.name}.yaml"
                raise SettingError(f"unknown profile {name!r} in {path}: seeds; {choices(name, profiles)}")


def load_study(path: Path) -> Study:
    """Read one study file."""
    file = validate(StudyFile, read_yaml(path), str(path))
    if file.factor not in SETTING_TYPES:
        raise SettingError(f"unknown factor {file.factor!r} in {path}; {choices(file.factor, SETTING_TYPES)}")
    levels = read_levels(file, path)
    labels = [level.label for level in levels]
    contexts = tuple(
        read_context(name, changes or {}, file, labels, f"{path}: contexts.{name}")
        for name, changes in file.contexts.items()
    )
    for one, other in combinations(file.contexts, 2):
        if slug(one) == slug(other):
            raise SettingError(f"{path}: contexts {one!r} and {other!r} differ in marks alone; rename one")
    check_name(file.control, labels, f"{path}: control")
    probes = read_probes(file, path)
    return Study(
        name=path.stem,
        title=file.title,
        question=file.question,
        factor=file.factor,
        levels=levels,
        control=file.control,
        contexts=contexts,
        seeds=file.seeds,
        metrics=tuple(check_metric(name, probes, f"{path}: metrics") for name in file.metrics),
        probes=probes,
        tune=read_tune(file, path),
        claims=tuple(read_claim(claim, file, labels, contexts, path) for claim in file.claims),
    )


def read_context(name: str, changes: Mapping[str, Any], file: StudyFile, labels: list[str], where: str) -> Context:
    """Return a context: its changes, and under `levels` the labels that are swept in it, if not all."""
    settings = {key: value for key, value in changes.items() if key != LEVELS}
    swept = changes.get(LEVELS)
    if swept is not None:
        if not isinstance(swept, list) or len(swept) < 2:
            raise SettingError(f"{where}: levels must list two labels or more, not {swept!r}")
        swept = [short_label([(file.factor, value)], file.factor) for value in swept]
        for label in swept:
            check_name(label, labels, where)
        if file.control not in swept:
            raise SettingError(f"{where}: levels lack the control, {file.control!r}, that the others are compared with")
    return Context(name, check_changes(settings, where), None if swept is None else tuple(swept))


def read_levels(file: StudyFile, path: Path) -> tuple[Level, ...]:
    """Return the levels: a value of the factor each, or {label, set} for a level that changes more."""
    where = f"{path}: levels"
    values: list[tuple[str | None, dict[str, Any]]] = []
    for item in file.levels:
        if isinstance(item, Mapping) and "set" in item:
            if set(item) != {"label", "set"} or not isinstance(item["set"], Mapping):
                raise SettingError(f"{where}: write {{label: name, set: {{setting: value}}}}, not {item!r}")
            try:
                label = text_of(item["label"])
            except PydanticCustomError as error:
                raise SettingError(f"{where}: label {item['label']!r}: {error.message()}") from error
            if not (isinstance(label, str) and label.strip()):
                raise SettingError(f"{where}: a label must be text, not {label!r}")
            values.append((label, dict(item["set"])))
        else:
            values.append((None, {file.factor: item}))
    changes = [check_changes(change, where) for _, change in values]
    # The name is label enough, unless two levels differ in their arguments alone.
    unnamed = [change for (label, _), change in zip(values, changes, strict=True) if label is None]
    names = Counter(short_label(change, file.factor) for change in unnamed)
    levels = []
    for (label, _), change in zip(values, changes, strict=True):
        short = short_label(change, file.factor)
        levels.append(Level(label or (short if names[short] == 1 else long_label(change, file.factor)), change))
    repeated = [label for label, count in Counter(level.label for level in levels).items() if count > 1]
    if repeated:
        raise SettingError(f"{where}: {repeated[0]!r} is there twice; remove one, or give it a label of its own")
    return tuple(levels)


def short_label(changes: Iterable[tuple[str, Any]], factor: str) -> str:
    """Return the name of a choice, or the number."""
    value = dict(changes).get(factor)
    return value.name if isinstance(value, Choice) else f"{value:g}" if isinstance(value, float) else str(value)


def long_label(changes: Iterable[tuple[str, Any]], factor: str) -> str:
    """Return the name of a choice with the values of its arguments: `momentum 0.9`; a number with all its digits."""
    value = dict(changes)[factor]
    if not isinstance(value, Choice):
        return str(value)
    return " ".join([value.name, *(f"{argument}" for argument in value.arguments.values())])


def check_changes(changes: Mapping[str, Any], where: str) -> tuple[tuple[str, Any], ...]:
    """Return settings and their parsed values; SettingError names the nearest valid names."""
    return tuple((name, check_setting(name, value, where)) for name, value in changes.items())


def check_setting(name: str, value: Any, where: str) -> Any:
    """Parse one value as its setting has it; a level's arguments are all spelled out."""
    if name not in SETTING_TYPES:
        raise SettingError(f"unknown setting {name!r} in {where}; {choices(name, SETTING_TYPES)}")
    if name == "batch_size" and value == FULL_BATCH:
        return value
    try:
        if isinstance(value, str) and SETTING_TYPES[name] is not Choice:
            return Times.parse(value)
        parsed = parse_setting(name, value)
    except ValueError as error:
        raise SettingError(f"{name} in {where}: {error}") from error
    if isinstance(parsed, Choice):
        return REGISTRIES[name].check(parsed, f"{where}: {name}")
    check_range(name, parsed, where)
    return parsed


# Bounds that hold for any study, both ends included.
RANGES: dict[str, tuple[float, float]] = {
    "depth": (1, 64),
    "width": (1, 4096),
    "kernel_size": (1, 15),
    "dropout": (0, 0.99),
    "data_amount": (1e-6, 1),
    "wrong_labels": (0, 1),
    "label_smoothing": (0, 0.5),
    "learning_rate": (0, 1e6),
    "batch_size": (1, 1e9),
    "epochs": (1, 1e6),
    "evaluate_every": (1, 1e6),
    "patience": (0, 1e6),
    "target_accuracy": (0, 1),
    "max_train_seconds": (1, 1e9),
    "ensemble": (1, 64),
}


def check_range(name: str, value: float, where: str) -> None:
    """Refuse a number that no run could use."""
    low, high = RANGES[name]
    if not low <= value <= high:
        raise SettingError(f"{name} in {where} must lie in {low:g} to {high:g}, not {value:g}")
    if name == "kernel_size" and value % 2 == 0:
        raise SettingError(f"kernel_size in {where} must be odd, so that pictures keep their size, not {value}")


def check_recipe(recipe: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the base recipe parsed; every setting must be there."""
    checked = dict(check_changes(recipe, f"{where}: recipe"))
    relative = [name for name, value in checked.items() if isinstance(value, Times)]
    if relative:
        raise SettingError(f"{where}: recipe.{relative[0]} must be a number: multiples such as x10 are multiples of it")
    lacking = [name for name in SETTING_TYPES if name not in checked]
    if lacking:
        raise SettingError(f"{where}: recipe lacks {', '.join(lacking)}")
    return checked


def resolve(recipe: Mapping[str, Any], changes: Mapping[str, Any], train_images: int) -> Settings:
    """Return the settings of an arm: the recipe with the changes of its context and its level.

    Settings without effect are reset to the recipe's, so that equal runs are one run.
    """
    # A recipe for more pictures than there are takes them all at once.
    batch = train_images if recipe["batch_size"] == FULL_BATCH else min(recipe["batch_size"], train_images)
    usual = {**recipe, "batch_size": batch}
    values = {**usual, **changes}
    for name, value in values.items():
        if isinstance(value, Times):
            values[name] = multiple(name, value, usual[name])
    if values["batch_size"] == FULL_BATCH:
        values["batch_size"] = train_images
    # What the scaling does to the rate is in the rate from here on.
    factor = RATE_SCALING.build(values["rate_scaling"], values["batch_size"], usual["batch_size"])
    values["learning_rate"] *= factor
    values["rate_scaling"] = Choice("fixed")
    check_taken(values["model"], changes)
    if "dropout" not in taken(values["model"]):
        values["dropout"] = 0.0
    # A rate of 0 drops nothing, wherever it would act: one run instead of several equal ones.
    if values["dropout"] == 0:
        values["dropout_place"] = recipe["dropout_place"]
    # A run that ends before its patience does is not stopped early.
    if values["patience"] >= ceil(values["epochs"] / values["evaluate_every"]) - 1:
        values["patience"] = 0
    # A search that can't be is refused before anything trains; one that can looks for these itself.
    if SEARCH.build(values["search"]):
        values |= {name: recipe[name] for name in ("learning_rate", "penalty")}
    for name in ("transfer", "auxiliary"):
        if values["model"].name != "convnet" and values[name].name != "none":
            raise SettingError(
                f"{name} {values[name]} with model {values['model']}: it takes the layers of the bench's own net "
                f"apart; set model to convnet, or {name} to none"
            )
    if values["ensemble"] > 1 and TRANSFER.build(values["transfer"]).classes != "all":
        raise SettingError(
            f"ensemble {values['ensemble']} with transfer {values['transfer']}: every seed learns other classes, so "
            "the probabilities can't be averaged; set ensemble to 1, or transfer to none"
        )
    return Settings(**values)


def check_taken(model: Choice, names: Iterable[str]) -> None:
    """Refuse to vary what has no effect on a model."""
    for name in names:
        if name in OF_NETWORK and name not in taken(model):
            raise SettingError(
                f"{name} has no effect on model {model.name} and can't be varied there; set model to convnet, or leave "
                f"{name} out"
            )


def multiple(name: str, times: Times, usual: float) -> float:
    """Return a multiple of the recipe's value in the type of its setting; SettingError if no run could use it."""
    value = usual * times.factor
    if SETTING_TYPES[name] is int:
        value = max(1, round(value))
    check_range(name, value, f"{name}: {times} of the recipe's {usual:g}")
    return value


def read_tune(file: StudyFile, path: Path) -> Tune | None:
    """Return what is tuned per level, in which contexts."""
    if file.tune is None:
        return None
    if file.tune.setting == "ensemble":
        raise SettingError(
            f"{path}: tune.setting can't be ensemble, as runs keep no probabilities of validation pictures; "
            "make it the factor of the study"
        )
    for value in file.tune.values:
        check_setting(file.tune.setting, value, f"{path}: tune")
    for context in file.tune.contexts:
        check_name(context, file.contexts, f"{path}: tune.contexts")
    return Tune(file.tune.setting, tuple(file.tune.values), file.tune.seeds, tuple(file.tune.contexts))


def read_probes(file: StudyFile, path: Path) -> tuple[str, ...]:
    """Return the probes of a study in alphabetical order: their order in the file changes no run."""
    for name in file.probes:
        PROBE.get(name, f"{path}: probes")
    return tuple(sorted(set(file.probes)))


def check_metric(name: str, probes: Iterable[str], where: str) -> str:
    """Return the name of a metric; refuse one that no run of the study will have."""
    probes, owners = list(probes), owners_of_quantities()
    known = [one for one in {**QUANTITIES, **owners} if owners.get(one) in (None, *probes)]
    if name in known:
        return name
    if name in owners:
        PROBE.get(owners[name], f"the quantity {name}")
        lacking = ", ".join([*probes, owners[name]])
        raise SettingError(f"{where}: {name} is measured by a probe; add to the study: probes: [{lacking}]")
    raise SettingError(f"unknown metric {name!r} in {where}; {choices(name, known)}")


def owners_of_quantities() -> dict[str, str]:
    """Return the probe that measures a quantity, by the name of the quantity: those of the others are left out."""
    shown_by_ending = {name: probe for probe in PROBE.names for name in PROBE.get(probe).measures}
    return shown_by_ending | {name: one.probe for name, one in QUANTITIES.items() if one.probe}


def read_claim(
    claim: ClaimFile, file: StudyFile, labels: list[str], contexts: tuple[Context, ...], path: Path
) -> Claim:
    """Return a claim with one comparison for every level and context that it names."""
    where = f"{path}: claim {claim.id}"
    known = {context.name: context for context in contexts}
    comparisons = []
    for expect in claim.expect:
        for part in (expect, expect.where):
            if part:
                check_metric(part.metric, file.probes, where)
        for name in (*(expect.contexts or ()), *([expect.more_than] if expect.more_than else ())):
            check_name(name, known, where)
        for level in [expect.level] if isinstance(expect.level, str) else expect.level:
            compared = [
                named
                for part in (expect, expect.where)
                if part
                for named in (part.level if isinstance(part.level, str) else level, against_of(part, file.control))
                if isinstance(named, str)
            ]
            for name in compared:
                check_name(name, labels, where)
            # By default every context in which the levels are swept.
            swept = [one.name for one in contexts if all(one.sweeps(name) for name in compared)]
            for context in expect.contexts or swept:
                if lacking := [name for name in (context, expect.more_than or context) if name not in swept]:
                    levels = ", ".join(map(repr, dict.fromkeys(compared)))
                    raise SettingError(f"{where} compares {levels} in {lacking[0]!r}, which sweeps other levels alone")
                comparisons.append(read_comparison(expect, level, context, file.control))
    return Claim(claim.id, claim.words, claim.source, tuple(comparisons), claim.check, claim.because)


def against_of(part: ExpectFile | WhereFile, control: str) -> str | float:
    """Return what is compared with: the control, if nothing is named."""
    return control if part.against is None else part.against


def read_comparison(expect: ExpectFile, level: str, context: str, control: str) -> Comparison:
    """Return what a claim expects of one level in one context, with where it is meant to hold."""
    asked, given = expect.where, None
    if asked:
        against = against_of(asked, control)
        given = Comparison(asked.metric, asked.level or level, against, asked.direction, asked.margin, context)
    against = against_of(expect, control)
    return Comparison(expect.metric, level, against, expect.direction, expect.margin, context, expect.more_than, given)


def check_name(name: str, valid: Iterable[str], where: str) -> None:
    """Refuse a level or context that the study does not have."""
    valid = list(valid)
    if name not in valid:
        raise SettingError(f"{where} names {name!r}, which the study does not have; {choices(name, valid)}")
