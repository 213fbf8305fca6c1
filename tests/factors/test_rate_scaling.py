from harness.core.spec import Choice
from harness.factors.rate_scaling import RATE_SCALING


def test_factors() -> None:
    assert RATE_SCALING.build(Choice("fixed"), 512, 32) == 1
    assert RATE_SCALING.build(Choice("linear"), 512, 32) == 16
