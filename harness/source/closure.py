"""What a piece of a package can reach: from a unit to all that its names may mean, from a registry to chosen levels.

Two things are taken for granted: to compute a constant changes nothing elsewhere, nor does a decorator of another
library. Whatever else a module does when it is imported counts for all that import it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from harness.core.errors import SettingError
from harness.source.code import WHOLE, Code


@dataclass(frozen=True)
class Closure:
    """All that can be reached: unit -> digest, and the other packages that the units mention."""

    units: Mapping[str, str]
    libraries: frozenset[str]


def closure(
    code: Code, roots: Iterable[str], chosen: Mapping[str, Iterable[str]], imported: Iterable[str] = ()
) -> Closure:
    """Return all that can be reached from `roots`, of the registry of a setting the levels `chosen`.

    Of a registry whose setting isn't there, every level. `imported` are modules that are imported in any case.
    """
    levels = tuple(sorted((setting, tuple(levels)) for setting, levels in chosen.items()))
    return walked(code, tuple(roots), levels, tuple(imported))


@lru_cache(maxsize=4096)
def walked(
    code: Code, roots: tuple[str, ...], chosen: tuple[tuple[str, tuple[str, ...]], ...], imported: tuple[str, ...]
) -> Closure:
    """Return the closure of arguments that can be compared: most runs of a grid share theirs."""
    walk = Walk(code, dict(chosen))
    for module in imported:
        walk.import_(module)
    return walk.from_(roots)


class Walk:
    """From units to all that they reach."""

    def __init__(self, code: Code, chosen: Mapping[str, Iterable[str]]) -> None:
        self.code = code
        self.todo: list[str] = []
        self.reached: set[str] = set()
        self.imported: set[str] = set()
        # Unit -> what is done to it when a module is imported.
        self.done_to: dict[str, list[str]] = defaultdict(list)
        self.chosen: dict[str, set[str]] = {setting: set() for setting in chosen}
        self.allowed: set[str] = set()
        for setting, levels in chosen.items():
            for level in levels:
                self.choose(setting, level)

    def choose(self, setting: str, level: str) -> None:
        """Take a level, and what it declares, for chosen."""
        if level in self.chosen.setdefault(setting, set()):
            return
        self.chosen[setting].add(level)
        found = self.code.levels.get((setting, level))
        for use in found.uses if found else ():
            if self.code.is_definition(use):
                self.allowed.add(use)
            else:
                self.choose(*use.split(":"))

    def from_(self, roots: Iterable[str]) -> Closure:
        """Return all that `roots` reach."""
        self.todo += roots
        while self.todo:
            one = self.todo.pop()
            if one not in self.reached and (one not in self.code.declared or one in self.allowed):
                self.reached.add(one)
                self.enter(one)
        units = {one: self.code.unit(one) for one in self.reached if not one.endswith(f":{WHOLE}")}
        libraries = frozenset(library for unit in units.values() for library in unit.libraries)
        return Closure({one: units[one].digest for one in sorted(units)}, libraries)

    def enter(self, name: str) -> None:
        """Go on from a unit."""
        where, _, what = name.partition(":")
        self.import_(where)
        if what == WHOLE:
            module = self.code.module(where)
            assert module is not None
            self.todo += [f"{where}:{one}" for one in (*module.statements, *map(str, range(len(module.effects))))]
            self.todo += [
                one.target for each in module.imported.values() for one in self.code.follow(each) if one.inside
            ]
            return
        unit = self.code.unit(name)
        self.todo += [*unit.references, *self.done_to[name]]
        for one in unit.imports:
            self.import_(one)
        for one in unit.searched:
            self.take(self.code.registry(one) or "", every=True)
        if setting := self.code.registry(name):
            self.take(setting)

    def take(self, setting: str, every: bool = False) -> None:
        """Go on from the levels of a registry that are chosen; from every one if nothing is known of the choice."""
        every = every or setting not in self.chosen
        wanted = self.chosen.get(setting, set())
        for (of, level), found in self.code.levels.items():
            if of == setting and (every or level in wanted):
                self.todo.append(found.unit)
        lost = {level for level in wanted if (setting, level) not in self.code.levels}
        if lost:
            raise SettingError(
                f"the source of {setting} {min(lost)!r} isn't found; register it by @REGISTRY.level(...) above its "
                "definition, with its name in quotes"
            )

    def import_(self, name: str) -> None:
        """Go on from what a module, and all that it imports, do when they are imported."""
        if name in self.imported:
            return
        for one in self.code.imports([name]) - self.imported:
            self.imported.add(one)
            always, done_to = self.code.effects(one)
            self.todo += always
            for unit, effect in done_to:
                self.done_to[unit].append(effect)
                if unit in self.reached:
                    self.todo.append(effect)
