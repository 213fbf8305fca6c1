"""Nothing that can change a result is missing from a fingerprint, and nothing is in it that no run of its kind reaches."""

import ast
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml

from harness.core.errors import SettingError
from harness.core.spec import Choice, RunSpec, Settings
from harness.data.prepared import Prepared
from harness.factors import REGISTRIES
from harness.planning import fingerprint as module
from harness.planning.fingerprint import AVERAGE, HARNESS, RUN, code, fingerprint, identity
from harness.probes import PROBE
from harness.source.closure import closure
from harness.source.code import Code
from harness.source.syntax import dotted
from harness.training.search import execute
from harness.training.split import load_run_data
from tests.conftest import LEVELS, LIGHT_LEVELS, ROOT

Make = Callable[..., Settings]
PROBES = [("probe", name) for name in PROBE.names]
EVERY = {name: registry.names for name, registry in REGISTRIES.items()} | {"probe": PROBE.names}


def edited(module_name: str, old: str, new: str) -> Code:
    """The source with one text in place of another."""
    text = code().text(module_name)
    assert old in text, f"{module_name} has no {old!r}"
    return Code(HARNESS, {module_name: text.replace(old, new, 1)})


@contextmanager
def source(one: Code) -> Iterator[None]:
    """Take fingerprints of other source in the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "code", lambda: one)
        yield


def print_of(settings: Settings, probes: tuple[str, ...] = (), **changes: Any) -> str:
    known = {"data_digest": "d", "device": "cpu", "precision": "float32", "threads": 1, "seed": 0}
    return fingerprint(identity(settings, probes=probes, **known | changes))


def print_after(one: Code, settings: Settings, probes: tuple[str, ...] = ()) -> str:
    with source(one):
        return print_of(settings, probes)


# What a run executes, seen while it runs, is the judge of what its source says that it reaches.


@cache
def changed_statement(unit: str) -> Code:
    """The source with one statement of a definition changed: its last one, put under a condition that always holds."""
    name, _, what = unit.partition(":")
    tree = ast.parse(code().text(name))
    for node in tree.body:
        if getattr(node, "name", None) == what:
            body = node.body  # type: ignore[attr-defined]
            while isinstance(body[-1], ast.FunctionDef):
                body = body[-1].body
            body[-1] = ast.If(ast.Constant(1), [body[-1]], [])
    return Code(HARNESS, {name: ast.unparse(ast.fix_missing_locations(tree))})


def definitions_of(path: str) -> dict[int, str]:
    """The definition in which every line of a file stands, if it is a function or a class."""
    tree = ast.parse(Path(path).read_text())
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found |= dict.fromkeys(range(first, (node.end_lineno or 0) + 1), node.name)
    return found


@contextmanager
def executed() -> Iterator[set[str]]:
    """Collect the definitions of the bench whose code runs in the block."""
    seen: set[Any] = set()

    def watch(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    units: set[str] = set()
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield units
    finally:
        sys.setprofile(before)
    files = {str(path): name for name, path in code().files.items()}
    lines = {path: definitions_of(path) for path in {one.co_filename for one in seen} & set(files)}
    for one in seen:
        name = lines.get(one.co_filename, {}).get(one.co_firstlineno)
        if name and one.co_name != "<module>":
            units.add(f"{files[one.co_filename]}:{name}")


def chosen(settings: Settings, probes: tuple[str, ...]) -> Mapping[str, list[str]]:
    names = {name: [value.name] for name, value in vars(settings).items() if isinstance(value, Choice)}
    return names | {"probe": list(probes)}


@pytest.mark.parametrize(("setting", "level"), LIGHT_LEVELS + PROBES)
def test_a_run_executes_nothing_that_its_fingerprint_leaves_out(
    setting: str, level: str, spec: Callable[..., RunSpec], prepared: Prepared
) -> None:
    changes = {"epochs": 1, "batch_size": 40} | ({} if setting == "model" else {"dropout": 0.5})
    one = spec(**changes | ({} if setting == "probe" else {setting: level}))
    probes = (level,) if setting == "probe" else ()
    one = RunSpec(**vars(one) | {"probes": probes})
    with executed() as units:
        execute(one, load_run_data(Prepared.load(prepared.folder), "cpu"))
    reached = set(closure(code(), RUN, chosen(one.settings, probes)).units)
    assert len(units) > 40
    assert units <= reached

    before = print_of(one.settings, probes)
    luck = random.Random(f"{setting} {level}")
    assert print_after(changed_statement(luck.choice(sorted(units))), one.settings, probes) != before
    neighbours = [found.unit for found in code().levels.values() if found.unit not in reached]
    same = [unit for unit in neighbours if unit.partition(":")[0] in {one.partition(":")[0] for one in units}]
    assert same
    assert print_after(changed_statement(luck.choice(same)), one.settings, probes) == before


def test_a_changed_statement_changes_the_digest_of_every_definition() -> None:
    units = [one for one in closure(code(), RUN, EVERY).units if is_function(one)]
    assert len(units) > 200
    for unit in units:
        assert changed_statement(unit).unit(unit).digest != code().unit(unit).digest, unit


def is_function(unit: str) -> bool:
    found = code().module(unit.partition(":")[0])
    assert found is not None
    return any(isinstance(one, ast.FunctionDef | ast.ClassDef) for one in found.statements[unit.partition(":")[2]])


def test_every_use_that_a_level_declares_is_there() -> None:
    for (setting, level), found in code().levels.items():
        for use in found.uses:
            if code().is_definition(use):
                assert is_function(use), (setting, level, use)
            else:
                assert tuple(use.split(":")) in code().levels, (setting, level, use)


def test_every_level_that_code_names_is_declared() -> None:
    named = set()
    for unit in set(closure(code(), RUN, EVERY).units) - {"harness.core.spec:Settings", "harness.core.spec:Choice"}:
        name, _, what = unit.partition(":")
        found = code().module(name)
        assert found is not None
        for statement in found.statements.get(what, ()):
            for node in ast.walk(statement):
                match node:
                    case ast.Call(func=called, args=[ast.Constant(value=str(level)), *_]):
                        if dotted(called) in (("Choice",), ("Choice", "of")):
                            named.add(level)
    declared = {use.partition(":")[2] for level in code().levels.values() for use in level.uses}
    assert {"source", "l2", "relu", "none"} <= named <= declared


def test_an_undeclared_use_would_be_found(spec: Callable[..., RunSpec], prepared: Prepared) -> None:
    # Both that borrow declare it.
    text = code().text("harness.factors.transfer")
    assert text.count('uses=("transfer:source",)') == 2
    undeclared = Code(HARNESS, {"harness.factors.transfer": text.replace('uses=("transfer:source",)', "uses=()")})
    one = spec(epochs=1, transfer="fine_tuned")
    with executed() as units:
        execute(one, load_run_data(prepared, "cpu"))
    lacking = units - set(closure(undeclared, RUN, chosen(one.settings, ())).units)
    assert lacking == {"harness.factors.transfer:source"}


def test_every_level_that_is_registered_has_its_source() -> None:
    assert {name for name in code().levels if name[0] in REGISTRIES} == set(LEVELS)
    assert {name for name in code().levels if name[0] == "probe"} == set(PROBES)
    with pytest.raises(SettingError, match="the source of activation 'made_up' isn't found"):
        closure(code(), RUN, {"activation": ["made_up"]})


# Edits that once went unnoticed.

UNNOTICED = {
    "crop in flip_crop": ({"augmentation": "flip_crop"}, "factors.augmentation", "max(1, round(shift * width))", "1"),
    "flip in flip_crop": ({"augmentation": "flip_crop"}, "factors.augmentation", "generator, 0, 1) < 0.5", "generator, 0, 1) < 0.4"),
    "colour in all": ({"augmentation": "all"}, "factors.augmentation", "images = images * brightness", "images = images"),
    "noise in all": ({"augmentation": "all"}, "factors.augmentation", "images + std * draws", "images - std * draws"),
    "long_tailed": ({"sampling": "long_tailed_weighted"}, "factors.sampling", "imbalance ** (-rank", "imbalance ** (rank"),
    "source": ({"transfer": "fine_tuned"}, "factors.transfer", 'Task("first half")', 'Task("other half")'),
    "l2 in a search": ({"search": "random"}, "factors.penalty", "strength / 2 * weight", "strength * weight"),
    "registry": ({}, "core.registry", "(*positional, **choice.arguments)", "(*positional)"),
    "score": ({}, "core.spec", 'self.metrics.get("best_validation_accuracy") or 0.0', '1 - self.metrics["best_validation_loss"]'),
    "prepared": ({}, "data.prepared", 'f"{split}_images.npy"', '"train_images.npy"'),
    "seeding": ({}, "core.seeding", "digest[:8]", "digest[8:16]"),
    "preload": ({}, "engines.preload", "import torch._dynamo", "import torch\n\ntorch.set_default_dtype(torch.float64)\nimport torch._dynamo"),
    "import of a probe that isn't asked for": ({}, "probes.weights", "BINS = ", "torch.set_flush_denormal(True)\nBINS = "),
}  # fmt: skip


@pytest.mark.parametrize("case", UNNOTICED)
def test_an_edit_is_noticed(case: str, settings: Make) -> None:
    changes, name, old, new = UNNOTICED[case]
    one = settings(**changes)
    assert print_after(edited(f"harness.{name}", old, new), one) != print_of(one)


def test_what_a_probe_shares_is_its_own_too(settings: Make) -> None:
    relu = edited("harness.factors.activation", "return nn.ReLU()", "return nn.ReLU6()")
    timing = edited("harness.probes.timing", "rows[1:]", "rows[2:]")
    one = settings(activation="tanh")
    noticed = {
        probe: [print_after(c, one, (probe,)) != print_of(one, (probe,)) for c in (relu, timing)]
        for probe in ("timing", "batch_cost", "gap")
    }
    assert noticed == {"timing": [True, True], "batch_cost": [False, True], "gap": [False, False]}


def test_another_version_of_a_library_is_another_run(settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, search = settings(), settings(search="grid")
    known = {name: module.version(name) for name in ("torch", "numpy", "optuna")}
    assert identity(plain, 0, "d", "cpu", "float32", 1)["versions"] == {
        name: known[name] for name in ("numpy", "torch")
    }
    assert identity(search, 0, "d", "cpu", "float32", 1)["versions"] == known
    noticed = {}
    for library in known:
        before = print_of(plain), print_of(search)
        with monkeypatch.context() as patch:
            patch.setattr(module, "version", lambda name, other=library: "0" if name == other else known[name])
            noticed[library] = tuple(
                old != new for old, new in zip(before, (print_of(plain), print_of(search)), strict=True)
            )
    assert noticed == {"torch": (True, True), "numpy": (True, True), "optuna": (False, True)}


# What changes no result is left out.

IDLE = {
    "a docstring": ("factors.activation", '"""max(0, x) (', '"""Other words ('),
    "a comment": ("training.loop", "        # Sums stay", "        # All sums stay"),
    "spelling": ("training.history", "DIVERGED = 100.0", "DIVERGED = (\n    1e2\n)"),
    "another level": ("factors.activation", "return nn.Tanh()", "return nn.Hardtanh()"),
    "a new level": ("factors.activation", '@ACTIVATION.level("silu")', '@ACTIVATION.level("mish")\ndef mish() -> nn.Module:\n    return nn.Mish()\n\n\n@ACTIVATION.level("silu")'),
    "what only a search does": ("training.search", "max(1, round(spec.settings.epochs", "max(2, round(spec.settings.epochs"),
    "a new setting": ("core.spec", "    ensemble: int = 1\n", '    ensemble: int = 1\n    mixing: Choice = Choice("none")\n'),
    "how a study is read": ("planning.settings", '"dropout": (0, 0.99)', '"dropout": (0, 0.9)'),
    "what a level needs": ("factors.augmentation", "and the pictures are grey", "and these pictures are grey"),
    "a constant of a probe": ("probes.weights", "NEAR_ZERO = 1e-3", "NEAR_ZERO = 1e-4"),
}  # fmt: skip


@pytest.mark.parametrize("case", IDLE)
def test_an_idle_edit_trains_nothing_again(case: str, settings: Make) -> None:
    name, old, new = IDLE[case]
    assert print_after(edited(f"harness.{name}", old, new), settings()) == print_of(settings())


def test_what_captures_a_step_is_in_no_other_run(settings: Make) -> None:
    one, mended = settings(), edited("harness.training.captured", "if moved:", "if False:")
    assert print_after(mended, one) == print_of(one)
    with source(mended):
        changed = print_of(one, captured=True)
    assert changed != print_of(one, captured=True)
    assert "captured_step" not in identity(one, 0, "d", "cpu", "float32", 1)


def test_everything_else_that_can_change_a_number_is_in_it(settings: Make) -> None:
    prints = {print_of(settings())}
    for change in (
        {"settings": settings(learning_rate=0.04)},
        {"settings": settings(activation={"leaky_relu": {"slope": 0.2}})},
        # A run that was cut off doesn't tell what it would have reached.
        {"settings": settings(max_train_seconds=59)},
        {"seed": 1},
        {"data_digest": "e"},
        {"device": "cuda"},
        {"precision": "bfloat16"},
        {"threads": 2},
        {"probes": ("gap",)},
        {"probes": ("gap", "modes")},
        {"captured": True},
    ):
        prints.add(print_of(**{"settings": settings()} | change))
    assert len(prints) == 12
    assert print_of(settings(), ("modes", "gap")) in prints
    # It is read off the curves, which are recorded.
    assert print_of(settings(target_accuracy=0.9)) in prints


# To change or to remove one makes a new run of an old fingerprint; to add one is what defaults are for.
NEUTRAL = {
    "model": "convnet",
    "dropout": 0.0,
    "augmentation": "none",
    "data_amount": 1.0,
    "sampling": "balanced",
    "wrong_labels": 0.0,
    "transfer": "none",
    "label_smoothing": 0.0,
    "penalty": "none",
    "auxiliary": "none",
    "rate_scaling": "fixed",
    "patience": 0,
    "search": "none",
    "ensemble": 1,
}


def test_settings_at_rest_are_left_out_and_stay_what_they_are(settings: Make) -> None:
    assert NEUTRAL.items() <= {one.name: at_rest(one.default) for one in fields(Settings)}.items()
    made = settings()
    assert not NEUTRAL.keys() & made.effective().keys()
    assert made.effective().items() <= made.to_json().items()
    assert Settings.from_json(made.effective()) == made
    assert settings(dropout=0.5).effective()["dropout"] == 0.5


def at_rest(value: Any) -> Any:
    return value.to_json() if isinstance(value, Choice) else None if value is MISSING else value


# What the command of a stage imports; of the command line itself nothing enters a result. `track` always runs.
COMMANDS = {
    "prepare": ["harness.data.prepare", "harness.source.plugins"],
    "train": ["harness.engines.local", "harness.engines.preload", "harness.campaign.ensemble", "harness.planning.plan", "harness.planning.studies"],
    "preflight": ["harness.procedures.preflight", "harness.planning.plan", "harness.planning.studies"],
    "procedures": ["harness.procedures.surfaces", "harness.procedures.pictures", "harness.core.config", "harness.source.plugins"],
    "report": ["harness.report.render"],
}  # fmt: skip


# What a command reads as text: the papers that levels cite.
READ = {"report": "harness.factors."}


@pytest.mark.parametrize("stage", COMMANDS)
def test_dvc_runs_a_stage_again_whenever_its_code_may_have_changed(stage: str) -> None:
    deps = [ROOT / one for one in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]["deps"]]
    files = {code().files[name] for name in code().imports(COMMANDS[stage])} - {HARNESS / "__init__.py"}
    files |= {path for name, path in code().files.items() if stage in READ and name.startswith(READ[stage])}
    assert [path for path in files if not any(one in (path, *path.parents) for one in deps)] == []
    unused = [one for one in deps if HARNESS in one.parents and not any(one in (path, *path.parents) for path in files)]
    assert unused == []


def test_dvc_trains_again_whenever_a_fingerprint_may_change() -> None:
    deps = [ROOT / one for one in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["train"]["deps"]]
    files = {code().files[unit.partition(":")[0]] for unit in closure(code(), (*RUN, *AVERAGE), EVERY).units}
    assert len(files) > 30
    assert [path for path in files if not any(one in (path, *path.parents) for one in deps)] == []
    assert ROOT / "requirements.lock" in deps, "other versions of libraries come with it"
