"""Every penalty against its formula in float64, and what it acts on."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness.core.spec import Choice, RunSpec
from harness.factors.penalty import NEAR_ZERO, PENALTY
from harness.training.loop import run
from harness.training.recipe import Recipe, penalised_weights
from harness.training.split import RunData
from tests.training.test_loop import numbers

W = np.array([[0.5, -2.0, 0.0], [1e-4, 3.0, -0.01]])
Spec = Callable[..., RunSpec]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("none", {}, 0.0),
        ("l2", {"strength": 0.3}, 0.3 / 2 * (W**2).sum()),
        ("l1", {"strength": 0.3}, 0.3 * abs(W).sum()),
        ("elastic_net", {"strength": 0.3, "ratio": 0.2}, 0.2 * 0.3 * abs(W).sum() + 0.8 * 0.3 * (W**2).sum()),
        ("lq", {"strength": 0.3, "q": 4.0}, 0.3 * (W**4).sum()),
        ("lq", {"strength": 0.3, "q": 1.0}, 0.3 * abs(W).sum()),
        ("lq", {"strength": 0.3, "q": 0.5}, 0.3 * (np.sqrt(abs(W) + NEAR_ZERO) - np.sqrt(NEAR_ZERO)).sum()),
    ],
)
def test_penalty_follows_its_formula(name: str, arguments: dict[str, float], expected: float) -> None:
    penalty = PENALTY.build(Choice.of(name, arguments), torch.tensor(W))
    assert penalty.item() == pytest.approx(expected, rel=1e-12)


def test_an_elastic_net_without_its_l1_part_is_l2_of_twice_the_strength() -> None:
    net = PENALTY.build(Choice.of("elastic_net", {"ratio": 0.0, "strength": 0.3}), torch.tensor(W))
    assert net.item() == pytest.approx(PENALTY.build(Choice.of("l2", {"strength": 0.6}), torch.tensor(W)).item())


@pytest.mark.parametrize("name", ["l2", "l1", "elastic_net", "lq"])
def test_gradients_are_finite_at_zero(name: str) -> None:
    weight = torch.zeros(3, requires_grad=True)
    PENALTY.build(Choice(name), weight).backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.zeros(3))


def test_biases_norms_and_slopes_are_left_alone(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(activation="prelu", penalty={"l1": {"strength": 1.0}}), run_data)
    before = {name: parameter.detach().clone() for name, parameter in recipe.model.named_parameters()}
    recipe.penalise()
    for name, parameter in recipe.model.named_parameters():
        is_weight = before[name].dim() > 1
        assert (parameter.grad is not None) == is_weight, name
        if is_weight:
            assert torch.equal(parameter.grad, before[name].sign())  # type: ignore[arg-type]
    assert len(penalised_weights(recipe.model)) == 4


def test_a_penalty_times_zero_is_bit_equal_to_none(spec: Spec, run_data: RunData) -> None:
    plain = numbers(run(spec(), run_data))
    for name in ("l2", "l1", "elastic_net", "lq"):
        assert numbers(run(spec(penalty={name: {"strength": 0.0}}), run_data)) == plain


def test_l2_is_the_weight_decay_of_sgd(spec: Spec, run_data: RunData) -> None:
    recipe = Recipe.build(spec(optimizer="sgd", penalty={"l2": {"strength": 0.1}}), run_data)
    twin = Recipe.build(spec(optimizer="sgd"), run_data)
    weights = penalised_weights(twin.model)
    others = [p for p in twin.model.parameters() if all(p is not w for w in weights)]
    rate = recipe.learning_rate
    twin.optimizer = torch.optim.SGD([{"params": weights, "weight_decay": 0.1}, {"params": others}], lr=rate)
    twin.schedule = recipe.schedule
    index = next(recipe.batches())
    recipe.update(index)
    twin.update(index)
    for one, other in zip(recipe.model.parameters(), twin.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
