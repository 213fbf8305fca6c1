"""The registries write the tests: a level can't be added untested."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness.core.spec import RunSpec
from harness.factors import REGISTRIES
from harness.training.search import execute
from harness.training.split import RunData
from tests.conftest import LEVELS


@pytest.mark.parametrize(("setting", "level"), LEVELS)
def test_every_level_trains(setting: str, level: str, spec: Callable[..., RunSpec], run_data: RunData) -> None:
    # One epoch of 80 pictures in batches of 40: two steps, and so many in each trial of a search.
    # Other models have no place for dropout.
    drops = {} if setting == "model" else {"dropout": 0.5}
    trained = execute(spec(epochs=1, batch_size=40, **drops, **{setting: level}), run_data)
    assert trained.metrics["steps"] == 2 * trained.metrics.get("trials", 1)
    assert trained.status == "done"
    assert trained.metrics["test_accuracy"] is not None
    assert np.isfinite(trained.arrays["test_probabilities"]).all()


@pytest.mark.parametrize(("setting", "level"), LEVELS)
def test_every_level_explains_itself(setting: str, level: str) -> None:
    function = REGISTRIES[setting].get(level)
    assert function.__doc__
    # YAML can override each argument, so each has a default.
    assert all(value is not None for value in REGISTRIES[setting].defaults(level).values())


@pytest.mark.parametrize(("setting", "level"), LEVELS)
def test_every_number_has_bounds_that_hold_its_default(setting: str, level: str) -> None:
    registry = REGISTRIES[setting]
    numbers = {name: value for name, value in registry.defaults(level).items() if type(value) in (int, float)}
    assert registry.bounds[level].keys() == numbers.keys()
    assert all(low <= numbers[name] <= high for name, (low, high) in registry.bounds[level].items())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)
