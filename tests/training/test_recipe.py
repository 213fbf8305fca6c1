from collections.abc import Callable

import pytest
import torch

from harness.core.spec import RunSpec
from harness.training.evaluate import evaluate
from harness.training.history import History
from harness.training.loop import run
from harness.training.recipe import Recipe, smooth
from harness.training.split import RunData

Spec = Callable[..., RunSpec]


def test_smoothed_targets_as_the_lecture_has_them() -> None:
    targets = smooth(torch.eye(5)[[2]], 0.1)
    torch.testing.assert_close(targets, torch.tensor([[0.025, 0.025, 0.9, 0.025, 0.025]]))
    one_hot = torch.eye(5)
    assert smooth(one_hot, 0.0) is one_hot


def test_cross_entropy_is_measured_whatever_the_loss(spec: Spec, run_data: RunData) -> None:
    judged = evaluate(Recipe.build(spec(), run_data), run_data.test)
    assert judged.cross_entropy == pytest.approx(judged.loss, rel=1e-6)
    other = evaluate(Recipe.build(spec(loss="mae"), run_data), run_data.test)
    assert other.cross_entropy == pytest.approx(judged.cross_entropy, rel=1e-6)
    assert other.loss != pytest.approx(judged.loss, rel=0.01)


def test_weighted_sampling_draws_classes_alike(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(sampling={"long_tailed_weighted": {"imbalance": 8.0}}), run_data)
    drawn = torch.cat([index for _ in range(50) for index in recipe.batches()])
    counts = recipe.train.labels[drawn].bincount(minlength=10)
    assert counts.sum() == 50 * 80
    assert counts.min() > 300
    assert recipe.train.labels.bincount().max() >= 4 * recipe.train.labels.bincount().min()


def test_early_stopping_follows_algorithm_7_1() -> None:
    history, model = History(), torch.nn.Linear(1, 1)
    waited = []
    for epoch, accuracy in enumerate([0.2, 0.3, 0.3, 0.25, 0.4, 0.1], 1):
        point = {"epoch": epoch, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": accuracy}
        history.add(point, model)
        waited.append(history.waited)
    # Counted in evaluations, from the best on; an equal one is no better.
    assert waited == [0, 0, 1, 2, 0, 1]


def test_patience_stops_training_and_keeps_the_best_weights(spec: Spec, run_data: RunData) -> None:
    usual = {"epochs": 12, "learning_rate": 1.0, "schedule": "constant"}
    whole = run(spec(**usual), run_data)
    stopped = run(spec(patience=2, **usual), run_data)
    best = int(stopped.metrics["best_epoch"] or 0)
    assert stopped.status == "done"
    assert stopped.metrics["evaluations"] == best + 2 < 12
    assert stopped.metrics["steps"] == 3 * (best + 2)
    shared = len(stopped.curves["train_loss"])
    assert stopped.curves["train_loss"] == whole.curves["train_loss"][:shared]
    assert stopped.metrics["best_validation_accuracy"] == stopped.curves["validation_accuracy"][best - 1]


def test_only_every_so_many_epochs_are_judged_and_the_last_always(spec: Spec, run_data: RunData) -> None:
    usual = {"epochs": 5, "schedule": "constant"}
    every, some = run(spec(**usual), run_data), run(spec(evaluate_every=2, **usual), run_data)
    assert some.curves["epoch"] == [1, 3, 5] and some.metrics["evaluations"] == 3
    for name in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "learning_rate"):
        # Looking changes nothing: the epochs that both judge are equal to the bit.
        assert some.curves[name] == every.curves[name][::2]
    assert some.metrics["steps"] == every.metrics["steps"]


def test_an_explosion_is_seen_in_an_epoch_that_is_not_judged(spec: Spec, run_data: RunData) -> None:
    wild = {"epochs": 4, "schedule": "constant", "norm": "none", "initialization": "he", "learning_rate": 10.0}
    every, some = run(spec(**wild), run_data), run(spec(evaluate_every=4, **wild), run_data)
    assert every.status == some.status == "diverged"
    assert some.curves["epoch"] == every.curves["epoch"][-1:] and some.metrics["steps"] == every.metrics["steps"]
