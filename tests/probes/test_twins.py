"""Every diagnostic against a plain, slow twin: loops and formulas in float64, no hooks."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import cos, log, log10, sin, sqrt

import numpy as np
import pytest
import torch
from torch import nn

from harness.core.seeding import derive, generator
from harness.core.spec import Choice, RunSpec
from harness.probes import PROBE, Observer
from harness.probes.activations import FIXED, Activations, growth, slope, statistics, steepest
from harness.probes.batch_cost import BatchCost
from harness.probes.equal_loss import EqualLoss, gap_at
from harness.probes.gain import PICTURES, Gain
from harness.probes.gap import Gap
from harness.probes.gradients import Gradients, unit_agreement
from harness.probes.inference import Inference
from harness.probes.looking import edges, shares, spread, watches_epoch, watches_step
from harness.probes.modes import Modes
from harness.probes.saturation import Saturation
from harness.probes.shift import Shift
from harness.probes.smoothness import STEPS, Smoothness
from harness.probes.surfaces import (
    ANGLE,
    CENTRE,
    RATES,
    STARTS,
    Surfaces,
    on_surfaces,
    path_of_all,
    shares_of_direction,
    steps_in_valley,
    steps_on_saddle,
)
from harness.probes.survivors import Survivors
from harness.probes.symmetry import Symmetry, identical_share
from harness.probes.timing import MOST_ROUNDS, Timing, backward_bytes, timed
from harness.probes.units import Units, without_gradient
from harness.probes.updates import Updates
from harness.probes.weights import Weights
from harness.training.loop import run
from harness.training.model import build_model
from harness.training.recipe import Recipe
from harness.training.split import RunData

Spec = Callable[..., RunSpec]


class Copies(Observer):
    """Keeps the model at every moment, and the gradients and rate of every update."""

    def __init__(self) -> None:
        self.start: nn.Module
        self.end: nn.Module
        self.best: nn.Module
        self.epochs: list[nn.Module] = []
        self.updates: list[tuple[int, float, nn.Module, nn.Module, list[torch.Tensor]]] = []

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        return True

    def before_training(self, recipe: Recipe) -> None:
        self.start, self.recipe = copy.deepcopy(recipe.model), recipe

    def before_update(self, recipe: Recipe, step: int) -> None:
        self.before, self.rate = copy.deepcopy(recipe.model), recipe.learning_rate

    def after_update(self, recipe: Recipe, step: int) -> None:
        gradients = [m.weight.grad.clone() for m in layers(recipe.model)]  # type: ignore[union-attr, operator]
        self.updates.append((step, self.rate, self.before, copy.deepcopy(recipe.model), gradients))

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        self.epochs.append(copy.deepcopy(recipe.model))

    def after_training(self, recipe: Recipe) -> None:
        self.end = copy.deepcopy(recipe.model)

    def at_best(self, recipe: Recipe) -> None:
        self.best = copy.deepcopy(recipe.model)


def layers(model: nn.Module) -> list[nn.Module]:
    return [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def flat(tensors: Iterator[torch.Tensor] | list[torch.Tensor]) -> list[float]:
    return [value for tensor in tensors for value in tensor.detach().double().flatten().tolist()]


def norm(values: list[float]) -> float:
    return sqrt(sum(value * value for value in values))


def outputs(model: nn.Sequential, images: torch.Tensor, kind: type) -> list[torch.Tensor]:
    """What every nonlinearity gives, layer after layer in float64, without a hook."""
    model = copy.deepcopy(model).double().eval()
    found, x = [], images.double()
    for layer in model:
        for part in layer if isinstance(layer, nn.Sequential) else [layer]:
            x = part(x)
            if isinstance(part, kind):
                found.append(x.detach())
    return found


@pytest.mark.parametrize(("activation", "kind"), [("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)])
def test_activations(activation: str, kind: type, spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    one = spec(activation=activation, learning_rate=0.3)
    result = run(one, run_data, [copies, Activations()])
    recipe = copies.recipe
    validation = recipe.scale(recipe.validation.pictures(slice(None)))
    fixed = spread(len(validation), FIXED)
    for prefix, model, at in (("start_", copies.start, 0), ("", copies.end, -1)):
        maps = outputs(model, validation, kind)  # type: ignore[arg-type]
        means, stds, dead, saturated = [], [], [], []
        for layer, values in enumerate(maps):
            plain = values[fixed].flatten().tolist()
            mean = sum(plain) / len(plain)
            means.append(mean)
            stds.append(sqrt(sum((value - mean) ** 2 for value in plain) / len(plain)))
            units = [values[:, unit].flatten().tolist() for unit in range(values.shape[1])]
            dead.append(sum(all(value == 0 for value in unit) for unit in units) / len(units))
            slopes = {
                "relu": lambda y: float(y > 0),
                "tanh": lambda y: 1 - y * y,
                "sigmoid": lambda y: 4 * y * (1 - y),
            }
            saturated.append(sum(slopes[activation](value) < 0.05 for value in plain) / len(plain))
            assert result.arrays["activations/mean"][at, layer] == pytest.approx(means[-1], rel=1e-4, abs=1e-6)
            assert result.arrays["activations/std"][at, layer] == pytest.approx(stds[-1], rel=1e-4)
            assert result.arrays["activations/histogram"][at, layer].sum() == pytest.approx(1)
        assert result.metrics[f"{prefix}activation_mean"] == pytest.approx(np.mean(means), rel=1e-4, abs=1e-6)
        assert result.metrics[f"{prefix}activation_std_growth"] == pytest.approx(sqrt(stds[2] / stds[0]), rel=1e-4)
        assert result.metrics[f"{prefix}dead_share"] == pytest.approx(np.mean(dead))
        assert result.metrics[f"{prefix}saturated_share"] == pytest.approx(np.mean(saturated), abs=1e-4)
    assert result.arrays["activations/epochs"].tolist() == [0, 1, 2]
    assert result.arrays["activations/layers"].tolist() == ["block1.2", "block2.2", "block3.2"]


def test_dead_units_are_found(spec: Spec, run_data: RunData) -> None:
    class Kill(Activations):
        def before_training(self, recipe: Recipe) -> None:
            with torch.no_grad():
                recipe.model.block2[0].bias[1] = -1e6  # type: ignore[index, union-attr, operator]
            super().before_training(recipe)

    result = run(spec(norm="none"), run_data, [Kill()])
    assert result.arrays["activations/dead_share"][:, 1].min() >= 1 / 8
    assert result.arrays["activations/dead_share"][0].tolist() == [0, 1 / 8, 0]


def test_slopes_of_special_nonlinearities() -> None:
    from harness.factors.activation import Maxout

    x = torch.tensor([[1.0, 0.0], [-2.0, 3.0]])
    assert slope(Maxout(), x).tolist() == [[1.0], [1.0]]
    assert steepest(Maxout()) == steepest(nn.ReLU()) == 1
    assert steepest(nn.Sigmoid()) == pytest.approx(0.25)
    # exp(x) < 0.05 of a slope of 1, below ln 0.05 = -2.996.
    y = torch.tensor([[-3.1], [-2.9], [0.0], [4.0]])
    assert statistics(nn.ELU(), y, nn.ELU()(y))["saturated_share"] == 0.25
    assert growth(np.array([1.0, 7.0, 0.25])) == 0.5
    assert growth(np.array([0.0, 0.0])) is None


def test_gradients(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    one = spec(activation="tanh")
    result = run(one, run_data, [copies, Gradients()])
    for row, (step, _, _, _, gradients) in enumerate(copies.updates):
        assert result.arrays["gradients/steps"][row] == step
        expected = [norm(flat([gradient])) for gradient in gradients]
        assert result.arrays["gradients/norm"][row] == pytest.approx(expected, rel=1e-5)
    first = [norm(flat([gradient])) for gradient in copies.updates[0][4]]
    assert result.metrics["start_gradient_ratio"] == pytest.approx(first[0] / first[-1], rel=1e-5)
    assert result.metrics["start_gradient_ratio_log10"] == pytest.approx(log10(first[0] / first[-1]), abs=1e-4)
    # The gradient of a dense layer by hand: one picture, delta times input.
    recipe, model = copies.recipe, copies.start.double().eval()
    found = []
    for at in (n * len(recipe.validation) // 8 for n in range(8)):
        image = recipe.scale(recipe.validation.pictures(slice(at, at + 1))).double()
        inputs = model[:-1](image)[0].tolist()  # type: ignore[index]
        delta = model(image).softmax(1)[0].tolist()
        delta[int(recipe.validation.labels[at])] -= 1
        for error in delta:
            signs = [np.sign(error * x) for x in inputs if error * x != 0]
            found.append(max(signs.count(1), signs.count(-1)) / len(signs))
    assert result.metrics["start_sign_agreement_share"] == pytest.approx(np.mean(found), abs=1e-3)


def test_sign_agreement_is_whole_for_positive_inputs(spec: Spec, run_data: RunData) -> None:
    result = run(spec(activation="sigmoid", norm="none"), run_data, [Gradients()])
    assert result.metrics["start_sign_agreement_share"] == 1
    gradient = torch.tensor([[1.0, -2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0], [-1.0, -1.0, 0.0, 0.0]])
    assert unit_agreement(gradient).tolist() == pytest.approx([2 / 3, 1])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adagrad"])
def test_updates(optimizer: str, spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(optimizer=optimizer, epochs=4, learning_rate=0.01), run_data, [copies, Updates()])
    powers, effective = [], []
    for row, (_, rate, before, after, gradients) in enumerate(copies.updates):
        moved = []
        for layer, (old, new) in enumerate(zip(layers(before), layers(after), strict=True)):
            difference = [b - a for a, b in zip(flat([old.weight]), flat([new.weight]), strict=True)]  # type: ignore[list-item]
            moved += difference
            ratio = norm(difference) / norm(flat([old.weight]))  # type: ignore[list-item]
            assert result.arrays["updates/ratio"][row, layer] == pytest.approx(ratio, rel=1e-3)
            powers.append(log10(ratio))
        effective.append(norm(moved) / rate / norm(flat(gradients)))
        if row == 0:
            first = norm(moved) / rate / sqrt(len(moved))
    assert result.metrics["update_ratio_log10"] == pytest.approx(np.median(powers), abs=1e-3)
    assert result.metrics["first_update_per_rate"] == pytest.approx(first, rel=1e-3)
    assert result.arrays["updates/effective_step"] == pytest.approx(np.array(effective), rel=1e-3)
    if optimizer == "sgd":
        assert effective == pytest.approx([1] * len(effective), rel=1e-3)
    if optimizer == "adam":
        assert first == pytest.approx(1, abs=0.05), "every weight moves by the rate at first"


def test_the_effective_step_is_compared_between_first_and_last_epoch() -> None:
    probe = Updates()
    probe.steps, probe.epochs = [0, 4, 5, 9, 10, 19], [1, 1, 1, 1, 2, 2]
    assert probe.growth(np.array([100.0, 50.0, 2.0, 4.0, 6.0, 12.0])) == 3
    probe.epochs = [1] * 6
    assert probe.growth(np.ones(6)) is None


def test_weights(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(initialization={"normal": {"std": 0.01}}), run_data, [copies, Weights()])
    for prefix, model in (("start_", copies.start), ("", copies.end), ("best_", copies.best)):
        each = [flat([layer.weight]) for layer in layers(model)]  # type: ignore[list-item]
        every = [value for values in each for value in values]
        assert result.metrics[f"{prefix}weight_norm"] == pytest.approx(norm(every))
        near = sum(abs(value) < 1e-3 for value in every) / len(every)
        assert result.metrics[f"{prefix}near_zero_share"] == pytest.approx(near)
        negligible = sum(abs(v) <= 0.01 * max(map(abs, values)) for values in each for v in values) / len(every)
        assert result.metrics[f"{prefix}negligible_share"] == pytest.approx(negligible, abs=1e-3)
    assert result.arrays["weights/histogram"].sum(axis=2) == pytest.approx(np.ones((3, 4)))


def test_bins_hold_what_lies_beyond_them() -> None:
    ends = edges(0.5, 5)
    assert ends.tolist() == [-1.25, -0.75, -0.25, 0.25, 0.75, 1.25]
    values = torch.tensor([-9.0, -0.8, 0.0, 0.1, 0.3, 1.25, 5.0, torch.nan, torch.inf])
    expected, _ = np.histogram(np.clip([-9.0, -0.8, 0.0, 0.1, 0.3, 1.25, 5.0], -1.25, 1.25), ends)
    assert shares(values, ends) == pytest.approx(expected / 7)
    assert np.isnan(shares(torch.tensor([torch.nan]), ends)).all()


def test_gap(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(dropout=0.5, augmentation="all", data_amount=0.75), run_data, [copies, Gap()])
    recipe = copies.recipe
    accuracy, loss = {}, {}
    for name, split in (("train", recipe.train), ("validation", recipe.validation)):
        chosen = [n * len(split) // 40 for n in range(40)]
        logits = copies.end.eval()(recipe.scale(split.pictures(slice(None)))).double().log_softmax(1)
        losses = [-logits[n, int(split.labels[n])].item() for n in chosen]
        right = [int(logits[n].argmax()) == int(split.labels[n]) for n in chosen]
        accuracy[name], loss[name] = sum(right) / 40, sum(losses) / 40
    assert result.metrics["inference_gap"] == pytest.approx(accuracy["train"] - accuracy["validation"])
    assert result.metrics["inference_loss_gap"] == pytest.approx(loss["validation"] - loss["train"], 1e-4)
    assert result.metrics["inference_train_accuracy"] != result.metrics["final_train_accuracy"]


def test_smoothness(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(dropout=0.5), run_data, [copies, Smoothness()])
    recipe = copies.recipe
    chosen = [n * len(recipe.train) // 80 for n in range(80)]
    images = recipe.scale(recipe.train.pictures(torch.tensor(chosen))).double()
    labels = recipe.train.labels[chosen]
    ranges = []
    for epoch, model in enumerate(copies.epochs):
        model = model.double().train()
        model.dropout.eval()  # type: ignore[union-attr, operator]
        loss = nn.functional.cross_entropy(model(images), labels)
        model.zero_grad()
        loss.backward()
        losses = [loss.item()]
        for step in STEPS:
            moved = copy.deepcopy(model)
            for there, here in zip(moved.parameters(), model.parameters(), strict=True):
                there.data = here.data - step * 0.05 * here.grad  # type: ignore[operator]
            losses.append(nn.functional.cross_entropy(moved(images), labels).item())
        assert result.arrays["smoothness/loss"][epoch] == pytest.approx(losses, rel=1e-3)
        ranges.append(max(losses) - min(losses))
    assert result.metrics["loss_range_along_gradient"] == pytest.approx(np.median(ranges), rel=1e-3)


def test_modes(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(batch_size=16, dropout=0.5), run_data, [copies, Modes()])
    recipe, model = copies.recipe, copies.end
    images, labels = recipe.scale(recipe.validation.pictures(slice(None))), recipe.validation.labels.tolist()
    inference = [int(model.eval()(images[n : n + 1]).argmax()) for n in range(40)]
    model.train()
    model.dropout.eval()  # type: ignore[union-attr, operator]
    training = [0] * 40
    # 40 pictures, at most 16 at a time: three batches of every third picture.
    for first in range(3):
        found = model(images[first::3]).argmax(1).tolist()
        for n, label in zip(range(first, 40, 3), found, strict=True):
            training[n] = label
    expected = [sum(a == b for a, b in zip(found, labels, strict=True)) / 40 for found in (training, inference)]
    assert result.metrics["training_mode_accuracy"] == expected[0]
    assert result.metrics["inference_mode_accuracy"] == expected[1]
    assert result.metrics["mode_gap"] == pytest.approx(expected[0] - expected[1])
    differ = sum(a != b for a, b in zip(training, inference, strict=True)) / 40
    assert result.metrics["mode_disagreement_share"] == pytest.approx(differ)


@pytest.mark.parametrize(("rate", "repeats"), [(0.0, 1.0), (0.5, 0.0)])
def test_inference(rate: float, repeats: float, spec: Spec, run_data: RunData) -> None:
    metrics = run(spec(dropout=rate), run_data, [Inference()]).metrics
    assert metrics["inference_repeats_share"] == 1
    assert metrics["training_repeats_share"] == repeats
    assert metrics["start_inference_repeats_share"] == 1
    assert metrics["start_training_repeats_share"] == repeats


@pytest.mark.parametrize(("level", "share"), [("zeros", 1.0), ("constant", 1.0), ("he", 0.0)])
def test_symmetry(level: str, share: float, spec: Spec, run_data: RunData) -> None:
    metrics = run(spec(norm="none", initialization=level), run_data, [Symmetry()]).metrics
    assert metrics["start_identical_unit_share"] == share
    assert metrics["identical_unit_share"] == share


def test_twins_within_a_layer() -> None:
    weight = torch.randn(6, 3, 2, generator=torch.Generator().manual_seed(0))
    weight[4] = weight[1] * (1 + 1e-5)
    rows = [row.flatten().tolist() for row in weight]
    twins = 0
    for n, row in enumerate(rows):
        others = rows[:n] + rows[n + 1 :]
        twins += any(norm([a - b for a, b in zip(row, other, strict=True)]) < 1e-3 * norm(row) for other in others)
    assert identical_share(weight) == twins / 6 == 1 / 3


def test_timing(spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = run(spec(), run_data, [Timing()]).metrics
    assert (metrics["activation_op_seconds"] or 0) > 0
    assert 0 < (metrics["inference_seconds"] or 0) < (metrics["step_seconds"] or 0) < 5
    assert (metrics["activation_op_cost"] or 0) > 0 and (metrics["step_cost"] or 0) > 0
    with monkeypatch.context() as patched:
        known = iter([[6.0, 4.0], [0.5], [3.0, 1.0]])
        patched.setattr("harness.probes.timing.least", lambda works, device, fewest=3: next(known))
        metrics = run(spec(), run_data, [Timing()]).metrics
    assert (metrics["step_seconds"], metrics["step_cost"]) == (6, 1.5)
    assert (metrics["activation_op_seconds"], metrics["activation_op_cost"]) == (3, 3)
    now = [0]
    monkeypatch.setattr("harness.probes.timing.time.perf_counter", lambda: now[0])
    monkeypatch.setattr("harness.probes.timing.ROUND_SECONDS", 16)
    rows = iter([70, 20, *[1, 2] * 9])

    def work() -> None:
        now[0] += next(rows)

    assert timed([work, work], fewest=5).tolist() == [[1] * 5, [2] * 5], "the first round is a warm-up, then the fewest"
    monkeypatch.undo()
    assert timed([lambda: None]).shape == (1, MOST_ROUNDS)


def test_memory_kept_for_the_backward_pass(spec: Spec, run_data: RunData) -> None:
    def kept(**settings: object) -> int:
        recipe = Recipe.build(replace(spec(batch_size=8, **settings), precision="float32"), run_data)
        return backward_bytes(recipe, torch.arange(8))

    width = spec().settings.width
    height, side, channels = run_data.image_size
    # Each convolution keeps what it gets, each ReLU what it gives, each pooling both and where the maxima were.
    pixels = height * side
    maps = [(channels, pixels), *((width * 2**n, pixels // 4**n) for n in range(3))]
    plain = 4 * 8 * (channels * pixels + sum(c * p + c * p // 4 for c, p in maps[1:]))
    places = 8 * 8 * sum(c * p // 4 for c, p in maps[1:])
    assert kept(norm="none") == plain + places
    # A batch norm keeps the map that it gets, and mean and deviation per channel.
    normed = 4 * sum(8 * c * p + 2 * c for c, p in maps[1:])
    assert kept(norm="batch") == plain + places + normed


def test_gain(spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.probes.gain.DRAWS", 2)
    copies = Copies()
    result = run(spec(norm="none"), run_data, [copies, Gain()])
    recipe = copies.recipe
    x = recipe.scale(recipe.validation.pictures(slice(None))).double()[spread(len(recipe.validation), PICTURES)]
    first, second = (
        plain_gains(new_model(replace(recipe.spec, seed=derive(0, f"gain:{draw}")), x), x) for draw in range(2)
    )
    gains = [sqrt((a * a + b * b) / 2) for a, b in zip(first, second, strict=True)]
    assert first != second
    assert result.arrays["gain/gain"] == pytest.approx(gains, rel=1e-4)
    assert result.metrics["start_layer_gain"] == pytest.approx(sqrt(gains[1] * gains[2]), rel=1e-4)


def new_model(spec: RunSpec, x: torch.Tensor) -> nn.Module:
    channels, height, width = x.shape[1:]
    return build_model(spec.settings, 10, (height, width, channels), spec.seed).double().eval()


def plain_gains(model: nn.Module, x: torch.Tensor) -> list[float]:
    gains = []
    for layer in model:  # type: ignore[attr-defined]
        y = layer(x)
        if isinstance(layer, nn.Sequential):
            after, before = (sqrt(sum(v * v for v in flat([one])) / one.numel()) for one in (y, x))
            gains.append(after / before)
        x = y
    return gains


def test_batch_cost(spec: Spec, run_data: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(spec(), run_data, [BatchCost()]).metrics.get("batch_cost_exponent") is None
    whole = len(run_data.train)
    sizes: list[int] = []

    def squared(works: list[Callable[[], object]], device: str, fewest: int) -> np.ndarray:
        for work in works:
            work()
        return np.array([[3.0 * size**2] * 3 for size in sizes])

    class Recorder(BatchCost):
        def after_training(self, recipe: Recipe) -> None:
            monkeypatch.setattr(Recipe, "update", lambda _, index: sizes.append(len(index)))
            super().after_training(recipe)

    monkeypatch.setattr("harness.probes.batch_cost.timed", squared)
    found = run(spec(batch_size=whole), run_data, [Recorder()])
    assert sizes == [round(share * whole) for share in (0.25, 0.5, 1)]
    assert found.metrics["batch_cost_exponent"] == pytest.approx(2)


def traced(model: nn.Sequential, images: torch.Tensor, kind: type) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Logits, and what every nonlinearity gets, with the graph that leads from one to the other."""
    found, x = [], images
    for layer in model:
        for part in layer if isinstance(layer, nn.Sequential) else [layer]:
            if isinstance(part, kind):
                found.append(x)
            x = part(x)
    return x, found


