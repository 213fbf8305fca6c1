import pytest
import torch

from harness.core.spec import Choice
from harness.factors.activation import Maxout
from harness.factors.norm import NORM

X = torch.randn(8, 8, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2


def normalised(name: str) -> torch.Tensor:
    layers = NORM.build(Choice(name), 8, torch.nn.Identity())
    return torch.nn.Sequential(*layers)(X).detach()


@pytest.mark.parametrize(
    ("name", "shape", "dims"),
    [
        ("batch", (8, 8, 25), (0, 2)),
        ("batch_after", (8, 8, 25), (0, 2)),
        ("layer", (8, 200), (1,)),
        ("group", (8, 4, 50), (2,)),
    ],
)
def test_mean_and_variance_over_what_the_norm_is_named_for(
    name: str, shape: tuple[int, ...], dims: tuple[int, ...]
) -> None:
    out = normalised(name).reshape(shape)
    assert out.mean(dim=dims).abs().max() < 1e-5
    assert (out.var(dim=dims, correction=0) - 1).abs().max() < 1e-3


def test_none_changes_nothing() -> None:
    assert torch.equal(normalised("none"), X)


def test_before_and_after() -> None:
    kinds = {name: [type(m).__name__ for m in NORM.build(Choice(name), 8, torch.nn.ReLU())] for name in NORM.names}
    assert kinds["batch"] == ["BatchNorm2d", "ReLU"]
    assert kinds["batch_after"] == ["ReLU", "BatchNorm2d"]


@pytest.mark.parametrize("name", NORM.names)
@pytest.mark.parametrize("channels", [1, 3, 6, 8])
def test_any_number_of_channels(name: str, channels: int) -> None:
    for activation in (torch.nn.ReLU(), Maxout()):
        x = torch.randn(4, channels * getattr(activation, "pieces", 1), 3, 3)
        assert torch.nn.Sequential(*NORM.build(Choice(name), channels, activation))(x).shape[1] == channels
