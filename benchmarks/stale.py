"""Looks for stale results: edits the code at random, and trains again whatever kept its fingerprint.

    python benchmarks/stale.py --edits 300

Each edit changes one statement of a definition that some run reaches. The control, a few levels and probes of the
edited file and one run from anywhere are looked at: those whose fingerprint it leaves alone are trained with it. A
result that differs from that of the code as it is, in any bit, would be stale.
"""

import argparse
import ast
import compileall
import copy
import hashlib
import itertools
import json
import py_compile
import random
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness.core.config import load_params  # noqa: E402
from harness.core.spec import Settings  # noqa: E402
from harness.data.prepare import prepare  # noqa: E402
from harness.data.progress import silent  # noqa: E402
from harness.factors import REGISTRIES  # noqa: E402
from harness.planning import fingerprint as fingerprints  # noqa: E402
from harness.planning.fingerprint import HARNESS, RUN, code, fingerprint, identity  # noqa: E402
from harness.planning.settings import check_changes, check_recipe, resolve  # noqa: E402
from harness.probes import PROBE  # noqa: E402
from harness.quantities import clocked  # noqa: E402
from harness.source.closure import closure  # noqa: E402
from harness.source.code import Code  # noqa: E402
from harness.source.syntax import canonical  # noqa: E402

DATA = {"source": "synthetic", "image_size": 16, "train_images": 80, "validation_images": 40, "test_images": 40}
TINY = {"width": 4, "epochs": 1, "evaluate_every": 1, "batch_size": 40, "learning_rate": 0.05, "dropout": 0.5}
TINY |= {"augmentation": "none", "max_train_seconds": 60}
NEIGHBOURS, SECONDS = 2, 300
UNUSABLE = "can't be imported"
DIGEST = re.compile("[0-9a-f]{64}")
SWAPPED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult}
SWAPPED |= {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
SWAPPED |= {ast.And: ast.Or, ast.Or: ast.And}


@dataclass(frozen=True)
class Kind:
    """A run as one level, or one probe, makes it."""

    name: str
    settings: Settings
    probes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A module's text with one statement of a definition changed."""

    unit: str
    text: str
    words: str

    @property
    def module(self) -> str:
        """The module that is edited."""
        return self.unit.partition(":")[0]


def kinds(images: int) -> dict[str, Kind]:
    """Return the control and a run for every level and every probe."""
    params = load_params(ROOT / "params.yaml").recipe
    recipe = check_recipe(params | TINY, "params.yaml")

    def made(**changes: Any) -> Settings:
        return resolve(recipe, dict(check_changes(changes, "stale")), images)

    found = [Kind("control", made())]
    found += [Kind(f"{s} {name}", made(**{s: name})) for s, one in REGISTRIES.items() for name in one.names]
    found += [Kind(f"probe {name}", made(), (name,)) for name in PROBE.names]
    return {one.name: one for one in found}


def print_of(kind: Kind, source: Code) -> str:
    """Return the fingerprint that a run would have with this source."""
    with mock.patch.object(fingerprints, "code", lambda: source):
        return fingerprint(identity(kind.settings, 0, "d", "cpu", "float32", 1, kind.probes))


# Edits.


@lru_cache(maxsize=1)
def with_edits(*edits: "Edit") -> Code:
    """Return the source with edits of different files."""
    return Code(HARNESS, {edit.module: edit.text for edit in edits})


def edits(luck: random.Random) -> Iterator[Edit]:
    """Yield edits without end: of a definition drawn from all that any run reaches, so that small ones count too."""
    every = {name: registry.names for name, registry in REGISTRIES.items()} | {"probe": PROBE.names}
    units = sorted(one for one in closure(code(), RUN, every).units if not one.rpartition(":")[2].isdigit())
    while True:
        unit = luck.choice(units)
        name, _, what = unit.partition(":")
        tree = ast.parse(code().text(name))
        tops = [one for one in tree.body if what in bound(one)]
        inner = [node for top in tops for node in ast.walk(top) if isinstance(node, ast.stmt)]
        statement = luck.choice(inner)
        before = canonical(tree), ast.unparse(statement).splitlines()[0]
        if not change(statement, luck):
            continue
        ast.fix_missing_locations(tree)
        if canonical(tree) != before[0]:
            after = ast.unparse(statement).splitlines()[0]
            yield Edit(unit, ast.unparse(tree), f"{before[1]}  ->  {after}")


def bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {node.id for one in targets if one for node in ast.walk(one) if isinstance(node, ast.Name)}


def change(statement: ast.stmt, luck: random.Random) -> bool:
    """Change one thing about a statement in place; say whether there was one."""
    own = list(own_nodes(statement))
    places = [node for node in own if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool)]
    places += [node for node in own if isinstance(node, ast.BinOp | ast.BoolOp) and type(node.op) in SWAPPED]
    places += [node for node in own if isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED]
    places += [node for node in own if isinstance(node, ast.Call) and len(node.args) > 1]
    places += [node for node in own if isinstance(node, ast.If | ast.IfExp)]
    places += [node for node in own if isinstance(node, ast.Return) and node.value]
    if not places:
        return False
    match luck.choice(places):
        case ast.Constant() as node:
            node.value = not node.value if isinstance(node.value, bool) else node.value * 2 + 1
        case ast.BinOp() | ast.BoolOp() as node:
            node.op = SWAPPED[type(node.op)]()
        case ast.Compare() as node:
            node.ops[0] = SWAPPED[type(node.ops[0])]()
        case ast.Call() as node:
            node.args[0], node.args[1] = node.args[1], node.args[0]
        case ast.If() | ast.IfExp() as node:
            node.test = ast.UnaryOp(ast.Not(), copy.deepcopy(node.test))
        case ast.Return() as node:
            node.value = ast.Constant(None)
    return True