@pytest.mark.parametrize(("activation", "kind"), [("relu", nn.ReLU), ("elu", nn.ELU)])
def test_units(activation: str, kind: type, spec: Spec, run_data: RunData) -> None:
    class Kill(Units):
        def after_training(self, recipe: Recipe) -> None:
            with torch.no_grad():
                recipe.model.block2[0].bias[1] = -50.0  # type: ignore[index, union-attr, operator]
            super().after_training(recipe)

    copies = Copies()
    result = run(spec(norm="none", activation=activation), run_data, [Kill(), copies])
    recipe, model = copies.recipe, copies.end.double().eval()
    reached: list[list[bool]] = []
    for n in range(len(recipe.train)):
        image = recipe.scale(recipe.train.pictures(slice(n, n + 1))).double()
        scores, inputs = traced(model, image, kind)  # type: ignore[arg-type]
        nn.functional.cross_entropy(scores, recipe.train.labels[n : n + 1]).backward(inputs=inputs)
        for layer, x in enumerate(inputs):
            if n == 0:
                reached.append([False] * x.shape[1])
            for unit in range(x.shape[1]):
                reached[layer][unit] |= any(value != 0 for value in x.grad[0, unit].flatten().tolist())  # type: ignore[index]
    shares = [sum(not one for one in layer) / len(layer) for layer in reached]
    assert result.arrays["units/without_gradient"] == pytest.approx(shares)
    assert result.metrics["no_gradient_share"] == pytest.approx(np.mean(shares))
    # ReLU lets nothing through that far below zero; ELU a little.
    assert result.arrays["units/without_gradient"][1] >= 1 / 8 if activation == "relu" else shares == [0, 0, 0]


