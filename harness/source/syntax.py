"""Syntax trees of Python: what a statement says, whatever its spelling, and the names that it takes from its module."""

import ast
from collections.abc import Iterable, Iterator
from typing import Any

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# Where a node stands, and what follows from where it stands or changes nothing that runs.
SPELLING = {"ctx", "kind", "type_comment", "type_ignores"}
# A dotted name, and whether it must be that of something: text in an annotation may be no name at all.
Mention = tuple[tuple[str, ...], bool]


def canonical(node: Any) -> str:
    """Return a text that differs for trees that differ, without places, comments and empty fields.

    Not `ast.dump` or `ast.unparse`, whose texts differ from one Python version to the next.
    """
    if isinstance(node, ast.JoinedStr):
        # Python 3.12 ends some of them by an empty text.
        return f"JoinedStr({','.join(canonical(one) for one in node.values if getattr(one, 'value', None) != '')})"
    if isinstance(node, ast.AST):
        fields = [(name, getattr(node, name, None)) for name in sorted(node._fields) if name not in SPELLING]
        said = ",".join(f"{name}={canonical(value)}" for name, value in fields if value not in (None, []))
        # The constant None says something by being there.
        return f"{type(node).__name__}({said or ('None' if isinstance(node, ast.Constant) else '')})"
    if isinstance(node, list):
        return f"[{','.join(canonical(one) for one in node)}]"
    # Whether a letter is printable depends on the version of Unicode.
    return ascii(node)


def without_docstrings(tree: ast.AST) -> None:
    """Take the docstrings out of a tree, in place."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]


def without_fields(node: ast.ClassDef) -> ast.ClassDef:
    """Return a class without its annotated fields."""
    body = [one for one in node.body if not isinstance(one, ast.AnnAssign)]
    return ast.ClassDef(node.name, node.bases, node.keywords, body, node.decorator_list)


def is_type_checking(statement: ast.stmt) -> bool:
    """Say whether a statement is a block for type checkers alone."""
    return isinstance(statement, ast.If) and dotted(statement.test)[-1:] == ("TYPE_CHECKING",)


def dotted(node: ast.AST) -> tuple[str, ...]:
    """Return a name with its attributes, `a.b.c`, as a tuple; empty for any other expression."""
    if isinstance(node, ast.Name):
        return (node.id,)
    before = dotted(node.value) if isinstance(node, ast.Attribute) else ()
    return (*before, node.attr) if before and isinstance(node, ast.Attribute) else ()


def receivers(statement: ast.AST) -> list[tuple[str, ...]] | None:
    """Return the objects that a statement changes by calls of their methods or by assignment; None if others may be."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=base))):
            found = [dotted(base)]
        case ast.Assign(targets=targets):
            found = [dotted(one.value) if isinstance(one, ast.Attribute | ast.Subscript) else () for one in targets]
        case ast.AugAssign(target=target):
            found = [dotted(target if isinstance(target, ast.Name) else target.value)]
        case ast.For(body=body, orelse=[]):
            inner = [receivers(one) for one in body]
            return None if None in inner else [one for each in inner for one in each or ()]
        case _:
            return None
    return found if all(found) else None


def imports_of(statement: ast.stmt, package: str) -> tuple[dict[str, str], set[str]]:
    """Return what an import in a module of `package` binds, name -> dotted name, and what it may execute."""
    if isinstance(statement, ast.Import):
        # `import a.b` binds a.
        bound = {
            one.asname or one.name.partition(".")[0]: one.name if one.asname else one.name.partition(".")[0]
            for one in statement.names
        }
        return bound, {one.name for one in statement.names}
    assert isinstance(statement, ast.ImportFrom)
    parents = package.split(".")
    above = parents[: len(parents) - statement.level + 1] if statement.level else []
    source = ".".join([*above, *([statement.module] if statement.module else [])])
    bound = {one.asname or one.name: f"{source}.{one.name}" for one in statement.names}
    return bound, {source, *bound.values()}


def mentions(node: ast.AST, bound: frozenset[str] = frozenset()) -> Iterator[Mention]:
    """Yield every dotted name that a node takes from outside, `bound` being names of its own."""
    match node:
        case ast.Name(ctx=ast.Load()) | ast.Attribute():
            chain = dotted(node)
            if chain and chain[0] not in bound:
                yield chain, True
            elif not chain and isinstance(node, ast.Attribute):
                yield from mentions(node.value, bound)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            yield from of_function(node, bound)
        case ast.ClassDef(body=body):
            for one in (*node.bases, *node.keywords, *node.decorator_list):
                yield from mentions(one, bound)
            own = set(stored(body))
            for one in body:
                # A name that the class has bound before may be that, or one of the module.
                yield from ((chain, sure and chain[0] not in own) for chain, sure in mentions(one, bound))
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            inner = bound | set(stored([one.target for one in node.generators]))
            yield from mentions(node.generators[0].iter, bound)
            rest = [part for part in ast.iter_child_nodes(node) if not isinstance(part, ast.comprehension)]
            rest += [part for one in node.generators for part in one.ifs]
            rest += [one.iter for one in node.generators[1:]]
            for part in rest:
                yield from mentions(part, inner)
        case ast.Global(names=names):
            yield from (((name,), True) for name in names)
        case ast.AnnAssign():
            yield from annotation(node.annotation, bound)
            yield from mentions(node.target, bound)
            yield from mentions(node.value, bound) if node.value else ()
        case _:
            for child in ast.iter_child_nodes(node):
                yield from mentions(child, bound)


def of_function(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, bound: frozenset[str]) -> Iterator[Mention]:
    """Yield what a function takes from outside."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one]
    body = [node.body] if isinstance(node, ast.Lambda) else node.body
    for default in (*arguments.defaults, *arguments.kw_defaults, *getattr(node, "decorator_list", ())):
        yield from mentions(default, bound) if default else ()
    for note in (*(one.annotation for one in every), getattr(node, "returns", None)):
        yield from annotation(note, bound) if note else ()
    outer = {name for one in body for part in ast.walk(one) if isinstance(part, ast.Global) for name in part.names}
    inner = (bound | {one.arg for one in every} | set(stored(body))) - outer
    for one in body:
        yield from mentions(one, inner)


def annotation(node: ast.AST, bound: frozenset[str]) -> Iterator[Mention]:
    """Yield the names of an annotation, those in quotes too."""
    yield from mentions(node, bound)
    values = {id(part) for one in ast.walk(node) if is_literal(one) for part in ast.walk(one)}
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and id(part) not in values:
            try:
                quoted = ast.parse(part.value, mode="eval")
            except SyntaxError:
                continue
            yield from ((chain, False) for chain, _ in mentions(quoted, bound))


def is_literal(node: ast.AST) -> bool:
    """Say whether a node is `Literal[...]`, whose texts are values."""
    return isinstance(node, ast.Subscript) and dotted(node.value)[-1:] == ("Literal",)


def stored(nodes: Iterable[ast.AST], walrus_only: bool = False) -> Iterator[str]:
    """Yield the names that nodes bind in the scope they stand in."""
    for node in nodes:
        if isinstance(node, DEFINITIONS):
            yield node.name
            continue
        inner = walrus_only or isinstance(node, COMPREHENSIONS)
        if isinstance(node, ast.NamedExpr):
            yield from stored([node.target])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and not walrus_only:
            yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports_of(node, "")[0]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest
        if not isinstance(node, ast.Lambda):
            yield from stored(ast.iter_child_nodes(node), inner)
