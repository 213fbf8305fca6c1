"""Made-up packages, each with one way in which code reaches other code."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.source.closure import closure
from harness.source.code import Code

REGISTRY = "class Registry:\n    def __init__(self, setting): ...\n    def level(self, name, uses=()): ...\n"


def reached(folder: Path, files: Mapping[str, str], **chosen: list[str]) -> set[str]:
    """What `harness.main:run` reaches in a package of these files, itself left out, without the name of the package."""
    root = folder / "harness"
    for name, text in ({"__init__": "", "core/__init__": "", "core/registry": REGISTRY} | dict(files)).items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    units = closure(Code(root), ("harness.main:run",), chosen).units
    return {unit.removeprefix("harness.") for unit in units} - {"main:run"}


LIBRARY = "A = 1\nB = A\n\ndef f(): return B\n\ndef g(): ...\n"
WAYS = {
    "a call": ("from harness.lib import f\ndef run(): f()", {"lib:f", "lib:B", "lib:A"}),
    "another name": ("from harness.lib import g as h\ndef run(): h()", {"lib:g"}),
    "a relative import": ("from .lib import g\ndef run(): g()", {"lib:g"}),
    "an attribute of a module": ("from harness import lib\ndef run(): lib.g()", {"lib:g"}),
    "a dotted import": ("import harness.lib\ndef run(): harness.lib.g()", {"lib:g"}),
    "a module under another name": ("import harness.lib as l\ndef run(): l.g()", {"lib:g"}),
    "a default": ("from harness.lib import A\ndef run(x=A): ...", {"lib:A"}),
    "a decorator": ("from harness.lib import g\n@g\ndef run(): ...", {"lib:g"}),
    "an annotation": ("from harness.lib import g\ndef run(x: g): ...", {"lib:g"}),
    "an annotation in quotes": ("from harness.lib import g\ndef run(x: 'list[g]'): ...", {"lib:g"}),
    "an import for type checkers": ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from harness.lib import g\ndef run(x: 'g'): ...", {"lib:g"}),
    "an import in the function": ("def run():\n    from harness.lib import g", {"lib:g"}),
    "a base": ("from harness.lib import g\nclass Run(g): ...\ndef run(): Run", {"lib:g", "main:Run"}),
    "a constant": ("from harness.lib import f\nTABLE = {'f': f}\ndef run(): TABLE['f']()", {"main:TABLE", "lib:f", "lib:B", "lib:A"}),
    "a comprehension beside the name": ("from harness.lib import g\ndef run(): return [g for g in ()], g", {"lib:g"}),
    "a global": ("from harness.lib import A\nX = A\ndef run():\n    global X\n    X = 2", {"main:X", "lib:A"}),
    "a second binding": ("X = 1\nX += 2\ndef run(): X", {"main:X", "main:0"}),
    "either of two": ("try:\n    from harness.lib import g\nexcept ImportError:\n    g = None\ndef run(): g", {"main:g", "lib:g", "main:0"}),
    # Names of its own are none of the module's.
    "a parameter": ("from harness.lib import g\ndef run(g): g()", set()),
    "a local": ("from harness.lib import g\ndef run():\n    g = 1\n    return g", set()),
    "a loop": ("from harness.lib import g\ndef run():\n    for g in (): print(g)", set()),
    "a value of a type": ("from typing import Literal\ng = 1\ndef run(x: Literal['g']): ...", set()),
    "nothing": ("from harness.lib import f, g\ndef run(): ...", set()),
    # What can't be followed takes all.
    "a module handed about": ("from harness import lib\ndef run(): vars(lib)", {"lib:A", "lib:B", "lib:f", "lib:g"}),
    "a name from nowhere": ("def run(): appears()\ndef other(): ...", {"main:other"}),
    "all names of a module": ("from harness.lib import *\ndef run(): g()", {"lib:A", "lib:B", "lib:f", "lib:g"}),
    "a text that is code": ("def run(): eval('1')", {"lib:A", "lib:B", "lib:f", "lib:g", "other:A", "other:0", "core.registry:Registry"}),
    # What importing does.
    "an effect elsewhere": ("import torch\ntorch.set_num_threads(2)\ndef run(): ...", {"main:0"}),
    "an effect on what is reached": ("class T: ...\nT.x = 1\ndef run(): T", {"main:T", "main:0"}),
    "an effect on a list of another module": ("import harness.other\nfrom harness.lib import A\ndef run(): A", {"lib:A", "other:0"}),
    "an effect on what isn't": ("class T: ...\nT.x = 1\nT.add(2)\nfor x in (): T.add(x)\ndef run(): ...", set()),
    "a decorator that keeps": ("ALL = []\ndef keep(f): ALL.append(f)\n@keep\ndef one(): ...\ndef run(): ALL", {"main:ALL", "main:keep", "main:one"}),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_way(way: str, tmp_path: Path) -> None:
    text, expected = WAYS[way]
    assert reached(tmp_path, {"main": text, "lib": LIBRARY, "other": "from harness.lib import A\nA += 1"}) == expected


def test_what_a_package_passes_on(tmp_path: Path) -> None:
    files = {"sub/__init__": "from harness.sub.deep import f", "sub/deep": "def f(): ...", "main": "from harness.sub import f\ndef run(): f()"}  # fmt: skip
    assert reached(tmp_path, files) == {"sub.deep:f"}


def test_an_import_far_away_has_its_effect(tmp_path: Path) -> None:
    files = {"a": "import harness.b", "b": "import torch\ntorch.seed()", "main": "import harness.a\ndef run(): ..."}
    assert reached(tmp_path, files) == {"b:0"}


LEVELS = """\
from harness.core.registry import Registry
KIND = Registry("kind")
@KIND.level("one")
def one(): ...
@KIND.level("two", uses=("kind:one", "harness.main:special"))
def two(): ...
@KIND.level("three")
def three(): return one()
"""
MAIN = "from harness.levels import KIND\ndef special(): ...\ndef run(): KIND.build(1), special()"


def test_levels_are_reached_by_choice_by_call_and_by_declaration(tmp_path: Path) -> None:
    def of(*names: str, main: str = MAIN) -> set[str]:
        found = reached(tmp_path, {"main": main, "levels": LEVELS}, kind=list(names))
        return {one.partition(":")[2] for one in found} - {"Registry", "KIND"}

    assert of("one") == {"one"}
    assert of("three") == {"three", "one"}
    # What a level alone reaches is a part of no other run.
    assert of("two") == {"two", "one", "special"}
    assert of() == set()
    # Whoever looks through a registry may meet every level.
    assert of("one", main=MAIN.replace("KIND.build(1)", "KIND.names")) == {"one", "two", "three"}
    assert of("one", main=MAIN.replace("KIND.build(1)", "print(KIND)")) == {"one", "two", "three"}
    assert {one.partition(":")[2] for one in reached(tmp_path, {"main": MAIN, "levels": LEVELS})} >= {"one", "three"}


def test_swapped_imports_are_another_unit(tmp_path: Path) -> None:
    digests = set()
    for names in ("f as a, g as b", "g as a, f as b"):
        reached(tmp_path, {"lib": LIBRARY, "main": f"from harness.lib import {names}\ndef run(): return a() - b()"})
        digests.add(Code(tmp_path / "harness").unit("harness.main:run").digest)
    assert len(digests) == 2


def test_libraries_are_those_that_are_mentioned(tmp_path: Path) -> None:
    reached(
        tmp_path,
        {"main": "import json\nimport torch.nn as nn\nimport scipy\ndef run():\n    import numpy\n    nn, json"},
    )
    found = closure(Code(tmp_path / "harness"), ("harness.main:run",), {})
    assert found.libraries == {"torch", "numpy"}
