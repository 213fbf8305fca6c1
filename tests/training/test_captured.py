"""A run whose steps are captured is equal to a plain one, to the bit: on a CPU, where `fake_graph` stands for CUDA's."""

import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from harness.core.spec import RunResult, RunSpec
from harness.factors.augmentation import AUGMENTATION, flip_crop
from harness.factors.norm import NORM
from harness.probes import PROBE
from harness.training.captured import CapturedStep, Graph, buffers_of, capture, parameters_of
from harness.training.observer import Observer
from harness.training.recipe import Recipe
from harness.training.search import execute
from harness.training.split import RunData, Split
from tests.conftest import LIGHT_LEVELS
from tests.fake_graph import FakeGraph, Idle, fake_graphs
from tests.training.test_checkpoint import cut_and_resumed
from tests.training.test_loop import Weights, numbers

Spec = Callable[..., RunSpec]


@pytest.fixture(autouse=True)
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeGraph]]:
    with fake_graphs(monkeypatch) as made:
        yield made


def few(data: RunData) -> RunData:
    """Return some of the pictures, for large nets."""
    parts = {name: getattr(data, name) for name in ("train", "validation", "test")}
    return replace(data, **{name: Split(part.images[:13], part.labels[:13]) for name, part in parts.items()})


def both(spec: RunSpec, data: RunData, *observers: Callable[[], Observer]) -> tuple[RunResult, RunResult]:
    """Return the result of a run and of the same with captured steps, each with its weights as arrays."""
    found = []
    for run in (spec, replace(spec, captured=True)):
        weights = Weights()
        result = execute(run, data, [weights, *(make() for make in observers)])
        result.arrays["weights"] = np.concatenate([one.flatten() for seen in weights.seen for one in seen.values()])
        found.append(result)
    return found[0], found[1]


def reason(result: RunResult) -> str | None:
    """Return why a run's steps were not captured; None if they were."""
    assert result.environment["captured_step"] is True
    return result.environment.get("eager_because")


@pytest.mark.parametrize(("setting", "level"), LIGHT_LEVELS)
def test_every_level_trains_as_without(setting: str, level: str, spec: Spec, run_data: RunData) -> None:
    changes = {} if setting in ("model", "dropout") else {"dropout": 0.5}
    changes[setting] = {level: {"trials": 4}} if setting == "search" and level != "none" else level
    # The last batch is smaller: 30, 30 and 20 pictures, or 5, 5 and 3.
    one = spec(epochs=1, batch_size=5 if setting == "model" else 30, **changes)
    with Idle() if setting == "model" else nullcontext():
        plain, captured = both(one, few(run_data) if setting == "model" else run_data)
    assert reason(captured) is None
    assert numbers(captured) == numbers(plain)
    assert captured.status == "done"