def test_units_of_a_net_that_is_not_finite_have_no_share(spec: Spec, run_data: RunData) -> None:
    class Break(Units):
        def after_training(self, recipe: Recipe) -> None:
            with torch.no_grad():
                recipe.model.block1[0].bias[0] = torch.nan  # type: ignore[index, union-attr, operator]
            super().after_training(recipe)

    assert run(spec(norm="none"), run_data, [Break()]).metrics["no_gradient_share"] is None
    assert without_gradient(nn.ReLU(), torch.tensor([1.0, 0.0, 2.0, 0.0])) == 0.5
    from harness.factors.activation import Maxout

    assert without_gradient(Maxout(), torch.tensor([1.0, 0.0, 0.0, 0.0])) == 0.5, "a unit is both its pieces"


@pytest.mark.parametrize(("activation", "kind"), [("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)])
def test_saturation(activation: str, kind: type, spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    one = spec(norm="none", activation=activation)
    metrics = run(one, run_data, [copies, Saturation()]).metrics
    recipe = copies.recipe
    images = recipe.scale(recipe.train.pictures(slice(None))).double()
    large = replace(one, settings=one.settings.changed(initialization=Choice.of("normal", {"std": 1.0})))
    model = new_model(large, images)
    scores, inputs = traced(model, images, kind)  # type: ignore[arg-type]
    nn.functional.cross_entropy(scores, recipe.train.labels, reduction="sum").backward(inputs=inputs)
    slopes = {"tanh": lambda x: 1 - np.tanh(x) ** 2, "sigmoid": lambda x: 4 / ((1 + np.exp(-x)) * (1 + np.exp(x)))}
    shares, ratios = [], []
    for x in inputs:
        pairs = list(zip(flat([x]), flat([x.grad]), strict=True))  # type: ignore[list-item]
        stuck = [abs(gradient) for value, gradient in pairs if slopes[activation](value) < 0.05]
        free = [abs(gradient) for value, gradient in pairs if slopes[activation](value) >= 0.05]
        shares.append(len(stuck) / len(pairs))
        ratios.append(np.mean(stuck) / np.mean(free))
    assert min(shares) > 0.01
    assert metrics["large_weights_saturated_share"] == pytest.approx(np.mean(shares), abs=1e-3)
    assert metrics["saturated_gradient_share"] == pytest.approx(np.mean(ratios), rel=2e-2)


def test_shift(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(), run_data, [copies, Shift()])
    recipe, model = copies.recipe, copies.best.eval()
    images, labels = recipe.test.pictures(slice(None)), recipe.test.labels.tolist()
    noise = 0.1 * torch.randn(images.shape, generator=generator(0, "shift noise"))
    means = torch.stack([torch.full_like(image, image.mean().item()) for image in images])
    changed = {
        "brightened": torch.minimum(images * 1.5, torch.tensor(1.0)),
        "darkened": images / 2,
        "paler": (images + means) / 2,
        "noisy": torch.clamp(images + noise, 0, 1),
    }
    accuracies = {}
    for name, one in changed.items():
        found = [int(model(recipe.scale(image.unsqueeze(0))).argmax()) for image in one]
        accuracies[name] = sum(a == b for a, b in zip(found, labels, strict=True)) / len(labels)
        assert result.metrics[f"{name}_accuracy"] == pytest.approx(accuracies[name])
    plain = result.metrics["test_accuracy"] or 0
    assert result.metrics["accuracy_lost_to_noise"] == pytest.approx(plain - accuracies["noisy"])
    assert result.metrics["accuracy_lost_to_shift"] == pytest.approx(plain - np.mean(list(accuracies.values())))


def test_equal_loss(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(epochs=3), run_data, [copies, EqualLoss()])
    recipe, losses = copies.recipe, []
    index = spread(len(recipe.train), len(recipe.validation))
    for model in copies.epochs:
        scores = model.double().eval()(recipe.scale(recipe.train.pictures(index)).double()).log_softmax(1)
        rows = [-scores[n, label].item() for n, label in enumerate(recipe.train.labels[index].tolist())]
        losses.append(sum(rows) / len(rows))
    assert result.arrays["equal_loss/train_loss"] == pytest.approx(losses, rel=1e-4)
    assert result.arrays["equal_loss/epochs"].tolist() == [1, 2, 3]
    # So short a training doesn't come so far.
    assert min(losses) > log(10) / 4 and result.metrics["gap_at_equal_loss"] is None
    falling, gaps = np.array([2.0, 1.0, 0.5, 0.8]), np.array([0.0, 0.1, 0.3, 0.9])
    assert gap_at(0.75, falling, gaps) == pytest.approx(0.2)
    assert gap_at(3.0, falling, gaps) == 0.0
    assert gap_at(0.4, falling, gaps) is None


def test_survivors(spec: Spec, run_data: RunData) -> None:
    copies = Copies()
    result = run(spec(norm="none", penalty={"l1": {"strength": 0.1}}), run_data, [copies, Survivors()])
    alive = [abs(value) >= 1e-3 for value in flat([layer.weight for layer in layers(copies.end)])]  # type: ignore[misc]
    assert 0 < sum(alive) < len(alive)
    assert result.metrics["surviving_share"] == pytest.approx(sum(alive) / len(alive))
    bits = np.unpackbits(result.arrays["survivors/bits"], count=int(result.arrays["survivors/count"][0]))
    assert bits.astype(bool).tolist() == alive


def test_surfaces(spec: Spec, run_data: RunData) -> None:
    found = run(spec(optimizer="sgd"), run_data, [Surfaces()]).metrics
    assert {name: found[name] for name in dict(on_surfaces(Choice("sgd"), 0))} == dict(on_surfaces(Choice("sgd"), 0))
    # Plain descent in the valley, whose two directions don't mix: each shrinks by a factor of its own.
    rng = np.random.default_rng(0)
    starts = rng.normal(0, 1, (4, STARTS, 2))
    path = path_of_all(Choice("sgd"), 0.01, starts, np.zeros((300, STARTS, 2)))[:, 0]
    for start, line in zip(starts[0], path.transpose(1, 0, 2), strict=True):
        dx, dy = start - np.array(CENTRE)
        along, across = cos(ANGLE) * dx + sin(ANGLE) * dy, cos(ANGLE) * dy - sin(ANGLE) * dx
        for step in (0, 1, 20, 300):
            a, b = along * 0.99**step, across * 0.0**step
            there = (cos(ANGLE) * a - sin(ANGLE) * b + CENTRE[0], sin(ANGLE) * a + cos(ANGLE) * b + CENTRE[1])
            assert line[step] == pytest.approx(there, abs=1e-9)
    assert shares_of_direction(path_of_all(Choice("sgd"), 0.003, starts, np.zeros((300, STARTS, 2)))[:, 0]) == (
        pytest.approx((0, 0), abs=1e-6)
    )
    height = [[sum(c * c * w for c, w in zip(turned(point), (1, 100), strict=True)) for point in row] for row in path]
    for n, needed in enumerate(steps_in_valley(path)):
        outside = [step for step in range(301) if height[step][n] > 0.001 * height[0][n]]
        assert needed == outside[-1] + 1
    walk = np.zeros((301, 3, 2))
    walk[4:, 0, 1], walk[7:, 1, 1] = 0.6, np.nan
    assert steps_on_saddle(walk).tolist() == [4, 301, 301]


def turned(point: np.ndarray) -> tuple[float, float]:
    dx, dy = point - np.array(CENTRE)
    return cos(ANGLE) * dx + sin(ANGLE) * dy, cos(ANGLE) * dy - sin(ANGLE) * dx


def test_noise_on_the_valley_is_added_to_the_slope() -> None:
    starts, noise = np.zeros((4, STARTS, 2)), np.zeros((300, STARTS, 2))
    noise[0, 0] = 2.0, -1.0
    quiet, noisy = (path_of_all(Choice("sgd"), RATES[0], starts, one)[1] for one in (0 * noise, noise))
    moved = noisy - quiet
    assert moved[3, 0] == pytest.approx((-2.0 * RATES[0], RATES[0]))
    moved[3, 0] = 0
    assert not moved.any()


def test_schedules() -> None:
    assert [epoch for epoch in range(1, 20) if watches_epoch(epoch)] == [1, 2, 4, 8, 16]
    assert [step for step in range(24) if watches_step(step, 12)] == [0, 1, 2, 3, 4, 5, 8, 11, 14, 17, 20, 23]
    assert [step for step in range(9) if watches_step(step, 1)] == list(range(9))
    for per_epoch in range(1, 60):
        late = [step for step in range(10 * per_epoch, 11 * per_epoch) if watches_step(step, per_epoch)]
        assert len(late) == min(4, per_epoch), per_epoch
        assert late[-1] == 11 * per_epoch - 1
    assert spread(10, 4).tolist() == [0, 2, 5, 7]
    assert spread(3, 9).tolist() == [0, 1, 2]


def test_every_probe_has_its_twin() -> None:
    assert {f"test_{name}" for name in PROBE.names} <= set(globals())
