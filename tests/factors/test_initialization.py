from math import sqrt

import pytest
import torch

from harness.core.seeding import generator
from harness.core.spec import Choice
from harness.factors.initialization import INITIALIZATION, fan_in

SHAPE = (256, 64, 3, 3)
FAN_IN, FAN_OUT = 64 * 9, 256 * 9


def filled(name: str, **arguments: float) -> torch.Tensor:
    weight = torch.empty(SHAPE)
    INITIALIZATION.build(Choice.of(name, arguments), weight, generator(0, "init"))
    return weight


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("normal", 0.01),
        ("xavier", sqrt(2 / (FAN_IN + FAN_OUT))),
        ("xavier_fan_in", 1 / sqrt(FAN_IN)),
        ("torch", 1 / sqrt(3 * FAN_IN)),
        ("he", sqrt(2 / FAN_IN)),
        ("he_as_printed", 2 / sqrt(FAN_IN)),
        ("orthogonal", sqrt(2 / FAN_IN)),
    ],
)
def test_standard_deviation(name: str, std: float) -> None:
    weight = filled(name)
    assert weight.std().item() == pytest.approx(std, rel=0.01)
    assert abs(weight.mean().item()) < std / 50


def test_fan_in_counts_the_inputs_of_one_unit() -> None:
    assert fan_in(torch.empty(SHAPE)) == FAN_IN
    assert fan_in(torch.empty(10, 128)) == 128


def test_torch_is_what_a_layer_of_torch_starts_with() -> None:
    layer = torch.nn.Conv2d(64, 256, 3)
    weight = filled("torch")
    bound = layer.weight.abs().max().item()
    assert bound * 0.999 < weight.abs().max().item() <= 1 / sqrt(FAN_IN)
    assert weight.std().item() == pytest.approx(layer.weight.std().item(), rel=0.01)


def test_equal_weights() -> None:
    assert (filled("zeros") == 0).all()
    assert (filled("constant", value=0.3) == 0.3).all()


def test_orthogonal_rows() -> None:
    rows = filled("orthogonal", gain=1.0).flatten(1)
    torch.testing.assert_close(rows @ rows.T, torch.eye(256), atol=1e-5, rtol=0)
