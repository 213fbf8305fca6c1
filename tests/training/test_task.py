"""Transfer: which classes a run learns, and whose features it starts with."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.core.spec import Choice, RunSpec
from harness.factors.transfer import TRANSFER
from harness.training.device import PeakMemory
from harness.training.loop import learn_features, run
from harness.training.recipe import Recipe
from harness.training.split import RunData
from harness.training.task import task_data
from tests.training.test_loop import Weights

Spec = Callable[..., RunSpec]


def test_halves_share_no_class_and_make_up_all(run_data: RunData) -> None:
    halves = [task_data(run_data, TRANSFER.build(Choice(name)), 0) for name in ("source", "fine_tuned")]
    assert sorted(halves[0].classes + halves[1].classes) == sorted(run_data.classes)
    assert len(halves[0].validation) + len(halves[1].validation) == len(run_data.validation)
    assert halves[0].train.labels.unique().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("level", ["none", "source", "scratch"])
@pytest.mark.parametrize("classes", [10, 9])
def test_a_task_says_how_many_classes_it_has(run_data: RunData, level: str, classes: int) -> None:
    task = TRANSFER.build(Choice(level))
    few = replace(run_data, classes=run_data.classes[:classes])
    assert len(task_data(few, task, 0).classes) == task.count(classes)


def test_pictures_keep_their_class(run_data: RunData) -> None:
    task = task_data(run_data, TRANSFER.build(Choice.of("scratch", {"pictures": 2})), 0)
    assert task.train.labels.bincount().tolist() == [2] * 5
    whole = {
        image.tobytes(): run_data.classes[label]
        for image, label in zip(run_data.train.images.numpy(), run_data.train.labels.tolist(), strict=True)
    }
    for image, label in zip(task.train.images.numpy(), task.train.labels.tolist(), strict=True):
        assert whole[image.tobytes()] == task.classes[label]


def test_features_are_those_of_the_source_run(spec: Spec, run_data: RunData) -> None:
    watch = Weights()
    source = run(spec(transfer="source"), run_data, [watch])
    best = watch.seen[int(source.metrics["best_epoch"] or 0)]
    metrics: dict[str, float | None] = {}
    status, features = learn_features(spec(transfer="fine_tuned"), run_data, metrics, PeakMemory("cpu"))
    assert status == "done"
    assert all(torch.equal(features[name], value) for name, value in best.items())
    assert metrics["pretraining_steps"] == source.metrics["steps"]


def test_frozen_features_stay_and_the_dense_layer_learns(spec: Spec, run_data: RunData) -> None:
    watch = Weights()
    result = run(spec(transfer="frozen"), run_data, [watch])
    first, last = watch.seen[0], watch.seen[-1]
    for name, value in first.items():
        # The statistics of the norms belong to the features.
        assert torch.equal(value, last[name]) == (not name.startswith("dense.")), name
    assert result.metrics["pretraining_seconds"] is not None
    assert result.arrays["test_probabilities"].shape[1] == 5


def test_only_the_features_are_borrowed(spec: Spec, run_data: RunData) -> None:
    starts = {}
    for name in ("scratch", "fine_tuned"):
        watch = Weights()
        run(spec(transfer=name), run_data, [watch])
        starts[name] = watch.seen[0]
    assert torch.equal(starts["scratch"]["dense.weight"], starts["fine_tuned"]["dense.weight"])
    assert not torch.equal(starts["scratch"]["block1.0.weight"], starts["fine_tuned"]["block1.0.weight"])


def test_pretraining_that_diverges_is_a_result(spec: Spec, run_data: RunData) -> None:
    sick = spec(transfer="fine_tuned", norm="none", optimizer="sgd", learning_rate=1e5, schedule="constant")
    assert run(sick, run_data).status == "diverged"


def test_wrong_labels_are_exact_nested_and_wrong(run_data: RunData) -> None:
    right = run_data.train.labels.numpy()
    few, many = (run_data.train.with_wrong_labels(share, 10, 0).labels.numpy() for share in (0.1, 0.3))
    assert (few != right).sum() == 8
    assert (many != right).sum() == 24
    assert np.array_equal(many[few != right], few[few != right])


def test_wrong_labels_are_in_training_alone(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(wrong_labels=0.5), run_data)
    assert recipe.validation is run_data.validation
    assert recipe.test is run_data.test
    assert torch.equal(recipe.train.images, run_data.train.images)
