"""Estimates from a handful of seeds: means with intervals and p-values of one model, and Holm's adjustment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy import special

from harness.analysis.shares import Shares

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval; where nothing shows how far values scatter there is none.

    `error` is the standard error of the mean and `freedom` its degrees of freedom (None: no interval); with an error
    of 0 the value is fixed, and every seed agrees. Of a difference of shares of runs `shares` holds the counts: its
    interval and its p-values are exact. Where seeds are added depending on what earlier ones showed, `looks` is how
    often: each look may be wrong by its part of the 5 % (Bonferroni), whichever turns out to be the last.
    """

    mean: float
    low: float | None
    high: float | None
    count: int
    error: float | None = None
    freedom: float | None = None
    shares: Shares | None = None
    looks: int = 1

    def __neg__(self) -> "Estimate":
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return replace(self, mean=-self.mean, low=low, high=high, shares=-self.shares if self.shares else None)

    def above(self, bound: float, strictly: bool = True) -> float:
        """Return the one-sided p-value of a truth at or below `bound`: small where it is surely above.

        A value that is fixed is above or not, 0 or 1; on the bound it is so unless `strictly`. 1 without interval.
        """
        if self.shares:
            return min(1.0, self.looks * self.shares.above(bound))
        if self.error is None or self.freedom is None:
            return 1.0
        if self.error == 0:
            return 0.0 if self.mean > bound or (self.mean == bound and not strictly) else 1.0
        return min(1.0, self.looks * float(special.stdtr(self.freedom, (bound - self.mean) / self.error)))

    def below(self, bound: float, strictly: bool = True) -> float:
        """Return the one-sided p-value of a truth at or above `bound`."""
        return (-self).above(-bound, strictly)

    @property
    def p(self) -> float | None:
        """The two-sided p-value of no difference; None without an interval."""
        return None if self.low is None else min(1.0, 2 * min(self.above(0.0), self.below(0.0)))

    def half_width(self, alpha: float = 1 - CONFIDENCE) -> float | None:
        """Return half the width of the interval that leaves `alpha` outside; None if there is none, or it is exact."""
        if self.error is None or self.freedom is None:
            return None
        return t_quantile(1 - alpha / 2 / self.looks, self.freedom) * self.error


def student(mean: float, variance: float, freedom: float, count: int, looks: int = 1) -> Estimate:
    """Return the mean of `count` values with Student's interval: `variance` of one value, with its `freedom`."""
    error = math.sqrt(variance / count)
    half = t_quantile(1 - (1 - CONFIDENCE) / 2 / looks, freedom) * error
    return Estimate(mean, mean - half, mean + half, count, error, freedom, looks=looks)


def mean_interval(values: Sequence[float] | np.ndarray) -> Estimate | None:
    """Return the mean of `values` with Student's t-interval of these values alone; None if none is finite.

    Equal values give an interval of no width, never NaN.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if len(finite) == 0:
        return None
    if len(finite) == 1:
        return Estimate(float(finite[0]), None, None, 1)
    return student(mean_of(finite), variance_of(finite), len(finite) - 1, len(finite))


def mean_of(values: np.ndarray) -> float:
    """Return the mean; of equal floats it can be off by a rounding error, which would look like an effect."""
    return float(values[0]) if np.all(values == values[0]) else float(values.mean())


def variance_of(values: np.ndarray) -> float:
    """Return the unbiased variance; exactly 0 where values differ by rounding errors alone."""
    spread = float(values.max() - values.min())
    return 0.0 if spread <= 1e-12 * float(np.abs(values).max()) else float(values.var(ddof=1))


@cache
def t_quantile(share: float, freedom: float) -> float:
    """Return the quantile of Student's t with a `share` below it."""
    return float(special.stdtrit(freedom, share))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for their number (Holm 1979), in the given order; None stays None."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted
