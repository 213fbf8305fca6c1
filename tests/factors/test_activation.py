import torch
from torch import nn

from harness.core.spec import Choice
from harness.factors.activation import ACTIVATION, Maxout

X = torch.linspace(-3, 3, 101, dtype=torch.float64)


def built(name: str, **arguments: float) -> nn.Module:
    return ACTIVATION.build(Choice.of(name, arguments)).double()


def test_formulas() -> None:
    expected = {
        "sigmoid": 1 / (1 + (-X).exp()),
        "tanh": 2 / (1 + (-2 * X).exp()) - 1,
        "relu": X.clamp(min=0),
        "leaky_relu": torch.maximum(0.1 * X, X),
        "prelu": torch.maximum(0.25 * X, X),
        "elu": torch.where(X >= 0, X, X.exp() - 1),
        "gelu": X * 0.5 * (1 + torch.erf(X / 2**0.5)),
        "silu": X / (1 + (-X).exp()),
    }
    for name, values in expected.items():
        torch.testing.assert_close(built(name)(X).detach(), values)


def test_leaky_relu_takes_its_slope() -> None:
    torch.testing.assert_close(built("leaky_relu", slope=0.3)(X), torch.maximum(0.3 * X, X))


def test_maxout_is_the_larger_of_two_linear_pieces() -> None:
    x = torch.randn(2, 6, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([x[:, [i, i + 1]].amax(dim=1) for i in (0, 2, 4)], dim=1)
    assert torch.equal(Maxout()(x), expected)
