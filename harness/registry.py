"""A factor is a registry of levels; a level is one registered function with default arguments."""

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from harness.errors import SettingError, choices
from harness.spec import Choice

T = TypeVar("T", bound=Callable[..., Any])


class Registry(Generic[T]):
    """Named alternatives for one setting.

    >>> ACTIVATION = Registry("activation")
    >>> @ACTIVATION.level("leaky_relu")
    ... def leaky_relu(slope: float = 0.1): ...

    The keyword arguments of the function are the arguments of the level in YAML; what the code
    hands over itself (an input, a generator) comes first, as positional parameters.
    """

    def __init__(self, setting: str) -> None:
        self.setting = setting
        self._levels: dict[str, T] = {}
        self.uses: dict[str, tuple[str, ...]] = {}

    def level(self, name: str, *, uses: tuple[str, ...] = ()) -> Callable[[T], T]:
        """Register the decorated function or class under `name`.

        `uses` are what it reaches by name alone, which no reader of the source would see, and what it alone reaches:
        other levels, `penalty:l2`, and definitions, `harness.training.search:run_search`. A fingerprint goes by them.
        """

        def register(function: T) -> T:
            if name in self._levels:
                raise ValueError(f"{self.setting} has a level {name!r} already")
            self._levels[name] = function
            self.uses[name] = uses
            return function

        return register

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
            default = arguments[name]
            number = isinstance(default, int | float) and not isinstance(default, bool)
            fits = (
                isinstance(value, int | float) and not isinstance(value, bool)
                if number
                else isinstance(value, type(default))
            )
            if not fits:
                raise SettingError(
                    f"{self.setting} {choice.name!r} in {where}: {name} must be like {default!r}, not {value!r}"
                )
            arguments[name] = type(default)(value) if isinstance(default, float) else value
        return Choice.of(choice.name, arguments)
