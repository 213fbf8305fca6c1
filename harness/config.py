"""params.yaml -> checked parameters, with the chosen profile laid under them."""

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import SettingError, choices

PARAMS = Path("params.yaml")
M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A section of a YAML file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataParams(Strict):
    """Which pictures, from where, and how many. Counts of None mean all there are."""

    source: str
    root: Path
    image_size: int = Field(ge=8, le=512)
    seed: int = Field(ge=0)
    on_bad_image: Literal["fail", "skip"]
    train_images: int | None = Field(ge=1)
    validation_images: int | None = Field(ge=1)
    test_images: int | None = Field(ge=1)


class EngineParams(Strict):
    """Where runs execute."""

    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "float32", "bfloat16"]
    workers: Literal["auto"] | int
    threads: int = Field(ge=1)


class TrackingParams(Strict):
    """The MLflow store."""

    uri: str


class Params(Strict):
    """params.yaml after the profile has filled the values that were left null."""

    profile: str
    profiles: list[str]  # all there are
    studies: Literal["all"] | list[str]
    seeds: int = Field(ge=1)
    data: DataParams
    recipe: dict[str, Any]
    engine: EngineParams
    tracking: TrackingParams


def load_params(path: Path = PARAMS, profile: str | None = None) -> Params:
    """Read `path`, under another `profile` if one is given; SettingError names the file, the key and the remedy."""
    values = read_yaml(path)
    profiles = values.pop("profiles", {})
    name = values["profile"] = profile or values.get("profile")
    values["profiles"] = list(profiles)
    if name not in profiles:
        raise SettingError(f"unknown profile {name!r} in {path}; {choices(str(name), profiles)}")
    return validate(Params, fill(values, profiles[name]), str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML mapping; SettingError names the file and the line of a syntax error."""
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise SettingError(f"{path} is missing; run from the folder that holds params.yaml") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingError(f"{path}{line} is not valid YAML: {error.problem}") from error
    if not isinstance(values, dict):
        raise SettingError(f"{path} must hold `key: value` lines")
    return values


def fill(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with every null replaced by the entry of `defaults`, section by section."""
    filled = dict(values)
    for key, default in defaults.items():
        if isinstance(default, dict) and isinstance(filled.get(key), dict):
            filled[key] = fill(filled[key], default)
        elif filled.get(key) is None:
            filled[key] = default
    return filled


def validate(model: type[M], values: dict[str, Any], where: str) -> M:
    """Return `model` made from `values`; SettingError names the first key that is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what helps.
        first = min(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise SettingError(f"unknown key {key!r} in {where}; {choices(key, known_keys(model, key))}") from error
        if first["type"] == "missing":
            raise SettingError(f"{where} lacks the key {key!r}") from error
        raise SettingError(f"{key} in {where}: {first['msg']}, not {first['input']!r}") from error


def known_keys(model: type[BaseModel], key: str) -> list[str]:
    """Return the keys allowed beside a dotted `key`, spelled in full."""
    *parents, _ = key.split(".")
    for parent in parents:
        nested = model.model_fields[parent].annotation if parent in model.model_fields else None
        if not (isinstance(nested, type) and issubclass(nested, BaseModel)):
            return []
        model = nested
    return [".".join([*parents, name]) for name in model.model_fields]
