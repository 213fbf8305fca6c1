from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness.core.spec import RunResult, RunSpec
from harness.quantities import clocked
from harness.training import loop
from harness.training.loop import run
from harness.training.observer import Observer
from harness.training.recipe import Recipe
from harness.training.split import RunData, Split

Spec = Callable[..., RunSpec]


def numbers(result: RunResult) -> object:
    """Everything in a result that luck and settings decide; not what the clock does."""
    metrics = {name: value for name, value in result.metrics.items() if not clocked(name)}
    curves = {name: values for name, values in result.curves.items() if name != "epoch_seconds"}
    arrays = {name: array.tobytes() for name, array in result.arrays.items() if not name.endswith("/seconds")}
    return result.status, metrics, curves, result.per_class_accuracy, arrays


@pytest.fixture
def fixed_data() -> RunData:
    """Pictures that no change to a data source can change: a bright bar whose place is the class."""
    luck = np.random.RandomState(0)

    def split(count: int) -> Split:
        labels = np.arange(count) % 4
        images = luck.randint(0, 120, (count, 16, 16, 3)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[4 * label : 4 * label + 3] += 100
        return Split(torch.from_numpy(images), torch.from_numpy(labels))

    return RunData(split(64), split(32), split(32), ["a", "b", "c", "d"], (16, 16, 3), "fixed")


# Recorded once; another value means that the recipe has changed, and every result with it.
GOLDEN = {
    "default": ({}, [1.580207, 1.177006], [1.381154, 1.182743]),
    "augmented": ({"augmentation": "all", "dropout": 0.3}, [1.719971, 1.34116], [1.377635, 1.221969]),
    "adam": (
        {"optimizer": "adam", "learning_rate": 0.002, "norm": "none", "initialization": "he"},
        [2.883031, 2.069897],
        [2.196991, 1.60643],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_losses(name: str, spec: Spec, fixed_data: RunData) -> None:
    changes, train, validation = GOLDEN[name]
    curves = run(spec(**changes), fixed_data).curves
    # Other processors round in another order.
    assert curves["train_loss"] == pytest.approx(train, rel=1e-3)
    assert curves["validation_loss"] == pytest.approx(validation, rel=1e-3)


@pytest.mark.parametrize("changes", [{}, {"augmentation": "all", "dropout": 0.5}, {"optimizer": "adam"}])
def test_a_rerun_is_bit_equal(changes: dict[str, object], spec: Spec, run_data: RunData) -> None:
    first = run(spec(**changes), run_data)
    # Somebody else's draws in between must not matter.
    torch.rand(100)
    run(spec(seed=5, dropout=0.3), run_data)
    assert numbers(run(spec(**changes), run_data)) == numbers(first)


def test_seeds_differ(spec: Spec, run_data: RunData) -> None:
    assert numbers(run(spec(seed=0), run_data)) != numbers(run(spec(seed=1), run_data))


def test_what_a_result_holds(spec: Spec, run_data: RunData) -> None:
    result = run(spec(), run_data)
    assert result.status == "done"
    assert all(len(values) == 2 for values in result.curves.values())
    metrics = result.metrics
    best = int(metrics["best_epoch"] or 0)
    assert metrics["best_validation_accuracy"] == result.curves["validation_accuracy"][best - 1]
    assert metrics["best_validation_accuracy"] == max(v or 0 for v in result.curves["validation_accuracy"])
    assert metrics["steps"] == 6
    probabilities = result.arrays["test_probabilities"].astype(float)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=2e-3)
    labels = run_data.test.labels.numpy()
    assert (probabilities.argmax(axis=1) == labels).mean() == pytest.approx(metrics["test_accuracy"], abs=0.03)
    weights = np.bincount(labels, minlength=10) / len(labels)
    per_class = [result.per_class_accuracy.get(name, 0.0) for name in run_data.classes]
    assert np.dot(weights, per_class) == pytest.approx(metrics["test_accuracy"])
    assert {"torch", "processor", "threads", "precision"} <= set(result.environment)


class Weights(Observer):
    """Keeps a copy of the weights at the start and after every epoch."""

    def __init__(self) -> None:
        self.seen: list[dict[str, torch.Tensor]] = []

    def before_training(self, recipe: Recipe) -> None:
        self.seen.append({name: value.clone() for name, value in recipe.model.state_dict().items()})

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        self.before_training(recipe)


def test_less_data_has_as_many_updates(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(data_amount=0.25), run_data)
    assert len(recipe.train) == 20
    order = torch.cat(list(recipe.batches()))
    assert torch.equal(order.bincount(), torch.full((20,), 4)), "each picture as often as the others"
    assert run(spec(data_amount=0.25), run_data).metrics["steps"] == 6


def test_a_part_of_the_data_is_balanced_and_nested(run_data: RunData) -> None:
    small, large = (run_data.train.subset(share, seed=0) for share in (0.25, 0.5))
    assert set(small.labels.bincount().tolist()) == {2}
    pictures = [{image.numpy().tobytes() for image in part.images} for part in (small, large)]
    assert pictures[0] < pictures[1]


def test_the_best_weights_are_judged(spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = []
    evaluate = loop.evaluate

    def spy(recipe: Recipe, split: object) -> object:
        judged.append((split is recipe.test, {k: v.clone() for k, v in recipe.model.state_dict().items()}))
        return evaluate(recipe, split)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "evaluate", spy)
    watch = Weights()
    result = run(spec(epochs=4, learning_rate=0.3), run_data, [watch])
    on_test = [weights for is_test, weights in judged if is_test]
    assert len(on_test) == 1, "the test split is read once"
    best = watch.seen[int(result.metrics["best_epoch"] or 0)]
    assert all(torch.equal(on_test[0][name], value) for name, value in best.items())


def test_a_batch_taken_in_parts_gives_the_gradient_of_the_whole(
    spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gradient(part_size: int) -> list[torch.Tensor]:
        monkeypatch.setattr("harness.training.recipe.PART_SIZE", part_size)
        recipe = Recipe.build(spec(batch_size=80, norm="none"), run_data)
        recipe.model.double()
        scale = recipe.scale
        recipe.scale = lambda images: scale(images).double()
        recipe.update(torch.arange(80))
        return [p.grad for p in recipe.model.parameters() if p.grad is not None]

    for whole, parts in zip(gradient(80), gradient(33), strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-7)


def test_divergence_is_a_result(spec: Spec, run_data: RunData) -> None:
    result = run(spec(norm="none", optimizer="sgd", learning_rate=1e5, schedule="constant"), run_data)
    assert result.status == "diverged"
    assert result.metrics["test_accuracy"] is None
    assert len(result.curves["train_loss"]) == 1, "it ends where it diverges"


def test_a_large_loss_at_the_start_is_not_divergence(spec: Spec, run_data: RunData) -> None:
    result = run(spec(norm="none", initialization={"normal": {"std": 1.0}}, learning_rate=1e-6), run_data)
    assert (result.curves["train_loss"][0] or 0) > 100
    assert result.status == "done"


def test_a_time_limit_is_a_result(spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10_000))
    monkeypatch.setattr(loop.time, "perf_counter", lambda: float(next(ticks)))
    assert run(spec(epochs=50, max_train_seconds=5), run_data).status == "timed out"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
    ],
)
def test_memory_that_runs_out_is_a_result(
    error: Exception, spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Recipe, "update", fail)
    assert run(spec(), run_data).status == "out of memory"


def test_torch_says_so_in_the_words_that_are_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 50)
    assert loop.is_out_of_memory(caught.value)


def test_a_bug_is_not_a_result(spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Recipe, "update", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        run(spec(), run_data)


def test_the_loop_stays_short() -> None:
    import inspect

    assert len(inspect.getsource(loop.fit).splitlines()) < 60