def own_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes of a statement, without those of statements inside it."""
    yield statement
    todo = list(ast.iter_child_nodes(statement))
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.stmt):
            yield node
            todo += ast.iter_child_nodes(node)


# Runs of edited code, each in a process of its own.


def results(folder: Path, prepared: Path, wanted: Sequence[Kind]) -> dict[str, str]:
    """Return the digest of the result of every run with the code in `folder`; what went wrong, where something did."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["torch._dynamo"])
    near, far = context.Pipe()
    tasks = [(one.name, one.settings.to_json(), one.probes) for one in wanted]
    process = context.Process(target=work, args=(far, folder, prepared, tasks), daemon=True)
    process.start()
    far.close()
    try:
        return near.recv() if near.poll(SECONDS) else dict.fromkeys((one.name for one in wanted), "it never ends")
    except EOFError:
        return dict.fromkeys((one.name for one in wanted), "its process died")
    finally:
        process.kill()
        process.join()


def work(
    far: Connection, folder: Path, prepared: Path, tasks: list[tuple[str, dict[str, Any], tuple[str, ...]]]
) -> None:
    """Train runs with the code in `folder`."""
    for name in [one for one in sys.modules if one.partition(".")[0] == "harness"]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    # A cache of an edit would pass for the next one, made in the same second.
    sys.dont_write_bytecode = True
    found = {}
    try:
        import harness.probes  # noqa: F401, what may watch a run registers itself
        from harness.core.spec import RunSpec, Settings
        from harness.data.prepared import Prepared
        from harness.training.search import execute
        from harness.training.split import load_run_data
    except BaseException:
        far.send({name: UNUSABLE for name, _, _ in tasks})
        return
    for name, settings, probes in tasks:
        try:
            data = load_run_data(Prepared.load(prepared), "cpu")
            spec = RunSpec(Settings.from_json(settings), 0, "d", "cpu", "float32", 1, "f", probes)
            found[name] = numbers(execute(spec, data))
        except BaseException as problem:
            found[name] = f"{type(problem).__name__}: {problem}"
    far.send(found)


def numbers(result: Any) -> str:
    """Return the digest of everything in a result but the time that it took."""
    metrics = {name: value for name, value in result.metrics.items() if not clocked(name)}
    curves = {name: values for name, values in result.curves.items() if not clocked(name)}
    arrays = {name: array.tobytes().hex() for name, array in result.arrays.items() if not name.endswith("/seconds")}
    said = [result.status, metrics, curves, result.per_class_accuracy, arrays]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


