"""What a run is, as one digest: settings, seed, data, device, and the code that can change a number."""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.spec import Choice, Settings

HARNESS = Path(__file__).parent
# Registered levels that a run does not use are left out, so that a new one retrains nothing.
NUMERIC_CODE = ("seeding.py", "factors/*.py", "training/*.py")
# What every probe builds on; a run without probes does without it.
PROBE_CODE = ("probes/observer.py", "probes/looking.py")
AVERAGING_CODE = "ensemble.py"


def fingerprint(
    settings: Settings,
    seed: int,
    data_digest: str,
    device: str,
    precision: str,
    threads: int,
    probes: Iterable[str] = (),
) -> str:
    """Return 16 hexadecimal digits that differ wherever a result might."""
    chosen = {(name, v.name) for name, v in vars(settings).items() if isinstance(v, Choice)}
    identity = {
        "settings": settings.to_json(),
        "seed": seed,
        "data": data_digest,
        "device": device,
        "precision": precision,
        "threads": threads,
        "code": code_digest(frozenset(chosen), probe_code(probes)),
    }
    return digest(json.dumps(identity, sort_keys=True))


def fingerprint_of_ensemble(members: Iterable[str]) -> str:
    """Return 16 hexadecimal digits that differ wherever the average of these runs, by fingerprint, might."""
    code = [dump for _, dump in statements(HARNESS / AVERAGING_CODE)]
    return digest(json.dumps({"members": list(members), "code": digest("\n".join(code))}))


def probe_code(probes: Iterable[str]) -> tuple[str, ...]:
    """Return the files behind the named probes, whatever their order."""
    files = tuple(f"probes/{name}.py" for name in sorted(set(probes)))
    return files and (*PROBE_CODE, *files)


def digest(text: str) -> str:
    """Return 16 hexadecimal digits of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@lru_cache(maxsize=4096)
def code_digest(chosen: frozenset[tuple[str, str]], more: tuple[str, ...] = ()) -> str:
    """Return the digest of the numeric code, of registered levels only those in `chosen`."""
    patterns = (*NUMERIC_CODE, *more)
    files = sorted(path for pattern in patterns for path in HARNESS.glob(pattern) if not path.name.startswith("."))
    kept = [
        dump
        for path in files
        for level, dump in statements(path)
        if level is None or level in chosen or not is_setting(level)
    ]
    return digest("\n".join(kept))


def is_setting(level: tuple[str, str]) -> bool:
    """Say whether the registry of a level belongs to a setting of a run."""
    return level[0] in Settings.__dataclass_fields__


@lru_cache
def statements(path: Path) -> list[tuple[tuple[str, str] | None, str]]:
    """Return every top-level statement of a file as (registry setting, level) or None, and its syntax tree.

    The tree has no comments, and docstrings are taken out, so rewording either changes nothing.
    """
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    registries = {
        node.target.id: first_argument(node.value)
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Call)
    }
    return [(registered_level(node, registries), ast.dump(node)) for node in tree.body]


def registered_level(node: ast.stmt, registries: dict[str, Any]) -> tuple[str, str] | None:
    """Return (setting, level) of a function decorated with `@REGISTRY.level("name")`."""
    for decorator in getattr(node, "decorator_list", []):
        match decorator:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="level")) if name in registries:
                return registries[name], first_argument(decorator)
    return None


def first_argument(call: ast.Call) -> Any:
    """Return the first argument of a call if it is a literal."""
    return call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
