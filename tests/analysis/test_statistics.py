import numpy as np
import pytest
from scipy import stats

from harness.analysis.statistics import Estimate, holm, mean_interval, student

LUCK = range(10)


@pytest.mark.parametrize("luck", LUCK)
def test_the_interval_is_that_of_scipy(luck):
    rng = np.random.default_rng(luck)
    values = rng.normal(0.5, 0.1, rng.integers(2, 12))
    estimate = mean_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert estimate.mean == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


@pytest.mark.parametrize("luck", LUCK)
def test_p_values_are_those_of_scipy_and_of_the_interval(luck):
    rng = np.random.default_rng(luck)
    values = rng.normal(0.5, 1, rng.integers(2, 12))
    estimate = mean_interval(values)
    assert estimate.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert estimate.above(0.3) == pytest.approx(stats.ttest_1samp(values, 0.3, alternative="greater").pvalue)
    assert estimate.below(0.3) == pytest.approx(1 - estimate.above(0.3))
    assert estimate.above(estimate.low) == pytest.approx(0.025) == estimate.below(estimate.high)


def test_the_interval_covers_the_truth_95_times_of_100():
    rng = np.random.default_rng(0)
    draws = [mean_interval(rng.normal(2.0, 3.0, 4)) for _ in range(2000)]
    covered = np.mean([draw.low <= 2.0 <= draw.high for draw in draws])
    assert 0.935 < covered < 0.965


def test_one_value_has_no_interval_and_none_no_estimate():
    alone = mean_interval([0.7])
    assert alone.low is None and alone.p is None
    assert alone.above(0) == alone.below(0) == 1
    assert mean_interval([]) is None
    assert mean_interval([np.nan, np.inf]) is None


def test_equal_values_give_an_interval_of_no_width():
    # The mean of three times 0.1 isn't 0.1 in binary; a rounding error must not look like an effect.
    estimate = mean_interval([0.1, 0.1, 0.1])
    assert (estimate.low, estimate.mean, estimate.high) == (0.1, 0.1, 0.1)


def test_what_is_fixed_is_above_or_it_is_not():
    fixed = Estimate(0.5, 0.5, 0.5, 3, 0.0, 2.0)
    assert (fixed.above(0.4), fixed.above(0.5), fixed.above(0.5, strictly=False), fixed.above(0.6)) == (0, 1, 0, 1)
    assert (fixed.below(0.4), fixed.below(0.5), fixed.below(0.5, strictly=False), fixed.below(0.6)) == (1, 1, 0, 0)


def test_negation_turns_the_interval_round():
    estimate = student(1.0, 0.01, 3.5, 3)
    turned = -estimate
    assert (turned.mean, turned.low, turned.high) == (-estimate.mean, -estimate.high, -estimate.low)
    assert turned.above(-0.8) == estimate.below(0.8)
    assert (-Estimate(1.0, None, None, 1)).low is None


def test_half_widths_of_other_levels():
    estimate = student(0.0, 0.04, 5.0, 4)
    assert estimate.half_width() == pytest.approx(estimate.high)
    assert estimate.half_width(0.01) == pytest.approx(stats.t.ppf(0.995, 5) * 0.1)
    assert Estimate(1.0, None, None, 1).half_width() is None


def test_values_that_are_not_finite_are_left_out():
    assert mean_interval([0.2, np.nan, 0.4]).count == 2


@pytest.mark.parametrize("luck", LUCK)
def test_holm_follows_its_definition(luck):
    rng = np.random.default_rng(luck)
    p = rng.uniform(0, 0.4, rng.integers(1, 8))
    order = np.argsort(p)
    expected = np.empty(len(p))
    for rank, index in enumerate(order):
        expected[index] = max(min(1, p[order[j]] * (len(p) - j)) for j in range(rank + 1))
    adjusted = holm(list(p))
    assert adjusted == pytest.approx(list(expected))
    assert all(after >= before for before, after in zip(p, adjusted, strict=True))


def test_holm_leaves_what_is_missing_alone():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
