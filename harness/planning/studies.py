"""experiments/<study>.yaml -> Study, with every name and value checked before anything trains."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from pydantic_core import PydanticCustomError

from harness.core.config import read_yaml, validate
from harness.core.errors import SettingError, choices
from harness.core.spec import SETTING_TYPES, Choice, slug
from harness.core.study import Context, Level, Study, Tune
from harness.planning.claims import check_metric, check_name, read_claim
from harness.planning.files import StudyFile, text_of
from harness.planning.settings import check_changes, check_setting
from harness.probes import PROBE

EXPERIMENTS = Path("experiments")
# Studies that show how, and that `all` leaves out.
EXAMPLES = "examples"
# The one key of a context that is no setting.
LEVELS = "levels"
# What the report calls pages of its own.
PAGES = ("index", "claims", "compare", "lecture", "notes", "preflight", "surfaces")


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
