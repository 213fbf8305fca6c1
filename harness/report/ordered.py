"""What stands on a page in an order: registered functions, in files of one folder that are found by themselves."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Generic, TypeVar

T = TypeVar("T", bound=Callable[..., Any])


class Ordered(Generic[T]):
    """Decorates the functions of a package: `@figure("curves", order=30)`.

    `what` is the word for one of them in errors, `package` the folder whose files are searched.
    """

    def __init__(self, what: str, package: str) -> None:
        self.what, self.package = what, package
        self._found: dict[str, tuple[int, T]] = {}

    def __call__(self, name: str, order: int) -> Callable[[T], T]:
        """Register the decorated function under `name`; lower `order` comes first."""

        def register(function: T) -> T:
            if name in self._found:
                raise ValueError(f"there is a {self.what} {name!r} already")
            self._found[name] = (order, function)
            return function

        return register

    def all(self) -> list[tuple[str, T]]:
        """Return (name, function) of every one, in order."""
        for module in iter_modules(import_module(self.package).__path__):
            import_module(f"{self.package}.{module.name}")
        by_place = sorted(self._found.items(), key=lambda item: (item[1][0], item[0]))
        return [(name, function) for name, (_, function) in by_place]
