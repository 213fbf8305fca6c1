import numpy as np
import pytest
from scipy import stats

from harness.analysis.shares import Shares


@pytest.mark.parametrize("hits, runs", [(0, 3), (3, 3), (2, 5), (1, 10)])
def test_one_share_has_the_interval_of_clopper_and_pearson(hits, runs):
    known = stats.binomtest(hits, runs).proportion_ci(0.95, method="exact")
    one = Shares(hits, runs)
    assert (one.low(0.05), one.high(0.05)) == pytest.approx((known.low, known.high), abs=1e-5)
    against = Shares(hits, runs, None, 0.4)
    assert against.low(0.05) == pytest.approx(max(known.low, 0) - 0.4, abs=1e-5)
    assert against.mean == hits / runs - 0.4


def test_three_of_three_against_none_of_three_differ_surely_by_little():
    # Worst case of p1 - p2 <= d: p1 = (1 + d) / 2, p2 = (1 - d) / 2, chance ((1 + d) / 2)^6.
    two = Shares(3, 3, (0, 3))
    assert two.above(0.0) == pytest.approx(0.5**6, rel=1e-3)
    assert two.low(0.05) == pytest.approx(2 * 0.025 ** (1 / 6) - 1, abs=1e-3)
    assert two.high(0.05) == 1


def test_the_other_way_round_is_the_same():
    two = Shares(4, 5, (1, 6))
    assert (-two).low(0.05) == pytest.approx(-two.high(0.05), abs=1e-5)
    assert (-two).mean == -two.mean


@pytest.mark.parametrize("first, second", [(0.2, 0.2), (0.9, 0.5), (0.5, 0.05)])
def test_intervals_of_a_difference_cover_the_truth(first, second):
    runs, covered = 4, 0.0
    for one in range(runs + 1):
        for other in range(runs + 1):
            chance = stats.binom.pmf(one, runs, first) * stats.binom.pmf(other, runs, second)
            found = Shares(one, runs, (other, runs))
            covered += chance * (found.low(0.05) - 1e-4 <= first - second <= found.high(0.05) + 1e-4)
    assert covered >= 0.95


def test_ends_are_possible():
    rng = np.random.default_rng(0)
    for _ in range(20):
        one, other = rng.integers(0, 4, 2)
        found = Shares(int(one), 3, (int(other), 3))
        assert -1 <= found.low(0.05) <= found.mean + 1e-6
        assert found.mean - 1e-6 <= found.high(0.05) <= 1
