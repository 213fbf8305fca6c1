"""Moderated variances: what few seeds say about a spread, shrunk to what the whole grid says (Smyth 2004).

"Linear models and empirical Bayes methods for assessing differential expression in microarray experiments",
Statistical Applications in Genetics and Molecular Biology 3(1), article 3; the same as limma's `squeezeVar`.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

# Fewer spreads say too little about how spreads differ; simulated in benchmarks/calibration.py.
FEWEST = 10


@dataclass(frozen=True)
class Prior:
    """The variance that a spread is drawn to, and with how many degrees of freedom.

    True variances are taken to be distributed as `variance` * `freedom` / chi-square(`freedom`); `freedom` is
    infinite where they don't differ by more than their estimates scatter. `pooled` are the degrees of freedom of all
    the spreads that it rests on, `count` of them.
    """

    variance: float
    freedom: float
    pooled: float
    count: int


def trigamma_inverse(value: float) -> float:
    """Return y > 0 with trigamma(y) = `value` > 0."""
    # Between its bounds 1 / y and 1 / y + 1 / y^2 (Smyth 2004, appendix); both ends are opened a little for rounding.
    low, high = 0.99 / value, 1.01 * (1 + math.sqrt(1 + 4 * value)) / (2 * value)
    return float(optimize.brentq(lambda y: special.polygamma(1, y) - value, low, high, rtol=1e-12))


def fit_prior(variances: np.ndarray, freedoms: np.ndarray, caution: float = 0.0) -> Prior | None:
    """Return the prior of variances (G,) with their degrees of freedom (G,); None if fewer than 10 are above 0.

    By the mean and the variance of the logarithms (Smyth 2004, section 6.2). Variances of 0 are left out: what
    doesn't scatter at all says nothing about how much the rest does. By how much true variances differ is itself
    uncertain: it is taken to be `caution` standard errors more than estimated, which lowers the degrees of freedom.
    """
    known = (variances > 0) & (freedoms > 0)
    if known.sum() < FEWEST:
        return None
    half = freedoms[known] / 2
    logs = np.log(variances[known]) - special.digamma(half) + np.log(half)
    squares = (logs - logs.mean()) ** 2
    excess = logs.var(ddof=1) - special.polygamma(1, half).mean() + caution * squares.std() / math.sqrt(len(squares))
    pooled, count = float(freedoms[known].sum()), int(known.sum())
    if excess <= 0:
        # The plain mean, as limma has it since 2017.
        return Prior(float(variances[known].mean()), math.inf, pooled, count)
    freedom = 2 * trigamma_inverse(excess)
    variance = np.exp(logs.mean() + special.digamma(freedom / 2) - math.log(freedom / 2))
    return Prior(float(variance), freedom, pooled, count)


def shrink(variance: float, freedom: float, prior: Prior | None) -> tuple[float, float]:
    """Return the posterior variance and its degrees of freedom; as they are without a prior.

    The degrees of freedom are never more than those of all the spreads together, from which the prior was estimated.
    """
    if prior is None:
        return variance, freedom
    if math.isinf(prior.freedom):
        return prior.variance, prior.pooled
    total = prior.freedom + freedom
    return (prior.freedom * prior.variance + freedom * variance) / total, min(total, prior.pooled)