# The search.


@dataclass
class Search:
    """Edits of many files at once: a run that none of them should reach would show the effect of any."""

    every: dict[str, Kind]
    prepared: Path
    edited: Path
    luck: random.Random
    expected: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def candidates(self, edit: Edit) -> list[Kind]:
        """Return the control, a few levels and probes of the edited file, and one run from anywhere."""
        name = edit.module.rpartition(".")[2]
        near = [one for one in self.every.values() if one.name.split()[0] == name or one.name == f"probe {name}"]
        chosen = [self.every["control"], *self.luck.sample(near, min(NEIGHBOURS, len(near)))]
        return [*chosen, self.luck.choice(list(self.every.values()))]

    def judge(self, edits: Sequence[Edit]) -> None:
        """Train the candidates whose fingerprint all of these edits, in different files, leave alone."""
        source = with_edits(*edits)
        wanted = {one.name: one for edit in edits for one in self.candidates(edit)}
        kept = [one for one in wanted.values() if print_of(one, source) == print_of(one, code())]
        self.counts["fingerprints changed"] += len(wanted) - len(kept)
        if lacking := [one for one in kept if one.name not in self.expected]:
            self.expected |= results(self.edited, self.prepared, lacking)
            failed = {name: said for name, said in self.expected.items() if not DIGEST.fullmatch(said)}
            assert not failed, f"without any edit: {failed}"
        if not kept:
            return
        for edit in edits:
            self.path(edit).write_text(edit.text)
        found = results(self.edited, self.prepared, kept)
        for edit in edits:
            shutil.copy(code().files[edit.module], self.path(edit))
        if UNUSABLE in found.values():
            # It gives no result, so none that is stale; the others are judged without it.
            self.counts["edits that no import survives"] += len(edits) == 1
            for edit in edits if len(edits) > 1 else ():
                self.judge([edit])
            return
        self.counts["fingerprints kept, and the run trained"] += len(kept)
        for name in (one.name for one in kept if found[one.name] != self.expected[one.name]):
            self.counts["stale"] += 1
            words = "\n  ".join(f"{edit.unit}: {edit.words}" for edit in edits)
            print(f"stale: {name}: {found[name]}, after\n  {words}", flush=True)

    def path(self, edit: Edit) -> Path:
        """Return the file to edit."""
        return self.edited / code().files[edit.module].relative_to(HARNESS.parent)


def search(count: int, seed: int, folder: Path) -> Counter[str]:
    """Return how many edits there were, what became of fingerprints, and how many results are stale."""
    params = load_params(ROOT / "params.yaml").data.model_copy(update=DATA)
    prepare(params, folder / "prepared", silent)
    edited = folder / "edited"
    shutil.copytree(HARNESS, edited / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    # Compiled once; by its digest, the text of an edit is told from what was compiled.
    compileall.compile_dir(edited, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
    luck = random.Random(seed)
    looking = Search(kinds(int(DATA["train_images"])), folder / "prepared", edited, luck)
    control = looking.every["control"]
    batches: list[dict[str, Edit]] = []
    for edit in itertools.islice(edits(luck), count):
        looking.counts["edits"] += 1
        if print_of(control, with_edits(edit)) != print_of(control, code()):
            looking.counts["edits that change the control's"] += 1
            looking.judge([edit])
            continue
        free = next((one for one in batches if edit.module not in one), None)
        if free is None:
            batches.append(free := {})
        free[edit.module] = edit
    for number, batch in enumerate(batches, 1):
        looking.judge(list(batch.values()))
        print(f"{number} of {len(batches)} batches: {dict(looking.counts)}", flush=True)
    return looking.counts


def main() -> None:
    """Search, and exit with 1 if anything is stale."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = search(options.edits, options.seed, Path(folder))
    print(", ".join(f"{name}: {counts[name]}" for name in dict.fromkeys([*counts, "stale"])))
    sys.exit(1 if counts["stale"] else 0)


if __name__ == "__main__":
    main()
