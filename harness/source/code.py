"""The definitions of a package and what their names mean, read without importing it.

A unit is what one name of a module is bound to: a function, a class, a constant. Where a name can't be followed, more
is taken for meant than may be: a module that is handed about, or lacks the name, counts as a whole.
"""

import ast
import builtins
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.source.module import Module, decorators, parsed
from harness.source.syntax import (
    canonical,
    dotted,
    imports_of,
    mentions,
    receivers,
    without_fields,
)

REGISTRY = "harness.core.registry:Registry"
# What one may do with a registry without looking at levels that nobody named.
BY_NAME = {"level", "build", "get", "defaults", "check", "setting"}
# Code that is found at run time may be anything.
DYNAMIC = {
    "eval",
    "exec",
    "globals",
    "__import__",
    "import_module",
    "reload",
    "run_path",
    "run_module",
    "__subclasses__",
}
# Types whose fields are in a fingerprint by value: a new field is no new code.
BY_VALUE = {"harness.core.spec:Settings"}
# In place of a name: all of a module.
WHOLE = "*"

LevelName = tuple[str, str]  # setting, name


@dataclass(frozen=True)
class Meaning:
    """What a dotted name may stand for: `module:name`, or `library.name`; and the attributes that are left of it."""

    target: str
    rest: tuple[str, ...] = ()

    @property
    def inside(self) -> bool:
        """Whether it is of the package."""
        return ":" in self.target

    @property
    def is_definition(self) -> bool:
        """Whether it is one definition of the package."""
        return self.inside and not self.target.endswith(f":{WHOLE}")


@dataclass(frozen=True)
class Unit:
    """A definition: the digest of what it says, the units that it refers to, and what it imports by itself."""

    digest: str
    references: frozenset[str]
    # Registries that it looks through, instead of asking for a level by its name.
    searched: frozenset[str]
    imports: frozenset[str]
    libraries: frozenset[str]


@dataclass(frozen=True)
class Level:
    """A registered definition; `uses` are levels and definitions that it reaches by their names alone."""

    unit: str
    uses: tuple[str, ...]


