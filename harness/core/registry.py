"""A factor is a registry of levels; a level is one registered function with default arguments."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from harness.core.errors import SettingError, choices
from harness.core.spec import Choice

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Pictures:
    """What a level may need of the pictures that a run trains on.

    `per_class` is how many there are of each class. `coloured` says that some pixel isn't grey. `side` is in pixels.
    """

    per_class: Mapping[str, int]
    coloured: bool
    side: int

    @property
    def rarest(self) -> tuple[str, int]:
        """The class with the fewest pictures, and their number."""
        return min(self.per_class.items(), key=lambda item: item[1])

    @property
    def commonest(self) -> tuple[str, int]:
        """The class with the most pictures, and their number."""
        return max(self.per_class.items(), key=lambda item: item[1])

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.per_class.values())


# Called with the pictures and the arguments of the level; returns what is lacking, as words after its setting, or None.
Need = Callable[..., str | None]


class Registry(Generic[T]):
    """Named alternatives for one setting.

    >>> ACTIVATION = Registry("activation")
    >>> @ACTIVATION.level("leaky_relu")
    ... def leaky_relu(slope: float = 0.1): ...

    The keyword arguments of the function are the arguments of the level in YAML; what the code
    hands over itself (an input, a generator) comes first, as positional parameters. A number among
    the former has its bounds at the registration: `@ACTIVATION.level("leaky_relu", slope=(0, 1))`.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self._levels: dict[str, T] = {}
        self._needs: dict[str, Need] = {}
        self.bounds: dict[str, dict[str, tuple[float, float]]] = {}
        self.uses: dict[str, tuple[str, ...]] = {}

    def level(self, name: str, *, uses: tuple[str, ...] = (), **bounds: tuple[float, float]) -> Callable[[T], T]:
        """Register the decorated function or class under `name`, with the bounds of its arguments, ends included.

        `uses` are what it reaches by name alone, which no reader of the source would see, and what it alone reaches:
        other levels, `penalty:l2`, and definitions, `harness.training.search:run_search`. A fingerprint goes by them.
        """

        def register(function: T) -> T:
            if name in self._levels:
                raise ValueError(f"{self.setting} has a level {name!r} already")
            self._levels[name] = function
            self.uses[name] = uses
            self.bounds[name] = bounds
            return function

        return register

    def needs(self, *names: str) -> Callable[[Need], Need]:
        """Register the decorated function as what these levels need of the data."""

        def register(need: Need) -> Need:
            self._needs |= dict.fromkeys(names, need)
            return need

        return register

    def lacking(self, choice: Choice, pictures: Pictures) -> str | None:
        """Return what `pictures` lack for a level, as words that follow the name of the setting, or None."""
        need = self._needs.get(choice.name)
        return need(pictures, **choice.arguments) if need else None

    @property
    def names(self) -> list[str]:
        """Every registered name, in order of registration."""
        return list(self._levels)

    def get(self, name: str, where: str = "") -> T:
        """Return the function behind `name`; a SettingError offers the nearest names."""
        if name not in self._levels:
            place = f" in {where}" if where else ""
            raise SettingError(f"unknown {self.setting} {name!r}{place}; {choices(name, self._levels)}")
        return self._levels[name]

    def build(self, choice: Choice, *positional: Any) -> Any:
        """Call the level that `choice` names with `positional` and the choice's own arguments."""
        return self.get(choice.name)(*positional, **choice.arguments)

    def defaults(self, name: str) -> dict[str, Any]:
        """Return the arguments that a level takes from YAML, with their default values."""
        parameters = inspect.signature(self.get(name)).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}

    def check(self, choice: Choice, where: str) -> Choice:
        """Return `choice` with every argument spelled out; refuse unknown names and wrong kinds."""
        self.get(choice.name, where)
        arguments = self.defaults(choice.name)
        for name, value in choice.arguments.items():
            if name not in arguments:
                takes = choices(name, arguments) if arguments else "it takes none"
                raise SettingError(f"{self.setting} {choice.name!r} in {where} has no argument {name!r}; {takes}")
            arguments[name] = self.checked(choice.name, name, value, arguments[name], where)
        return Choice.of(choice.name, arguments)

    def checked(self, level: str, name: str, value: Any, default: Any, where: str) -> Any:
        """Return the value of one argument in the kind of its default; refuse another kind, or one out of bounds."""
        place = f"{self.setting} {level!r} in {where}: {name}"
        kind: Any = int | float if isinstance(default, float) else type(default)
        if not isinstance(value, kind) or (isinstance(value, bool) and not isinstance(default, bool)):
            raise SettingError(f"{place} must be like {default!r}, not {value!r}")
        if bounds := self.bounds[level].get(name):
            low, high = bounds
            if not low <= value <= high:
                raise SettingError(f"{place} must lie in {low:g} to {high:g}, not {value:g}")
        return float(value) if isinstance(default, float) else value
