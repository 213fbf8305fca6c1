"""What holds for every registered probe."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.spec import RunSpec
from harness.probes import PROBE, Observer
from harness.quantities import QUANTITIES
from harness.training.loop import run
from harness.training.recipe import Recipe
from harness.training.search import execute
from harness.training.split import RunData

Spec = Callable[..., RunSpec]
RECORDED = set(QUANTITIES.measured("training"))
CLOCKED = {
    "activation_op_cost",
    "step_cost",
    "train_seconds",
    "evaluation_seconds",
    "images_per_second",
    "peak_memory_bytes",
    "probe_seconds",
    "step_seconds",
    "inference_seconds",
    "activation_op_seconds",
}
# Everything that draws: dropout, augmentation, the order; and running statistics to disturb.
LUCK = {"dropout": 0.5, "dropout_place": "rising", "augmentation": "all", "optimizer": "adam", "epochs": 3}


class State(Observer):
    """Keeps all that training goes by, after every epoch."""

    def __init__(self) -> None:
        self.seen: list[dict[str, bytes]] = []

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        kept = {name: value.numpy().tobytes() for name, value in recipe.model.state_dict().items()}
        luck = {"global": torch.get_rng_state(), "order": recipe.order.get_state(), "luck": recipe.luck.get_state()}
        kept |= {name: state.numpy().tobytes() for name, state in luck.items()}
        kept["modes"] = repr([module.training for module in recipe.model.modules()]).encode()
        self.seen.append(kept)


def test_what_is_recorded_of_every_run_has_its_name(spec: Spec, run_data: RunData) -> None:
    assert set(run(spec(), run_data).metrics) == RECORDED
    borrowed = set(run(spec(transfer="frozen"), run_data).metrics)
    searched = set(execute(spec(search={"random": {"trials": 1}}), run_data).metrics)
    assert borrowed - RECORDED == set(QUANTITIES.measured("transfer"))
    assert searched - RECORDED == set(QUANTITIES.measured("search"))


@pytest.mark.parametrize("name", PROBE.names)
def test_what_a_probe_measures_is_registered(name: str, spec: Spec, run_data: RunData) -> None:
    found = set(run(spec(batch_size="full", dropout=0.5), run_data, [PROBE.get(name)()]).metrics)
    assert found - RECORDED == set(QUANTITIES.measured("watching", f"probe:{name}"))


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("name", PROBE.names)
def test_a_probe_changes_nothing(name: str, norm: str, spec: Spec, run_data: RunData) -> None:
    alone, watched = State(), State()
    one = spec(norm=norm, **LUCK)
    without = run(one, run_data, [alone])
    probed = run(one, run_data, [PROBE.get(name)(), watched])
    assert alone.seen == watched.seen
    curves = {key: values for key, values in without.curves.items() if key != "epoch_seconds"}
    assert {key: probed.curves[key] for key in curves} == curves
    shared = set(without.metrics) - CLOCKED
    assert {key: probed.metrics[key] for key in shared} == {key: without.metrics[key] for key in shared}
    assert np.array_equal(probed.arrays["test_probabilities"], without.arrays["test_probabilities"])


@pytest.mark.parametrize("name", PROBE.names)
def test_what_a_probe_leaves_can_be_recorded_and_repeated(name: str, spec: Spec, run_data: RunData) -> None:
    first, second = (run(spec(), run_data, [PROBE.get(name)()]) for _ in range(2))
    new = set(first.metrics) - set(run(spec(), run_data).metrics)
    assert "probe_seconds" in new and len(new) > 1
    json.dumps(first.metrics, allow_nan=False)
    assert all(value is None or type(value) is float for key, value in first.metrics.items() if key in new)
    assert {k: v for k, v in first.metrics.items() if k not in CLOCKED} == {
        k: v for k, v in second.metrics.items() if k not in CLOCKED
    }
    for key, array in first.arrays.items():
        assert key == "test_probabilities" or key.startswith(f"{name}/")
        assert np.array_equal(array, second.arrays[key], equal_nan=array.dtype.kind == "f")
        assert array.dtype.kind in "fiuU"


@pytest.mark.parametrize(
    "changes",
    [
        {"norm": "none", "optimizer": "sgd", "learning_rate": 1e5, "schedule": "constant"},
        {"norm": "none", "initialization": "zeros"},
        {"activation": "maxout"},
        {"activation": "prelu", "norm": "none", "initialization": {"normal": {"std": 1.0}}},
        {"depth": 1},
        {"batch_size": "full", "epochs": 1},
    ],
)
def test_odd_runs_can_be_watched(changes: dict[str, object], spec: Spec, run_data: RunData) -> None:
    probes = [PROBE.get(name)() for name in PROBE.names]
    result = run(spec(**changes), run_data, probes)
    json.dumps(result.metrics, allow_nan=False)
    assert {"dead_share", "update_ratio_log10", "step_seconds"} <= set(result.metrics)


@pytest.mark.parametrize("name", PROBE.names)
def test_the_file_of_a_probe_has_its_name(name: str) -> None:
    assert PROBE.get(name).__module__ == f"harness.probes.{name}"
    assert PROBE.get(name).__doc__


def test_every_file_with_a_probe_is_registered() -> None:
    folder = Path(__file__).parents[2] / "harness/probes"
    assert {path.stem for path in folder.glob("*.py")} - {"__init__", "observer", "looking"} == set(PROBE.names)
