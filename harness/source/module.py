"""A file of source code, statement by statement, under the names that each binds."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from harness.source.syntax import DEFINITIONS, Definition, imports_of, is_type_checking, stored, without_docstrings


@dataclass
class Module:
    """The statements of a file by the names that they bind."""

    name: str
    package: str
    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    # Local name -> the dotted name that it stands for.
    imported: dict[str, str] = field(default_factory=dict)
    # Modules that it imports when it is imported, and statements that do something then.
    executed: set[str] = field(default_factory=set)
    effects: list[ast.stmt] = field(default_factory=list)

    def add(self, statement: ast.stmt, types_only: bool = False) -> None:
        """Add a statement of the top of the file."""
        if isinstance(statement, ast.If) and is_type_checking(statement):
            for one in statement.body:
                self.add(one, types_only=True)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            self._import(statement, types_only)
        elif not isinstance(statement, ast.Pass):
            self._bind(statement)

    def _import(self, statement: ast.stmt, types_only: bool = False) -> None:
        bound, names = imports_of(statement, self.package)
        self.imported |= bound
        self.executed |= set() if types_only else names

    def _bind(self, statement: ast.stmt) -> None:
        for name in set(stored([statement])):
            self.statements.setdefault(name, []).append(statement)
        if not isinstance(statement, DEFINITIONS):
            for node in ast.walk(statement):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self._import(node)
            targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
            plain = isinstance(statement, ast.Assign | ast.AnnAssign) and not any(
                isinstance(node, ast.Attribute | ast.Subscript) for one in targets if one for node in ast.walk(one)
            )
            if not plain:
                self.effects.append(statement)


@lru_cache(maxsize=1024)
def parsed(name: str, package: str, text: str) -> Module:
    """Return the module of a name, in a package, that has this text."""
    tree = ast.parse(text)
    without_docstrings(tree)
    module = Module(name, package)
    for statement in tree.body:
        module.add(statement)
    return module


def decorators(module: Module) -> Iterator[tuple[Definition, ast.expr]]:
    """Yield every definition at the top of a module with each of its decorators."""
    for statements in module.statements.values():
        for statement in statements:
            if isinstance(statement, DEFINITIONS):
                yield from ((statement, one) for one in statement.decorator_list)
