import pytest

from harness.core.errors import SettingError
from harness.core.spec import Choice
from harness.factors.search import SEARCH, Range, settings_of


def test_middles_are_those_of_equal_parts_of_the_powers_of_ten() -> None:
    assert Range(1e-4, 1.0).middles(2) == pytest.approx([1e-3, 1e-1])
    assert Range(1e-3, 1.0).middles(3) == pytest.approx([10**-2.5, 10**-1.5, 10**-0.5])


def test_a_narrower_range_is_around_the_value_and_stays_within() -> None:
    whole = Range(1e-4, 1.0)
    inner = whole.around(1e-2, 0.5)
    assert (inner.low, inner.high) == pytest.approx((1e-3, 1e-1))
    edge = whole.around(0.5, 0.5)
    assert (edge.low, edge.high) == pytest.approx((0.05, 1.0))


@pytest.mark.parametrize("level", [name for name in SEARCH.names if name != "none"])
@pytest.mark.parametrize("trials", [4, 9, 16])
def test_all_searches_have_equally_many_trials(level: str, trials: int) -> None:
    assert sum(stage.trials for stage in SEARCH.build(Choice.of(level, {"trials": trials}))) == trials


@pytest.mark.parametrize(
    ("level", "arguments", "words"),
    [
        ("grid", {"trials": 10}, "square number, such as 4, 9 or 16, not 10"),
        ("grid", {"trials": -4}, "trials must lie in 1 to 10000, not -4"),
        ("random", {"trials": 0}, "trials must lie in 1 to 10000, not 0"),
        ("coarse_to_fine", {"trials": 1}, "trials must lie in 2 to 10000, not 1"),
        ("coarse_to_fine", {"width": 0.0}, "width must lie in 0.01 to 1, not 0"),
        ("coarse_to_fine", {"epochs": 2.0}, "epochs must lie in 0.01 to 1, not 2"),
    ],
)
def test_a_search_that_cannot_be_says_what_can(level: str, arguments: dict[str, float], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        SEARCH.build(SEARCH.check(Choice.of(level, arguments), "params.yaml"))


def test_values_become_settings() -> None:
    found = settings_of({"learning_rate": 0.1, "l2_strength": 0.01})
    assert found == {"learning_rate": 0.1, "penalty": Choice.of("l2", {"strength": 0.01})}
