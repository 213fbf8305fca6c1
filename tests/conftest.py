"""A tiny prepared data set, and runs on it."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from harness.core.config import load_params
from harness.core.cores import cores
from harness.core.spec import RunSpec, Settings
from harness.data.prepare import prepare
from harness.data.prepared import Prepared
from harness.data.progress import silent
from harness.factors import REGISTRIES
from harness.planning.settings import check_changes, check_recipe, resolve
from harness.planning.target import Target
from harness.training.split import RunData, load_run_data

# Before torch is used: products round alike on every processor, on which golden losses would be up to 0.5 % apart.
os.environ["MKL_CBWR"] = "COMPATIBLE"


def heed_interrupts() -> None:
    """Undo, in a process about to start, what a shell does to those in the background: they ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def shared(seconds: float) -> float:
    """What is promised of a machine with nothing else to do, longer by as much as more processes run than it has cores."""
    return seconds * max(1.0, os.getloadavg()[0] / cores())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, or one process works on while the others have ended."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)


ROOT = Path(__file__).parents[1]
LEVELS = [(setting, level) for setting, registry in REGISTRIES.items() for level in registry.names]
# Together minutes on a CPU, and of the same layers as other nets. tests/factors/test_levels.py trains them.
LARGE = ("resnet34", "resnet50", "densenet121")
LIGHT_LEVELS = [pytest.param(*one, marks=[pytest.mark.slow] * (one[1] in LARGE)) for one in LEVELS]
# Small enough that a run takes a fraction of a second.
TINY = {"width": 4, "epochs": 2, "evaluate_every": 1, "max_train_seconds": 60, "batch_size": 32, "learning_rate": 0.05}
TRAIN_IMAGES = 80


@pytest.fixture(scope="session", autouse=True)
def server() -> None:
    """Start the one server that the processes of all tests are forked from, with what any of them imports.

    Started by the first that needs one, it would lack what others import: seconds, in every process of theirs.
    """
    multiprocessing.set_forkserver_preload(["harness.engines.preload", "harness.report.render"])
    forkserver.ensure_running()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    params = load_params(ROOT / "params.yaml").data.model_copy(
        update={
            "source": "synthetic",
            "image_size": 16,
            "train_images": TRAIN_IMAGES,
            "validation_images": 40,
            "test_images": 40,
        }
    )
    folder = tmp_path_factory.mktemp("prepared")
    prepare(params, folder, silent)
    return Prepared.load(folder)


@pytest.fixture(scope="session")
def run_data(prepared: Prepared) -> RunData:
    return load_run_data(prepared, "cpu")


@pytest.fixture(scope="session")
def recipe() -> dict[str, Any]:
    return check_recipe(load_params(ROOT / "params.yaml").recipe, "params.yaml") | TINY


@pytest.fixture(scope="session")
def target(prepared: Prepared) -> Target:
    return Target(prepared.manifest, "cpu", "float32", 1)


@pytest.fixture(scope="session")
def settings(recipe: dict[str, Any]) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        return resolve(recipe, dict(check_changes(changes, "test")), TRAIN_IMAGES)

    return make


@pytest.fixture(scope="session")
def spec(settings: Callable[..., Settings], target: Target) -> Callable[..., RunSpec]:
    def make(seed: int = 0, **changes: Any) -> RunSpec:
        return target.spec(settings(**changes), seed)

    return make
