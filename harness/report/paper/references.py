"""BibTeX of what a study cites: the papers in the docstrings of its levels, and those of the statistics."""

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import harness
from harness.analysis.summary import StudySummary

FACTORS = Path(harness.__file__).with_name("factors")
ENTRIES = Path(__file__).with_name("references.bib")
STATISTICS = ("smyth2004", "holm1979", "hsu1984")
# `He et al., 2015`, `Kingma and Ba, 2014`, `Nesterov, 1983`, the year in brackets or not.
CITATION = re.compile(r"\b([A-Z][A-Za-z]+)(?: and [A-Z][A-Za-z]+| et al\.)?,? \(?((?:19|20)\d\d)\b")


@cache
def entries() -> dict[str, str]:
    """Return the BibTeX entries by their keys."""
    blocks = re.split(r"\n(?=@)", ENTRIES.read_text(encoding="utf-8").strip())
    return {re.match(r"@\w+\{([^,]+),", block)[1]: block.strip() for block in blocks}  # type: ignore[index]


def keys_in(text: str) -> list[str]:
    """Return the keys of the works that a text cites: the first author's surname and the year."""
    return [f"{author.lower()}{year}" for author, year in CITATION.findall(text)]


@cache
def cited_by_levels() -> dict[tuple[str, str], list[str]]:
    """Return {(setting, level): keys}, read from the source of the factors, which importing would load torch for.

    A level cites what its docstring does, and those of the functions and classes of its file that it uses.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for path in sorted(FACTORS.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        settings = dict(registries(tree))
        defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        cited = {name: keys_in(ast.get_docstring(node) or "") for name, node in defined.items()}
        for name, node in defined.items():
            used = [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and one.id in cited]
            if keys := sorted({key for one in (name, *used) for key in cited[one]}):
                found |= {
                    (settings.get(registry, registry.lower()), level): keys for registry, level in levels_of(node)
                }
    return found


def registries(tree: ast.Module) -> Iterable[tuple[str, str]]:
    """Yield (name, setting) of every registry that a module makes: `ACTIVATION = Registry("activation")`."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call) and node.value.args:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            first = node.value.args[0]
            if isinstance(target, ast.Name) and isinstance(first, ast.Constant):
                yield target.id, str(first.value)


def levels_of(node: ast.FunctionDef | ast.ClassDef) -> Iterable[tuple[str, str]]:
    """Yield (registry, level) of every `@REGISTRY.level("name")` above a function."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute) and decorator.args:
            owner, first = decorator.func.value, decorator.args[0]
            if decorator.func.attr == "level" and isinstance(owner, ast.Name) and isinstance(first, ast.Constant):
                yield owner.id, str(first.value)


def keys_of(summary: StudySummary) -> list[str]:
    """Return what a study cites, through the levels of the settings that it varies and its statistics, sorted."""
    cited = cited_by_levels()
    used = {
        (name, name_of(arm["settings"].get(name))) for arm in summary.tables.plan["arms"] for name in summary.varied
    }
    keys = {key for level in used for key in cited.get(level, [])}
    return sorted(key for key in keys | set(STATISTICS) if key in entries())


def name_of(setting: Any) -> str:
    """Return the name of a level, which stands alone or before its arguments."""
    return str(next(iter(setting)) if isinstance(setting, dict) and setting else setting)


def bibtex(keys: Iterable[str]) -> str:
    """Return the entries of these keys."""
    return "\n\n".join(entries()[key] for key in keys) + "\n"