class Code:
    """The source of the package in `folder`; `replaced` are texts in place of files, by the name of their module.

    `others` are what belongs to it: folders of packages and files of modules, by name.
    """

    def __init__(
        self, folder: Path, replaced: Mapping[str, str] | None = None, others: Mapping[str, Path] | None = None
    ) -> None:
        self.folder = folder
        self.packages = {folder.name: folder} | dict(others or {})
        self.replaced = replaced or {}
        self._modules: dict[str, Module | None] = {}
        self._units: dict[str, Unit] = {}
        self._effects: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}

    @cached_property
    def files(self) -> dict[str, Path]:
        """Every module of the packages and its file."""
        found = {}
        for name, folder in self.packages.items():
            if folder.is_file():
                found[name] = folder
            for path in sorted(folder.rglob("*.py")):
                parts = (name, *path.relative_to(folder).with_suffix("").parts)
                if not any(part.startswith(".") for part in parts):
                    found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    def module(self, name: str) -> Module | None:
        """Return a module of the package; None if there is none of that name."""
        if name not in self._modules:
            path = self.files.get(name)
            is_package = path is not None and path.name == "__init__.py"
            package = name if is_package else name.rpartition(".")[0]
            self._modules[name] = parsed(name, package, self.text(name)) if path else None
        return self._modules[name]

    def text(self, name: str) -> str:
        """Return the source of a module."""
        return self.replaced[name] if name in self.replaced else self.files[name].read_text(encoding="utf-8")

    def imports(self, names: Iterable[str]) -> set[str]:
        """Return the modules of the package that are imported with these, themselves included."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            module = self.module(name)
            if module and name not in found:
                found.add(name)
                parents = name.split(".")[:-1]
                todo += [*module.executed, *(".".join(parents[: n + 1]) for n in range(len(parents)))]
        return found

    def meanings(self, module: Module, chain: tuple[str, ...]) -> Iterator[Meaning]:
        """Yield all that a dotted name may stand for in a module."""
        first, *rest = chain
        if first in module.statements:
            yield Meaning(f"{module.name}:{first}", tuple(rest))
        if first in module.imported:
            yield from self.follow(module.imported[first], rest)
        elif first not in module.statements and f"{module.name}.{first}" in self.files:
            yield from self.follow(f"{module.name}.{first}", rest)

    def follow(self, name: str, rest: Iterable[str] = ()) -> Iterator[Meaning]:
        """Yield all that an imported name, with attributes after it, may stand for."""
        parts = [*name.split("."), *rest]
        known = [n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in self.files]
        if parts[0] not in self.packages or not known:
            yield Meaning(name, tuple(rest))
            return
        count = max(known)
        module = self.module(".".join(parts[:count]))
        assert module is not None
        found = list(self.meanings(module, tuple(parts[count:]))) if count < len(parts) else []
        # Handed about as an object, or asked for something that isn't seen there.
        yield from found or [Meaning(f"{module.name}:{WHOLE}")]

    def unit(self, name: str) -> Unit:
        """Return the definition `module:name`, or the effect of an import `module:number`."""
        if name not in self._units:
            where, _, what = name.partition(":")
            module = self.module(where)
            assert module is not None
            statements = [module.effects[int(what)]] if what.isdigit() else module.statements[what]
            self._units[name] = self._unit(name, module, statements)
        return self._units[name]

    def _unit(self, name: str, module: Module, statements: list[ast.stmt]) -> Unit:
        said: set[str] = set()
        searched: set[str] = set()
        imports: set[str] = set()
        found: list[Meaning] = []
        for statement in statements:
            for chain, sure in mentions(statement):
                means = list(self.meanings(module, chain))
                if chain[-1] in DYNAMIC or chain[:2] == ("sys", "modules"):
                    means += [Meaning(f"{one}:{WHOLE}") for one in self.files]
                if sure and not means and not hasattr(builtins, chain[0]):
                    means.append(Meaning(f"{module.name}:{WHOLE}"))
                said |= {f"{'.'.join(chain)} is {one.target}" for one in means}
                searched |= {one.target for one in means if one.rest[:1] == () or one.rest[0] not in BY_NAME}
                found += means
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    bound, executed = imports_of(node, module.package)
                    imports |= executed
                    # `import a.b` gives all of it, under the name of a.
                    names = executed if isinstance(node, ast.Import) else bound.values()
                    found += [one for each in names for one in self.follow(each)]
        by_value = name in BY_VALUE
        text = [
            canonical(without_fields(one) if by_value and isinstance(one, ast.ClassDef) else one) for one in statements
        ]
        outside = {one.target.partition(".")[0] for one in found if not one.inside}
        inside = {one.target for one in found if one.inside} - {name}
        return Unit(
            digest("\n".join([*text, *sorted(said)])),
            frozenset(inside),
            frozenset(one for one in searched & inside if self.registry(one)),
            frozenset(imports),
            frozenset(outside - set(sys.stdlib_module_names)),
        )

    def registry(self, name: str) -> str | None:
        """Return the setting whose levels a unit registers; None if it is no registry."""
        where, _, what = name.partition(":")
        module = self.module(where)
        for statement in module.statements.get(what, ()) if module else ():
            match statement:
                case (
                    ast.Assign(value=ast.Call(func=made, args=[ast.Constant(value=str(setting)), *_]))
                    | ast.AnnAssign(value=ast.Call(func=made, args=[ast.Constant(value=str(setting)), *_]))
                ):
                    chain = dotted(made)
                    if module and chain and any(one.target == REGISTRY for one in self.meanings(module, chain)):
                        return setting
        return None

    @cached_property
    def levels(self) -> dict[LevelName, Level]:
        """Every level of every registry."""
        found: dict[LevelName, Level] = {}
        for where in self.files:
            # Most files register nothing, and need not be parsed for it.
            module = self.module(where) if ".level(" in self.text(where) else None
            for statement, decorator in decorators(module) if module else ():
                match decorator:
                    case ast.Call(args=[ast.Constant(value=str(name))], keywords=keywords):
                        uses = [ast.literal_eval(one.value) for one in keywords if one.arg == "uses"]
                        level = Level(f"{where}:{statement.name}", tuple(use for each in uses for use in each))
                        found |= {(setting, name): level for setting in self.registers(module, decorator)}
        return found

    def registers(self, module: Module | None, decorator: ast.expr, method: str = "level") -> list[str]:
        """Return the settings of which `@REGISTRY.level(...)` registers a level; none for any other decorator."""
        called = dotted(decorator.func) if isinstance(decorator, ast.Call) else ()
        means = self.meanings(module, called) if module and called[1:] and called[-1] == method else ()
        return [setting for one in means if one.rest == (method,) and (setting := self.registry(one.target))]

    def enlisted(self, module: Module) -> list[str]:
        """Return the definitions that the package's own decorators may keep somewhere, other than as levels."""
        found = []
        for statement, decorator in decorators(module):
            called = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
            own = any(one.inside for one in self.meanings(module, called)) if called else True
            # What a level needs of the data decides whether there is a run, not what it gives.
            if own and not self.registers(module, decorator) and not self.registers(module, decorator, "needs"):
                found.append(f"{module.name}:{statement.name}")
        return found

    def effects(self, name: str) -> tuple[list[str], list[tuple[str, str]]]:
        """Return what importing a module does to whoever imports it, and what it does to a definition: (which, what).

        Both as units: of statements that are no definitions the names are numbers.
        """
        if name not in self._effects:
            module = self.module(name)
            assert module is not None
            always, done_to = self.enlisted(module), []
            for number, statement in enumerate(module.effects):
                means = [list(self.meanings(module, chain)) for chain in receivers(statement) or ()]
                if means and all(each and all(one.is_definition for one in each) for each in means):
                    done_to += [(one.target, f"{name}:{number}") for each in means for one in each]
                else:
                    always.append(f"{name}:{number}")
            self._effects[name] = always, done_to
        return self._effects[name]

    @cached_property
    def declared(self) -> frozenset[str]:
        """The definitions that nothing reaches but the levels that say so."""
        return frozenset(use for one in self.levels.values() for use in one.uses if self.is_definition(use))

    def is_definition(self, use: str) -> bool:
        """Say whether a use is a definition, `package.module:name`, and not a level, `setting:name`."""
        return use.partition(":")[0] in self.files


def digest(text: str) -> str:
    """Return 16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
