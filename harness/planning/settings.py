"""Settings by name -> parsed and checked values; a recipe and changes -> the settings of an arm."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

from harness.core.errors import SettingError, choices
from harness.core.spec import SETTING_TYPES, Choice, Settings, Times, parse_setting
from harness.factors import REGISTRIES
from harness.factors.model import OF_NETWORK, taken
from harness.factors.rate_scaling import RATE_SCALING
from harness.factors.search import SEARCH
from harness.factors.transfer import TRANSFER

# A batch of the whole training split; its size is known once the data is.
FULL_BATCH = "full"


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
