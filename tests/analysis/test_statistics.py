from itertools import product

import numpy as np
import pytest
from scipy import stats

from harness.analysis.statistics import (
    holm,
    mean_interval,
    resolvable_effect,
    seeds_to_resolve,
    sign_flip_p,
    smallest_p,
)

LUCK = range(10)


@pytest.mark.parametrize("luck", LUCK)
def test_the_interval_is_that_of_scipy(luck):
    rng = np.random.default_rng(luck)
    values = rng.normal(0.5, 0.1, rng.integers(2, 12))
    estimate = mean_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
    assert estimate.mean == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx((low, high))


def test_the_interval_covers_the_truth_95_times_of_100():
    rng = np.random.default_rng(0)
    draws = [mean_interval(rng.normal(2.0, 3.0, 4)) for _ in range(2000)]
    covered = np.mean([draw.low <= 2.0 <= draw.high for draw in draws])
    assert 0.935 < covered < 0.965


def test_one_value_has_no_interval_and_none_no_estimate():
    assert mean_interval([0.7]).low is None
    assert mean_interval([]) is None
    assert mean_interval([np.nan, np.inf]) is None


def test_equal_values_give_an_interval_of_no_width():
    # The mean of three times 0.1 isn't 0.1 in binary; a rounding error must not look like an effect.
    estimate = mean_interval([0.1, 0.1, 0.1])
    assert (estimate.low, estimate.mean, estimate.high, estimate.sd) == (0.1, 0.1, 0.1, 0.0)


def test_values_that_are_not_finite_are_left_out():
    assert mean_interval([0.2, np.nan, 0.4]).count == 2


@pytest.mark.parametrize("luck", LUCK)
def test_sign_flips_are_counted_as_by_hand(luck):
    rng = np.random.default_rng(luck)
    differences = rng.normal(0.3, 1, rng.integers(1, 9))
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=len(differences))]
    expected = np.mean([total >= abs(differences.sum()) - 1e-12 for total in sums])
    p = sign_flip_p(differences)
    assert p == pytest.approx(expected)
    assert smallest_p(len(differences)) <= p <= 1
    assert sign_flip_p(-differences) == p


def test_sign_flips_are_those_of_scipy():
    differences = np.array([0.4, 0.1, -0.2, 0.7, 0.3, 0.5, -0.1])
    reference = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(differences) == pytest.approx(reference.pvalue)


def test_many_differences_are_drawn_with_the_same_luck_each_time():
    differences = np.random.default_rng(1).normal(0.25, 1, 30)
    p = sign_flip_p(differences)
    assert p == sign_flip_p(differences)
    assert p == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.02)


def test_no_difference_at_all_has_p_one():
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1
    assert sign_flip_p([]) is None
    assert sign_flip_p([0.2, 0.2, 0.2]) == smallest_p(3) == 0.25


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


def test_what_the_seeds_resolve_is_half_an_interval():
    half = stats.t.ppf(0.975, 2) * 0.02 / np.sqrt(3)
    assert resolvable_effect([0.02, 0.02, None], 3) == pytest.approx(half)
    assert resolvable_effect([0.0, 0.0], 3) == 0
    assert resolvable_effect([None], 1) is None


@pytest.mark.parametrize("luck", LUCK)
def test_seeds_to_resolve_is_the_smallest_number_that_does(luck):
    rng = np.random.default_rng(luck)
    sd, distance = rng.uniform(0.005, 0.05), rng.uniform(0.004, 0.05)
    needed = seeds_to_resolve(sd, distance)
    assert resolvable_effect([sd], needed) < distance
    if needed > 2:
        assert resolvable_effect([sd], needed - 1) >= distance


def test_seeds_that_are_unknown_or_beyond_reason_are_none():
    assert seeds_to_resolve(None, 0.1) is None
    assert seeds_to_resolve(0.1, 0) is None
    assert seeds_to_resolve(1.0, 1e-6) is None
    assert seeds_to_resolve(0.0, 0.1) == 2
