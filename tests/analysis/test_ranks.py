from math import sqrt

import numpy as np
import pytest
from scipy import stats

from harness.analysis.ranks import error, improvement, interquartile_mean, ranks

# Four classifiers on six data sets.
TABLE = {
    "a": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936],
    "b": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931],
    "c": [0.771, 0.590, 0.968, 0.654, 0.886, 0.916],
    "d": [0.798, 0.569, 0.967, 0.657, 0.898, 0.931],
}
# scikit-posthocs 0.17.1: posthoc_nemenyi_friedman of these.
NEMENYI = {("a", "b"): 0.4659438992, ("a", "c"): 0.9960587537, ("a", "d"): 0.7457723544, ("b", "d"): 0.9701777421}
# Five levels in eight contexts, with ties, that Friedman tells apart.
LAYERS = {
    "none": [0.612, 0.548, 0.701, 0.433, 0.590, 0.655, 0.480, 0.520],
    "batch": [0.702, 0.640, 0.755, 0.540, 0.661, 0.721, 0.575, 0.601],
    "layer": [0.688, 0.640, 0.741, 0.551, 0.650, 0.715, 0.560, 0.590],
    "group": [0.690, 0.622, 0.748, 0.530, 0.655, 0.721, 0.568, 0.588],
    "response": [0.612, 0.560, 0.690, 0.470, 0.601, 0.640, 0.495, 0.515],
}
# autorank 1.3.0: autorank(DataFrame(table), alpha=0.05, force_mode="nonparametric"): meanrank, pvalue, cd.
AUTORANK = [
    (TABLE, {"a": 3.0, "b": 1.9166666667, "c": 2.8333333333, "d": 2.25}, 0.4240582475652117, 1.9148311793516495),
    (
        LAYERS,
        {"none": 4.5625, "batch": 1.25, "layer": 2.4375, "group": 2.3125, "response": 4.4375},
        1.760267196822207e-05,
        2.156476420640903,
    ),
]


def runs(table: dict[str, list[float]]) -> dict[str, list[np.ndarray]]:
    return {level: [np.array([value]) for value in row] for level, row in table.items()}


def test_ranks_are_those_of_other_packages() -> None:
    found = ranks(runs(TABLE), "a")
    assert found and found.contexts == 6
    assert {one.level: one.rank for one in found.levels} == pytest.approx(
        {"a": 3.0, "b": 1.9166667, "c": 2.8333333, "d": 2.25}
    )
    assert [one.level for one in found.levels] == ["b", "d", "c", "a"]
    assert found.p == pytest.approx(stats.friedmanchisquare(*TABLE.values()).pvalue)
    places = {one.level: one.rank for one in found.levels}
    for (one, other), p in NEMENYI.items():
        distance = abs(places[one] - places[other])
        assert stats.studentized_range.sf(sqrt(2) * distance / error(4, 6), 4, np.inf) == pytest.approx(p, rel=1e-3)
    # Demsar (2006), table 5: q of four classifiers at 0.05 is 2.569.
    assert found.critical == pytest.approx(2.569 * sqrt(4 * 5 / (6 * 6)), abs=1e-3)


@pytest.mark.parametrize(("table", "places", "p", "critical"), AUTORANK)
def test_ranks_tests_and_distances_are_those_of_autorank(
    table: dict[str, list[float]], places: dict[str, float], p: float, critical: float
) -> None:
    found = ranks(runs(table), next(iter(table)))
    assert found and {one.level: one.rank for one in found.levels} == pytest.approx(places)
    assert found.p == pytest.approx(p, rel=1e-9)
    # Its quantile of the studentized range is an approximation with five digits.
    assert found.critical == pytest.approx(critical, rel=1e-5)


def test_means_of_the_middle_half_and_chances_to_improve_are_rliable_s() -> None:
    assert interquartile_mean(np.array([0.0, 1, 2, 3, 4, 5, 6, 100])) == pytest.approx(3.5)
    # Per task the share of pairs in which x is better, ties half: 3.5 of 4 and 0 of 4.
    x, y = [np.array([2.0, 3.0]), np.array([0.0, 0.0])], [np.array([1.0, 2.0]), np.array([1.0, 1.0])]
    assert improvement(x, y) == pytest.approx((3.5 / 4 + 0) / 2)


def test_nothing_is_ranked_of_one_context_or_two_levels() -> None:
    assert ranks(runs({level: row[:1] for level, row in TABLE.items()}), "a") is None
    assert ranks(runs({level: TABLE[level] for level in "ab"}), "a") is None
    equal = ranks(runs(dict.fromkeys("abc", TABLE["a"])), "a")
    assert equal and equal.p == 1 and {one.rank for one in equal.levels} == {2.0}
