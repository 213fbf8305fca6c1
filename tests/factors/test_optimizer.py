"""Every update rule against its formula, in float64, over several steps."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from harness.core.spec import Choice
from harness.factors.optimizer import OPTIMIZER

RATE = 0.05
STEPS = 6
Rule = Callable[[list[np.ndarray], np.ndarray], np.ndarray]


def gradients() -> list[np.ndarray]:
    return list(np.random.RandomState(0).randn(STEPS, 4))


def sgd(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
    for g in grads:
        w = w - RATE * g
    return w


def momentum(rho: float) -> Rule:
    def rule(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
        v = np.zeros_like(w)
        for g in grads:
            v = rho * v + g
            w = w - RATE * v
        return w

    return rule


def nesterov(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
    # The lecture's form after its change of variables: w <- w + v' + rho (v' - v).
    rho, v = 0.9, np.zeros_like(w)
    for g in grads:
        new = rho * v - RATE * g
        w = w + new + rho * (new - v)
        v = new
    return w


def adagrad(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
    total = np.zeros_like(w)
    for g in grads:
        total = total + g * g
        w = w - RATE * g / (np.sqrt(total) + 1e-10)
    return w


def rmsprop(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
    square = np.zeros_like(w)
    for g in grads:
        square = 0.99 * square + 0.01 * g * g
        w = w - RATE * g / (np.sqrt(square) + 1e-8)
    return w


def adadelta(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
    square, delta = np.zeros_like(w), np.zeros_like(w)
    for g in grads:
        square = 0.9 * square + 0.1 * g * g
        step = np.sqrt(delta + 1e-6) / np.sqrt(square + 1e-6) * g
        delta = 0.9 * delta + 0.1 * step * step
        w = w - RATE * step
    return w


def adam(corrected: bool = True, decay: float = 0.0) -> Rule:
    def rule(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
        m, v = np.zeros_like(w), np.zeros_like(w)
        for t, g in enumerate(grads, 1):
            w = w * (1 - RATE * decay)
            m = 0.9 * m + 0.1 * g
            v = 0.999 * v + 0.001 * g * g
            m_hat, v_hat = (m / (1 - 0.9**t), v / (1 - 0.999**t)) if corrected else (m, v)
            w = w - RATE * m_hat / (np.sqrt(v_hat) + 1e-8)
        return w

    return rule


def nadam(grads: list[np.ndarray], w: np.ndarray) -> np.ndarray:
    # Dozat (2016) with the warming momentum schedule mu_t = 0.9 (1 - 0.5 * 0.96^(0.004 t)).
    m, v, product = np.zeros_like(w), np.zeros_like(w), 1.0
    for t, g in enumerate(grads, 1):
        mu, following = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * s)) for s in (t, t + 1))
        product *= mu
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        look = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
        w = w - RATE * look / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


FORMULAS: dict[str, Rule] = {
    "sgd": sgd,
    "momentum": momentum(0.9),
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adadelta": adadelta,
    "adam": adam(),
    "adam_uncorrected": adam(corrected=False),
    "nadam": nadam,
    "adamw": adam(decay=0.01),
}


@pytest.mark.parametrize("name", OPTIMIZER.names)
def test_rule_follows_its_formula(name: str) -> None:
    start = np.array([0.3, -0.2, 1.0, 2.0])
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = OPTIMIZER.build(Choice(name), [weight], RATE)
    for gradient in gradients():
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    # torch keeps the product of NAdam's momenta in float32.
    precision = 1e-6 if name == "nadam" else 1e-9
    np.testing.assert_allclose(weight.detach().numpy(), FORMULAS[name](gradients(), start), rtol=precision)


def test_the_factor_of_momentum_is_an_argument() -> None:
    weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = OPTIMIZER.build(Choice.of("momentum", {"rho": 0.99}), [weight], RATE)
    for gradient in gradients():
        weight.grad = torch.tensor(gradient)
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), momentum(0.99)(gradients(), np.zeros(4)), rtol=1e-9)


def test_bias_correction_makes_the_first_update_as_large_as_the_rate() -> None:
    for name, size in (("adam", 1.0), ("adam_uncorrected", 0.1 / 0.001**0.5)):
        weight = torch.nn.Parameter(torch.zeros(2, dtype=torch.float64))
        optimizer = OPTIMIZER.build(Choice(name), [weight], RATE)
        weight.grad = torch.tensor([0.5, -20.0], dtype=torch.float64)
        optimizer.step()
        np.testing.assert_allclose(weight.detach().numpy() / RATE, [-size, size], rtol=1e-5)
