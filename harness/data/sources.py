"""What a source of pictures hands over, and the registry of sources."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from harness.core.registry import Registry

if TYPE_CHECKING:
    # What trains reads arrays, and needs nothing that reads params.yaml.
    from harness.core.config import DataParams

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Pictures that were read together, in the order asked for.

    `images` is uint8 (n, height, width, channels). `bad` maps the place of a picture in the batch to why
    it could not be read; its pixels mean nothing.
    """

    images: Images
    bad: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Pictures that a source keeps together: labels are known at once, pixels only on request.

    `labels` is int64 (n,). `read` takes the places of the wanted pictures and yields them in batches.
    `name` says where a picture is, for messages.
    """

    labels: Labels
    read: Callable[[Indices], Iterator[Batch]]
    name: Callable[[int], str]


@dataclass(frozen=True)
class Source:
    """Class names and parts. A split without a part of its own is drawn from `train`.

    `notes` are lines for the user. `passed` counts what lies there of each class and isn't read, by why. A published
    benchmark sets `fixed`: pictures that it has twice are reported, and left as everyone else has them. One that makes
    as many pictures as it is asked for sets `made`: nothing lies there to compare with.
    """

    classes: tuple[str, ...]
    parts: Mapping[Split, Part]
    notes: tuple[str, ...] = ()
    passed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    fixed: bool = False
    made: bool = False


SOURCE: "Registry[Callable[[DataParams], Source]]" = Registry("data.source")


# Sources that `prepare` would fetch or unpack something for: how to tell what, None where all is there.
TO_FETCH: "dict[str, Callable[[DataParams], str | None]]" = {}


def register_sources() -> None:
    """Import every file of this folder, so that a new source needs no line elsewhere."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")


def open_source(params: "DataParams") -> Source:
    """Return the source that `params` names; SettingError offers the nearest names."""
    register_sources()
    return SOURCE.get(params.source, "params.yaml")(params)
