"""Where features come from. A level says which classes a run learns and whose features it starts with.

The classes are halved by the seed. Features are learned on the first half; the other half is the
task that they are used on, with a few pictures of each class.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.core.registry import Pictures, Registry


@dataclass(frozen=True)
class Task:
    """Which classes are learned, from how many pictures each (None: all), and with whose features."""

    classes: Literal["all", "first half", "other half"]
    pictures_per_class: int | None = None
    borrows: bool = False
    frozen: bool = False

    def count(self, classes: int) -> int:
        """Return how many of so many classes are learned; of an odd number the other half is the larger."""
        half = classes // 2
        return {"all": classes, "first half": half, "other half": classes - half}[self.classes]


TRANSFER: Registry[Callable[..., Task]] = Registry("transfer")


@TRANSFER.level("none")
def none() -> Task:
    """All classes, all pictures: no transfer."""
    return Task("all")


@TRANSFER.level("source")
def source() -> Task:
    """The half of the classes that features are learned on."""
    return Task("first half")


@TRANSFER.level("scratch", pictures=(1, 1_000_000))
def scratch(*, pictures: int = 10) -> Task:
    """A few pictures of the other half, nothing borrowed."""
    return Task("other half", pictures)


@TRANSFER.level("frozen", uses=("transfer:source",), pictures=(1, 1_000_000))
def frozen(*, pictures: int = 10) -> Task:
    """The same pictures; the features of `source` stay as they are, and the dense layer alone learns."""
    return Task("other half", pictures, borrows=True, frozen=True)


@TRANSFER.level("fine_tuned", uses=("transfer:source",), pictures=(1, 1_000_000))
def fine_tuned(*, pictures: int = 10) -> Task:
    """The same pictures; training goes on from the features of `source` (Yosinski et al., 2014)."""
    return Task("other half", pictures, borrows=True)


@TRANSFER.needs("source", "scratch", "frozen", "fine_tuned")
def two_halves(there: Pictures, *, pictures: int = 1) -> str | None:
    """Each half is a task of its own; as the seed halves the classes, any class may be one of few pictures."""
    if len(there.per_class) < 4:
        return f"needs 4 classes or more, two for each half, and there are {len(there.per_class)}"
    rare, fewest = there.rarest
    return (
        None if fewest >= pictures else f"needs {pictures} training pictures of every class, and {rare!r} has {fewest}"
    )
