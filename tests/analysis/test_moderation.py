import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from harness.analysis.moderation import FEWEST, Prior, fit_prior, shrink, trigamma_inverse


@pytest.mark.parametrize("y", [1e-3, 0.05, 0.5, 1.0, 7.3, 100.0, 1e6])
def test_trigamma_is_inverted(y):
    assert trigamma_inverse(float(special.polygamma(1, y))) == pytest.approx(y, rel=1e-6)


def limma(variances, freedoms):
    """fitFDist of limma 3.x, written from Smyth (2004), section 6.2, with another solver: (s0^2, d0)."""
    z = np.log(variances)
    e = z - special.psi(freedoms / 2) + np.log(freedoms / 2)
    n = len(e)
    target = np.mean((e - e.mean()) ** 2 * n / (n - 1) - special.zeta(2, freedoms / 2))
    if target <= 0:
        return variances.mean(), math.inf
    half = np.exp(optimize.brentq(lambda x: np.log(special.zeta(2, np.exp(x))) - np.log(target), -20, 20))
    return np.exp(e.mean() + special.psi(half) - np.log(half)), 2 * half


@pytest.mark.parametrize("luck", range(10))
def test_the_prior_is_that_of_the_published_formula(luck):
    rng = np.random.default_rng(luck)
    count = rng.integers(FEWEST, 300)
    freedoms = rng.integers(1, 10, count).astype(float)
    variances = 4.0 * 3.0 / rng.chisquare(3.0, count) * rng.chisquare(freedoms) / freedoms
    prior = fit_prior(variances, freedoms)
    assert (prior.variance, prior.freedom) == pytest.approx(limma(variances, freedoms), rel=1e-6)
    assert prior.pooled == freedoms.sum()


def test_the_prior_is_that_of_another_package():
    # inmoose 0.9.1: limma.fitFDist of these.
    variances = np.array([0.7, 2.1, 0.4, 5.2, 1.1, 0.9, 9.3, 0.2, 3.3, 1.7, 0.05, 2.6])
    prior = fit_prior(variances, np.array([2.0] * 8 + [3.0, 3.0, 4.0, 4.0]))
    assert (prior.variance, prior.freedom) == pytest.approx((1.3111718877716416, 3.2505662786925233))
    alike = fit_prior(np.linspace(1, 2, 12), np.full(12, 4.0))
    assert (alike.variance, alike.freedom) == (1.5, math.inf)


def test_the_posterior_is_that_of_the_published_example_of_two_numbers():
    # (d0 s0^2 + d s^2) / (d0 + d), Smyth (2004), equation for the posterior variance: (4 * 2 + 2 * 5) / 6.
    assert shrink(5.0, 2.0, Prior(2.0, 4.0, 1000.0, 500)) == (3.0, 6.0)
    assert shrink(5.0, 2.0, Prior(2.0, 4.0, 5.0, 3)) == (3.0, 5.0)
    assert shrink(5.0, 2.0, Prior(2.0, math.inf, 40.0, 20)) == (2.0, 40.0)
    assert shrink(5.0, 2.0, None) == (5.0, 2.0)


def test_the_prior_is_found_again():
    rng = np.random.default_rng(1)
    truths = 0.5 * 4.0 / rng.chisquare(4.0, 20_000)
    prior = fit_prior(truths * rng.chisquare(2.0, 20_000) / 2.0, np.full(20_000, 2.0))
    assert prior.variance == pytest.approx(0.5, rel=0.05)
    assert prior.freedom == pytest.approx(4.0, rel=0.1)


def test_variances_that_do_not_differ_are_one():
    rng = np.random.default_rng(2)
    variances = np.full(50, 3.0) * rng.uniform(0.9, 1.1, 50)
    prior = fit_prior(variances, np.full(50, 4.0))
    assert math.isinf(prior.freedom)
    shared, freedom = shrink(100.0, 4.0, prior)
    assert (shared, freedom) == (prior.variance, 200.0)


def test_caution_trusts_the_grid_less():
    rng = np.random.default_rng(3)
    variances, freedoms = 4.0 / rng.chisquare(4.0, 200) * rng.chisquare(2.0, 200) / 2.0, np.full(200, 2.0)
    plain, cautious = fit_prior(variances, freedoms), fit_prior(variances, freedoms, caution=2.0)
    assert 2.0 < cautious.freedom < plain.freedom
    assert cautious.variance == pytest.approx(plain.variance, rel=0.3)


def test_too_few_and_what_does_not_scatter_make_no_prior():
    assert fit_prior(np.ones(FEWEST - 1), np.full(FEWEST - 1, 2.0)) is None
    assert fit_prior(np.zeros(50), np.full(50, 2.0)) is None
    some = fit_prior(np.r_[np.zeros(50), np.linspace(1, 2, FEWEST)], np.full(50 + FEWEST, 2.0))
    assert some.count == FEWEST


@pytest.mark.parametrize("count", [FEWEST, 30, 200])
def test_moderated_intervals_of_three_seeds_cover_the_truth_and_are_shorter(count):
    rng = np.random.default_rng(count)
    covered, shorter = [], []
    for _ in range(4000 // count + 20):
        spreads = 3.0 / rng.chisquare(3.0, count)
        values = np.sqrt(spreads)[:, None] * rng.standard_normal((count, 3))
        seen = values.var(axis=1, ddof=1)
        prior = fit_prior(seen, np.full(count, 2.0))
        for mean, variance in zip(values.mean(axis=1), seen, strict=True):
            shrunk, freedom = shrink(variance, 2.0, prior)
            half = stats.t.ppf(0.975, freedom) * math.sqrt(shrunk / 3)
            covered.append(abs(mean) < half)
            shorter.append(half < stats.t.ppf(0.975, 2) * math.sqrt(variance / 3))
    # Of ten spreads the prior itself is uncertain.
    assert (0.925 if count == FEWEST else 0.935) < np.mean(covered) < 0.965
    assert np.mean(shorter) > 0.6
