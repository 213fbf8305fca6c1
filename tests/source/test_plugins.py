"""Files from outside register what the bench's own files do, and what a run reaches of them is in its fingerprint."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import bench
from harness.campaign.check import checks
from harness.core.config import load_params
from harness.core.errors import SettingError
from harness.core.spec import Settings
from harness.data.sources import SOURCE
from harness.engines.events import Finished
from harness.engines.local import LocalEngine
from harness.factors import REGISTRIES
from harness.factors.activation import ACTIVATION
from harness.planning.fingerprint import code, fingerprint, identity
from harness.planning.target import Target
from harness.probes import PROBE
from harness.quantities import QUANTITIES, quantity
from harness.source import plugins
from tests.conftest import ROOT

MINE = """\
from math import tau

from torch import nn

from harness.factors.activation import ACTIVATION
from my_helper import SLOPE
from harness.quantities import QUANTITIES, Quantity
from harness.data.sources import SOURCE
from harness.training.observer import PROBE, Findings, Observer

QUANTITIES.add("rate_at_end", Quantity("learning rate at the end", "/s", by="probe:rates"))


@ACTIVATION.level("gentle")
def gentle() -> nn.Module:
    return nn.LeakyReLU(SLOPE)


@ACTIVATION.level("steep")
def steep() -> nn.Module:
    return nn.LeakyReLU(tau)


@PROBE.level("rates")
class Rates(Observer):
    def after_training(self, recipe):
        self.rate = recipe.learning_rate

    def result(self):
        return Findings({"rate_at_end": self.rate})


