"""params.yaml -> checked parameters, with the chosen profile laid under them."""

import re
from os.path import expanduser
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from harness.core.errors import SettingError, choices

PARAMS = Path("params.yaml")
M = TypeVar("M", bound=BaseModel)
# A number as written: neither `true` nor "3" is one.
Count = Annotated[int, Field(strict=True, ge=1, le=10**9)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]


class Strict(BaseModel):
    """A section of a YAML file: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataParams(Strict):
    """Which pictures, from where, and how many. Counts of None mean all there are."""

    source: str
    root: Path
    image_size: int = Field(strict=True, ge=8, le=512)
    seed: Seed
    on_bad_image: Literal["fail", "skip"]
    train_images: Count | None
    validation_images: Count | None
    test_images: Count | None

    @field_validator("root", mode="before")
    @classmethod
    def folder(cls, root: Any) -> Any:
        """Put the user's home in place of ~, which alone is nothing in YAML."""
        if not isinstance(root, str | Path) or not str(root).strip():
            raise PydanticCustomError("root", "must be a folder, such as data/raw or ~/pictures")
        return Path(expanduser(root))


class EngineParams(Strict):
    """Where runs execute."""

    kind: str = "local"
    device: Literal["auto", "cpu", "cuda"]
    precision: Literal["auto", "float32", "tf32", "bfloat16"]
    workers: Literal["auto"] | int
    threads: int = Field(strict=True, ge=1, le=1024)
    captured_step: bool = Field(default=False, strict=True)
    checkpoint_minutes: float = Field(strict=True, ge=0, le=10**6)

    @field_validator("workers", mode="before")
    @classmethod
    def processes(cls, workers: Any) -> Any:
        """Refuse what is no number of processes; the union of types would tell it less plainly."""
        if workers != "auto" and (type(workers) is not int or not 1 <= workers <= 1024):
            raise PydanticCustomError("workers", "must be auto or a whole number from 1 to 1024")
        return workers


class TrainParams(Strict):
    """How many seeds: as many as asked for, or `adaptive`: more where a comparison is open, up to `most_seeds`."""

    adaptive: bool = Field(default=False, strict=True)
    most_seeds: int = Field(default=12, strict=True, ge=2, le=10000)


class TrackingParams(Strict):
    """The MLflow store."""

    uri: str

    @field_validator("uri")
    @classmethod
    def database(cls, uri: str) -> str:
        """Put the user's home in place of ~ in the path of a database."""
        return re.sub(r"(?<=:///)~(?=/)", expanduser("~"), uri, count=1)


class Params(Strict):
    """params.yaml after the profile has filled the values that were left null."""

    profile: str
    profiles: list[str]  # all there are
    plugins: list[str] = []
    studies: Literal["all"] | list[str]
    seeds: int = Field(strict=True, ge=1, le=10000)
    first_seed: int = Field(default=0, strict=True, ge=0, le=10**6)
    data: DataParams
    recipe: dict[str, Any]
    engine: EngineParams
    train: TrainParams = TrainParams()
    tracking: TrackingParams

    @field_validator("studies", mode="before")
    @classmethod
    def names(cls, studies: Any) -> Any:
        """Take a single name for a list of one."""
        listed = [studies] if isinstance(studies, str) and studies != "all" else studies
        if listed != "all" and not (isinstance(listed, list) and listed and all(isinstance(n, str) for n in listed)):
            raise PydanticCustomError("studies", "must be all, or names such as [activation, dropout]")
        return listed


class Loader(yaml.SafeLoader):
    """YAML 1.2, as DVC writes params.yaml: 1e-5 is a number, off is text. A key that is there twice is a mistake.

    Numbers may have the underscores of YAML 1.1, as they may for DVC.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping; ConstructorError if it would lose an entry."""
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == MERGE:
                continue
            key = str(self.construct_object(key_node, deep=True))
            if key in lines:
                problem = f"{key!r} is there twice, first in line {lines[key]}"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            lines[key] = key_node.start_mark.line + 1
        return super().construct_mapping(node, deep)

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """Return a whole number: decimal whatever zeros it begins with, 0b, 0o and 0x as they say."""
        text = node.value
        return int(text, 0) if text[:2] in ("0b", "0o", "0x") else int(text)


TAG = "tag:yaml.org,2002:"
MERGE = f"{TAG}merge"
DIGITS = "[0-9](?:_?[0-9])*"
# The core schema of YAML 1.2.2, section 10.3.2: tag, pattern, the characters it may begin with.
CORE = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", rf"[-+]?{DIGITS}|0b[01]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        rf"[-+]?(\.{DIGITS}|{DIGITS}(\.({DIGITS})?)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
)
for tag, pattern, begins in CORE:
    Loader.add_implicit_resolver(TAG + tag, re.compile(f"^(?:{pattern})$"), begins)
Loader.add_constructor(f"{TAG}int", Loader.construct_whole)


def load_params(path: Path = PARAMS, profile: str | None = None) -> Params:
    """Read `path`, under another `profile` if one is given; SettingError names the file, the key and the remedy."""
    values = read_yaml(path)
    profiles = values.pop("profiles", {})
    if not (isinstance(profiles, dict) and all(isinstance(one, dict) for one in profiles.values())):
        raise SettingError(f"profiles in {path}: write each with its values below it, such as quick: {{seeds: 3}}")
    profiles = {str(name): one for name, one in profiles.items()}
    name = values["profile"] = str(profile or values.get("profile"))
    values["profiles"] = list(profiles)
    if name not in profiles:
        raise SettingError(f"unknown profile {name!r} in {path}; {choices(name, profiles)}")
    return validate(Params, fill(values, profiles[name]), str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML mapping; SettingError names the file and the line of a syntax error."""
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader)
    except FileNotFoundError as error:
        raise SettingError(f"{path} is missing; run from the folder that holds params.yaml") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not text in UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise SettingError(f"{path} can't be read: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise SettingError(f"{path}{line} is not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise SettingError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from error
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
        if parent.isdigit():
            continue  # an entry of a list, whose type is that of all of them
        nested = model.model_fields[parent].annotation if parent in model.model_fields else None
        models = [
            kind for kind in (nested, *get_args(nested)) if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not models:
            return []
        model = models[0]
    return [".".join([*parents, name]) for name in model.model_fields]
