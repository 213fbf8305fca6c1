"""Every loss against its formula in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness.core.spec import Choice
from harness.factors.loss import LOSS

LUCK = np.random.RandomState(0)
LOGITS = LUCK.randn(6, 4) * 3
TARGETS = np.eye(4)[[0, 1, 2, 3, 0, 1]] * 0.9 + 0.025
P = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
ERROR = P - TARGETS
HUBER = np.where(abs(ERROR) <= 0.5, ERROR**2 / 2, 0.5 * (abs(ERROR) - 0.25))

FORMULAS = {
    "cross_entropy": -TARGETS * np.log(P),
    "mse": ERROR**2,
    "mae": abs(ERROR),
    "huber": HUBER,
    "log_cosh": np.log(np.cosh(ERROR)),
    "kl": TARGETS * np.log(TARGETS / P),
}


def loss(name: str, logits: torch.Tensor, targets: np.ndarray = TARGETS) -> torch.Tensor:
    return LOSS.build(Choice(name), logits, torch.tensor(targets))


@pytest.mark.parametrize("name", LOSS.names)
def test_loss_follows_its_formula(name: str) -> None:
    assert loss(name, torch.tensor(LOGITS)).item() == pytest.approx(FORMULAS[name].sum(axis=1).mean(), rel=1e-12)


def test_some_error_lies_beyond_the_delta_of_huber() -> None:
    assert (abs(ERROR) > 0.5).any()


def test_kl_has_the_gradient_of_cross_entropy() -> None:
    def gradient(loss_of: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        logits = torch.tensor(LOGITS, requires_grad=True)
        loss_of(logits).backward()
        assert logits.grad is not None
        return logits.grad

    torch.testing.assert_close(gradient(lambda x: loss("kl", x)), gradient(lambda x: loss("cross_entropy", x)))


@pytest.mark.parametrize("name", LOSS.names)
def test_a_certain_answer_gives_no_nan(name: str) -> None:
    logits = torch.tensor([[200.0, -200.0, 0.0, 0.0]], requires_grad=True)
    for label in range(2):
        value = LOSS.build(Choice(name), logits, torch.eye(4)[[label]])
        value.backward()
        assert value.isfinite()
    assert logits.grad is not None and logits.grad.isfinite().all()