@SOURCE.level("noise")
def noise(params): ...
"""
HELPER = "SLOPE = 0.3\nOTHER = 1\n"


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Write files, by name, and load them; all that they have done is undone after the test."""
    registries = [*REGISTRIES.values(), PROBE, SOURCE]
    for registry in registries:
        monkeypatch.setattr(registry, "_levels", dict(registry._levels))
    monkeypatch.setattr(QUANTITIES, "_known", dict(QUANTITIES))
    monkeypatch.setattr(plugins, "LOADED", {})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    before = set(sys.modules)

    def write_and_load(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        plugins.load([f"{name}.py" for name in files], tmp_path)

    yield write_and_load
    for name in set(sys.modules) - before:
        if name in ("mine", "my_helper", "checked"):
            del sys.modules[name]


def print_of(settings: Settings, probes: tuple[str, ...] = ()) -> str:
    return fingerprint(identity(settings, 0, "d", "cpu", "float32", 1, probes))


def test_a_file_registers_what_the_bench_does(load: Callable[..., None]) -> None:
    load(mine=MINE, my_helper=HELPER)
    assert ACTIVATION.get("gentle")().negative_slope == 0.3
    assert "rates" in PROBE.names and "noise" in SOURCE.names
    assert quantity("rate_at_end").label == "learning rate at the end"


def test_a_worker_knows_it_too(
    load: Callable[..., None], settings: Callable[..., Settings], target: Target, prepared: object
) -> None:
    load(mine=MINE, my_helper=HELPER)
    spec = target.spec(settings(activation="gentle", schedule="constant"), 0, ("rates",))
    with LocalEngine(prepared.folder, 1) as engine:  # type: ignore[attr-defined]
        *_, last = engine.execute([spec])
    assert isinstance(last, Finished)
    assert last.result.metrics["rate_at_end"] == 0.05


CHANGES = {
    "the level": ("mine", "nn.LeakyReLU(SLOPE)", "nn.LeakyReLU(SLOPE + 1)", {"gentle", "rates with gentle"}),
    "a neighbour": ("mine", "nn.LeakyReLU(tau)", "nn.ReLU()", set()),
    "what it calls": ("my_helper", "SLOPE = 0.3", "SLOPE = 0.2", {"gentle", "rates with gentle"}),
    "what it doesn't call": ("my_helper", "OTHER = 1", "OTHER = 2", set()),
    "the probe": ("mine", '"rate_at_end": self.rate', '"rate_at_end": 1.0', {"rates with gentle"}),
    "how it is shown": ("mine", "learning rate at the end", "the last rate", set()),
    "a comment": ("mine", "from math", "# Of circles.\nfrom math", set()),
    "what is done on import": ("mine", "from math", "import torch\ntorch.set_num_threads(2)\nfrom math", {"relu", "gentle", "rates with gentle"}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_a_run_reaches_of_it_is_in_the_fingerprint(
    change: str, load: Callable[..., None], settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(mine=MINE, my_helper=HELPER)
    name, old, new, expected = CHANGES[change]

    def prints() -> dict[str, str]:
        gentle = settings(activation="gentle")
        return {
            "relu": print_of(settings()),
            "gentle": print_of(gentle),
            "rates with gentle": print_of(gentle, ("rates",)),
        }

    before = prints()
    source = code()
    assert old in source.text(name)
    edited = type(source)(source.folder, {name: source.text(name).replace(old, new, 1)}, source.packages)
    monkeypatch.setattr("harness.planning.fingerprint.code", lambda: edited)
    assert {one for one, said in prints().items() if said != before[one]} == expected


def test_a_file_that_no_run_reaches_changes_no_fingerprint(
    load: Callable[..., None], settings: Callable[..., Settings]
) -> None:
    before = print_of(settings())
    load(mine=MINE, my_helper=HELPER)
    assert print_of(settings()) == before


REFUSED = {
    "../mine.py": "outside of the project; copy it here",
    "/mine.py": "outside of the project; copy it here",
    "link.py": "outside of the project; copy it here",
    "absent.py": "there is no file absent.py",
    "mine.txt": "can't be imported; give it a name such as my_levels.py",
    "json.py": "json is the name of an installed module too; rename json.py",
    "broken.py": "broken.py:2: invalid syntax",
    "failing.py": "failing.py:3: ZeroDivisionError: division by zero",
    "twice.py": "twice.py:2: ValueError: activation has a level 'relu' already",
    "importing.py": "importing.py:2 imports my_helper, whose changes nobody would notice: it is no installed package; add it to plugins in params.yaml",
}


@pytest.mark.parametrize("file", REFUSED)
def test_what_cannot_be_a_plugin_is_refused_in_one_line(
    file: str, load: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "mine.txt": "",
        "json.py": "",
        "my_helper.py": HELPER,
        "broken.py": "\nif\n",
        "failing.py": "def f():\n    return 1\n1 / 0\n",
        "twice.py": "from harness.factors.activation import ACTIVATION\n@ACTIVATION.level('relu')\ndef relu(): ...\n",
        "importing.py": "def f():\n    import my_helper\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    elsewhere = tmp_path.with_name(f"{tmp_path.name}-elsewhere.py")
    elsewhere.write_text("")
    (tmp_path / "link.py").symlink_to(elsewhere)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingError) as caught:
        plugins.load([file], tmp_path)
    assert REFUSED[file] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not plugins.loaded()


def test_what_dvc_would_not_notice_is_refused(load: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages:\n  train:\n    deps: [plugins]\n")
    with pytest.raises(SettingError, match=r"stage train would not notice changes of my_helper\.py; add it to deps"):
        load(my_helper=HELPER)
    (tmp_path / "plugins" / "my_helper.py").write_text(HELPER)
    plugins.load(["plugins/my_helper.py"], tmp_path)
    assert [one.module for one in plugins.loaded()] == ["my_helper"]


def test_an_installed_package_registers_by_its_entry_point(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "outside").mkdir(parents=True)
    (site / "outside" / "__init__.py").touch()
    (site / "outside" / "levels.py").write_text(MINE.replace("my_helper", "outside.slopes"))
    (site / "outside" / "slopes.py").write_text(HELPER)
    info = site / "outside-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[harness]\nmine = outside.levels\n")
    # In a process of its own: packages are found when Python starts.
    script = """
from harness.source import plugins
from harness.planning.fingerprint import code
from harness.source.closure import closure
plugins.load([])
units = closure(code(), ["outside.levels:gentle"], {"activation": []}, ["outside.levels"]).units
print(*(one for one in units if one.startswith("outside")))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": f"{site}:{Path(plugins.__file__).parents[2]}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["outside.levels:gentle", "outside.slopes:SLOPE"], done.stderr


CHECKED = """
import random

import numpy as np
import torch
from torch import nn

from harness.data.sources import SOURCE, Batch, Part, Source
from harness.factors.activation import ACTIVATION
from harness.factors.model import MODEL
from harness.factors.optimizer import OPTIMIZER
from harness.training.observer import PROBE, Findings, Observer


class Scale(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, x):
        return self.how(x)


@ACTIVATION.level("good")
def good():
    "A share of what is negative."
    return nn.LeakyReLU(0.3)

@MODEL.level("linear")
def linear(classes, image_size):
    "No layer between."
    return nn.Sequential(nn.Flatten(), nn.Linear(16 * 16 * 3, classes))

@ACTIVATION.level("silent")
def silent():
    return nn.ReLU()

@ACTIVATION.level("drawing")
def drawing():
    "Draws from a generator that no seed sets."
    return Scale(lambda x: x * random.random())

@ACTIVATION.level("seeding")
def seeding():
    "Sets the seed of all others."
    return Scale(lambda x: (torch.manual_seed(3), x.relu())[1])

@ACTIVATION.level("infinite")
def infinite():
    "Gradients without bound."
    return Scale(lambda x: (x - x).sqrt() + x)

@ACTIVATION.level("failing")
def failing():
    "Can't be."
    raise KeyError("nothing")

@PROBE.level("looking")
class Looking(Observer):
    def after_training(self, recipe):
        self.size = float(next(recipe.model.parameters()).detach().norm())
    def result(self):
        return Findings({"first_weight_norm": self.size})

@PROBE.level("moving")
class Moving(Observer):
    def after_epoch(self, recipe, point):
        with torch.no_grad():
            next(recipe.model.parameters()).mul_(0.5)
    def result(self):
        return Findings({"moved": 1.0})

@PROBE.level("idle")
class Idle(Observer): ...

def source(pixels):
    labels = np.arange(400) % 2
    read = lambda places: iter([Batch(pixels(len(places)))])
    return Source(("a", "b"), {"train": Part(labels, read, str)})

def random_pixels(seed):
    luck = np.random.default_rng(seed)
    return lambda count: luck.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)

@SOURCE.level("steady")
def steady(params):
    return source(random_pixels(params.seed))

@SOURCE.level("unsteady")
def unsteady(params):
    return source(random_pixels(None))
"""


def test_checks_tell_sound_levels_from_others(load: Callable[..., None]) -> None:
    load(checked=CHECKED)
    found = dict(checks(load_params(ROOT / "params.yaml")))
    assert {what for what, problem in found.items() if problem is None} == {
        "activation good",
        "model linear",
        "probe looking",
        "data source steady",
    }
    words = {
        "activation silent": "no docstring",
        "activation drawing": "two trainings under one seed differ",
        "activation seeding": "seeds torch's generator",
        "activation infinite": "training ended as diverged",
        "activation failing": "KeyError: 'nothing'",
        "probe moving": "trains otherwise than without it",
        "probe idle": "measures nothing",
        "data source unsteady": "reading it twice gives other pictures",
    }
    wrong = {what: problem for what, problem in found.items() if problem}
    assert wrong.keys() == words.keys()
    for what, said in words.items():
        assert said in wrong[what], (what, wrong[what])


def test_a_new_bench_has_this_ones_files_without_its_source() -> None:
    files = bench.files()
    assert not re.search(r"python -m|harness/|requirements", files["dvc.yaml"])
    assert files["dvc.yaml"].count(f"- {plugins.INSTALLED}") == 1 + 5
    assert files["params.yaml"].replace("[plugins/my_levels.py]", "[]", 1) == (ROOT / "params.yaml").read_text()


def test_other_packages_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = plugins.packages()
    assert before["versions"]["torch"] and list(before["source"]) == ["harness"]
    assert json.loads(json.dumps(before)) == plugins.packages()
    folder = tmp_path / "a"
    folder.mkdir()
    digests = []
    for text in ("1", "2"):
        (folder / "page.html").write_text(text)
        (folder / "x.pyc").write_text(text)
        digests.append(plugins.digest_of(folder))
        (folder / "page.html").write_text("1")
        digests.append(plugins.digest_of(folder))
    assert digests[0] == digests[1] == digests[3] != digests[2]
