import pytest
from torch import nn

from harness.core.spec import Choice
from harness.factors.dropout import DROPOUT_PLACE, dropout


@pytest.mark.parametrize(
    ("place", "rates"), [("dense", [0, 0, 0.6]), ("conv", [0.6, 0.6, 0]), ("rising", [0.2, 0.4, 0.6])]
)
def test_rates(place: str, rates: list[float]) -> None:
    assert DROPOUT_PLACE.build(Choice(place), 0.6, 3) == pytest.approx(rates)


def test_no_rate_no_layer() -> None:
    assert dropout(0.0, dense=True) == []
    assert isinstance(dropout(0.3, dense=True)[0], nn.Dropout)
    assert isinstance(dropout(0.3, dense=False)[0], nn.Dropout2d)