@pytest.mark.parametrize(
    "changes",
    [
        {"auxiliary": "rotation", "augmentation": "all", "dropout": 0.3, "penalty": "l1"},
        {"dropout": 0.3, "dropout_place": "conv", "optimizer": "adam", "batch_size": "full"},
        {"batch_size": 80, "sampling": "long_tailed_weighted", "augmentation": "mixup"},
        {"epochs": 12, "learning_rate": 1.0, "schedule": "constant", "patience": 2},
        {"norm": "none", "optimizer": "sgd", "learning_rate": 1e5, "schedule": "constant"},
        {"epochs": 5, "evaluate_every": 2, "data_amount": 0.25},
    ],
)
def test_whatever_comes_together(changes: dict[str, Any], spec: Spec, run_data: RunData) -> None:
    plain, captured = both(spec(**changes), run_data)
    assert reason(captured) is None
    assert numbers(captured) == numbers(plain)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_batch_in_parts(precision: Any, spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.training.recipe.PART_SIZE", 13)
    plain, captured = both(replace(spec(auxiliary="rotation"), precision=precision), run_data)
    assert reason(captured) is None
    assert numbers(captured) == numbers(plain)


def test_what_is_launched_as_a_graph(spec: Spec, run_data: RunData, graphs: list[FakeGraph]) -> None:
    both(spec(epochs=3), run_data)
    # Batches of 32, 32 and 16 pictures: two replays of three epochs, beside two that are compared.
    assert [graph.replays for graph in graphs] == [2 + 3 * 2]


@pytest.mark.parametrize("transfer", ["frozen", "fine_tuned"])
def test_a_run_that_borrows_captures_both_of_its_trainings(
    transfer: str, spec: Spec, run_data: RunData, graphs: list[FakeGraph]
) -> None:
    plain, captured = both(spec(transfer=transfer), run_data)
    assert numbers(captured) == numbers(plain) and len(graphs) == 2


def test_probes_see_the_same(spec: Spec, run_data: RunData) -> None:
    # Those two take the time, and nothing else.
    probes = tuple(name for name in PROBE.names if name not in ("timing", "batch_cost"))
    one = replace(spec(epochs=4, dropout=0.3, augmentation="flip_crop"), probes=probes)
    plain, captured = both(one, run_data)
    assert len(plain.arrays) > 20 and reason(captured) is None
    assert numbers(captured) == numbers(plain)


def test_a_run_that_is_cut_off_goes_on_as_it_was(spec: Spec, run_data: RunData, tmp_path: Path) -> None:
    probes = ("updates", "gradients", "activations")
    one = replace(spec(epochs=4, dropout=0.3, augmentation="all", auxiliary="rotation"), probes=probes)
    whole = numbers(execute(one, run_data))
    assert cut_and_resumed(replace(one, captured=True), run_data, tmp_path / "state", [4, 7, 10]) == whole


def test_a_capture_leaves_everything_as_it_was(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(dropout=0.5, augmentation="all", auxiliary="rotation"), run_data)
    recipe.model.train()
    index = next(recipe.batches())
    recipe.update(index)

    def state() -> list[bytes]:
        gradients = [one.grad for one in parameters_of(recipe)]
        luck = recipe.luck_state().values()
        tensors = [*parameters_of(recipe), *buffers_of(recipe), *gradients, *luck]
        return [b"" if one is None else one.detach().numpy().tobytes() for one in tensors]

    before, python, numpy = state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    assert isinstance(capture(recipe, index), Graph)
    assert state() == before
    assert (random.getstate(), np.random.get_state()[1].tolist()) == (python, numpy)  # type: ignore[union-attr]


def test_gradients_stay_where_the_graph_writes_them(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(), run_data)
    recipe.model.train()
    step = CapturedStep(recipe)
    whole, _, smaller = recipe.batches()
    step(whole)
    places = [one.grad.data_ptr() for one in parameters_of(recipe) if one.grad is not None]
    step(smaller)
    between = [one.grad.data_ptr() for one in parameters_of(recipe) if one.grad is not None]
    step(whole)
    assert [one.grad.data_ptr() for one in parameters_of(recipe) if one.grad is not None] == places != between
    assert len(places) == len(parameters_of(recipe))


# What must not be captured. Each is a way of an augmentation to decide on the CPU, or to read what the GPU holds.

OWN = random.Random(7)
COUNT = iter(range(10**9))
ON_THE_CPU: dict[str, tuple[Callable[[torch.Tensor], float], str]] = {
    "Python's luck": (lambda images: random.random(), "draws on the CPU (random)"),
    "NumPy's luck": (lambda images: float(np.random.rand()), "draws on the CPU (numpy)"),
    "a generator of its own": (lambda images: OWN.random(), "does not repeat it"),
    "a count": (lambda images: float(next(COUNT)), "does not repeat it"),
    "a value": (lambda images: images.mean().item(), "waits for the GPU"),
}


@pytest.mark.parametrize("case", ON_THE_CPU)
def test_what_is_decided_on_the_cpu_is_not_captured(
    case: str, spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, words = ON_THE_CPU[case]

    def level(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Any:
        return flip_crop(images * (1 + 0.1 * (decide(images) % 1.7)), targets, generator)

    monkeypatch.setitem(AUGMENTATION._levels, "flip", level)
    # A run with a state that nobody knows of is another each time; with the others it is the same.
    random.seed(1)
    np.random.seed(1)
    captured = execute(replace(spec(augmentation="flip", dropout=0.3), captured=True), run_data)
    assert words in (reason(captured) or "")
    random.seed(1)
    np.random.seed(1)
    plain = execute(spec(augmentation="flip", dropout=0.3), run_data)
    assert (numbers(captured) == numbers(plain)) == (case not in ("a generator of its own", "a count"))


def test_a_draw_from_torch_s_generator_of_the_cpu_is_seen(
    spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without dropout nothing else draws from it.
    monkeypatch.setattr(torch.cuda, "default_generators", (torch.Generator().manual_seed(3),))
    monkeypatch.setitem(AUGMENTATION._levels, "flip", lambda x, y, _: (x * float(torch.rand(1).numpy()[0]), y))
    plain, captured = both(spec(augmentation="flip"), run_data)
    assert reason(captured) == "a step draws on the CPU (torch)"
    assert numbers(captured) == numbers(plain)


class Replacing(nn.Module):
    """Keeps a statistic in a new tensor each time, which no graph would find."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean: torch.Tensor
        self.register_buffer("mean", torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=(0, 2, 3))
        return x - self.mean.view(1, -1, 1, 1)


def test_a_buffer_that_is_replaced_is_not_captured(
    spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NORM._levels, "batch", lambda channels, activation: [Replacing(channels), activation])
    plain, captured = both(spec(), run_data)
    assert reason(captured) == "a graph of the step does not repeat it to the bit"
    assert numbers(captured) == numbers(plain)


class Hooked(Observer):
    """Counts the passes through the net and the gradients of one weight, in every second step."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        return step % 2 == 1

    def before_update(self, recipe: Recipe, step: int) -> None:
        def count(*_: object) -> None:
            self.calls.append("forward")

        weight = next(recipe.model.parameters())
        self.handles = [
            recipe.model.register_forward_hook(count) if step % 4 == 1 else weight.register_hook(lambda _: count())
        ]

    def after_update(self, recipe: Recipe, step: int) -> None:
        for handle in self.handles:
            handle.remove()


def test_a_step_that_is_hooked_into_is_taken_without_the_graph(
    spec: Spec, run_data: RunData, graphs: list[FakeGraph]
) -> None:
    seen: list[Hooked] = []

    def make() -> Hooked:
        seen.append(Hooked())
        return seen[-1]

    plain, captured = both(spec(epochs=4, batch_size=40, dropout=0.5), run_data, make)
    assert numbers(captured) == numbers(plain)
    assert reason(captured) == "somebody hooks into the net"
    assert len(seen[0].calls) == len(seen[1].calls) == 4
    assert graphs[0].replays == 2 + 4


class Moving(Observer):
    """Puts the weights elsewhere."""

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        for parameter in recipe.model.parameters():
            parameter.data = parameter.data.clone()


def test_weights_that_moved_end_it(spec: Spec, run_data: RunData, graphs: list[FakeGraph]) -> None:
    plain, captured = both(spec(epochs=4, optimizer="adamw", batch_size=40), run_data, Moving)
    assert numbers(captured) == numbers(plain)
    assert reason(captured) == "a weight has moved to another place in memory" and graphs[0].replays == 2 + 2


def test_what_goes_wrong_in_a_capture_is_told_with_its_remedy(
    spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeGraph, "register_generator_state", lambda *_: None)
    with pytest.raises(RuntimeError, match="capture mode") as caught:
        execute(replace(spec(augmentation="flip"), captured=True), run_data)
    assert "set engine.captured_step to false" in caught.value.__notes__[0]


def test_a_record_says_how_its_steps_were_taken(spec: Spec, run_data: RunData) -> None:
    one = replace(spec(), captured=True)
    result = execute(one, run_data)
    assert result.spec == one
    plain = execute(spec(), run_data)
    assert plain.spec == spec() and "captured_step" not in plain.environment
