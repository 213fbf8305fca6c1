"""The door to engines: runs in, events out. `engine.kind` in params.yaml names the one that is used.

Another engine is one more entry below, or in a plugin. Whatever it runs on, each of its workers is the same code:
`harness.engines.local.work` with a connection (`recv`: a run; `send`: its events), begun by `begin` where plugins are
to be loaded first. Fingerprints are of that code, not of what surrounds it.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from harness.core.errors import SettingError
from harness.core.registry import Registry
from harness.core.spec import RunSpec
from harness.engines.events import Event

if TYPE_CHECKING:
    from harness.engines.local import Checkpoints


class Engine(Protocol):
    """Executes runs on the prepared data in a folder, while its `with` block lasts.

    `workers` is how many runs train at once; None lets the engine find out how many pay. With `checkpoints` a run that
    was cut off goes on where it was.
    """

    def __init__(self, prepared: Path, workers: int | None, checkpoints: "Checkpoints | None" = None) -> None: ...

    @staticmethod
    def default_workers(device: str) -> int | None:
        """Return the number of workers for which nobody has asked; None: to be measured when they start."""

    @staticmethod
    def warm_up() -> None:
        """Begin with what takes long and can go on while the caller plans."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all workers at once, whatever they are doing; the runs in them are lost."""

    def execute(self, specs: Sequence[RunSpec]) -> Iterator[Event]:
        """Yield the events of all runs, in the order in which they happen."""


# An entry returns the class, so that nothing is imported for engines that aren't used.
ENGINE: Registry[Callable[[], type[Engine]]] = Registry("engine")


@ENGINE.level("local")
def local() -> type[Engine]:
    """Processes of this machine."""
    from harness.engines.local import LocalEngine

    return LocalEngine


@ENGINE.level("ray")
def on_ray() -> type[Engine]:
    """The machines of a Ray cluster, or this one where there is none."""
    try:
        from harness.engines.on_ray import RayEngine
    except ModuleNotFoundError as problem:
        if (problem.name or "").partition(".")[0] != "ray":
            raise
        raise SettingError("engine.kind is ray, which is not installed; call: pip install 'ray>=2.40'") from problem
    return RayEngine


def engine_of(kind: str) -> type[Engine]:
    """Return the engine of this name; SettingError offers the nearest."""
    return ENGINE.get(kind, "engine.kind of params.yaml")()
