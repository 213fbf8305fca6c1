"""Estimates from a handful of seeds: intervals, paired differences, exact tests, and what n can resolve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from harness.seeding import numpy_generator

CONFIDENCE = 0.95
EXACT_UP_TO = 16  # 2^16 sign patterns take milliseconds; beyond that they are drawn
DRAWS = 100_000
MOST_SEEDS = 10_000


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its 95 % interval; with fewer than two values there is no interval."""

    mean: float
    low: float | None
    high: float | None
    sd: float | None
    count: int

    def __neg__(self) -> "Estimate":
        low, high = (None if end is None else -end for end in (self.high, self.low))
        return Estimate(-self.mean, low, high, self.sd, self.count)


def mean_interval(values: Sequence[float] | np.ndarray) -> Estimate | None:
    """Return the mean of `values` with Student's t-interval; None if there is no finite value.

    Equal values give an interval of no width, never NaN.
    """
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    count = len(finite)
    if count == 0:
        return None
    # A mean of equal floats can be off by a rounding error, which would look like an effect.
    mean = float(finite[0]) if np.all(finite == finite[0]) else float(finite.mean())
    if count == 1:
        return Estimate(mean, None, None, None, 1)
    sd = 0.0 if np.all(finite == finite[0]) else float(finite.std(ddof=1))
    half = half_width(sd, count)
    return Estimate(mean, mean - half, mean + half, sd, count)


def half_width(sd: float, count: int) -> float:
    """Return half the width of the 95 % t-interval of a mean of `count` values with spread `sd`."""
    return t_quantile(count - 1) * sd / math.sqrt(count)


@cache
def t_quantile(freedom: int) -> float:
    """Return the quantile of Student's t that leaves 2.5 % above it."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom))


def sign_flip_p(differences: Sequence[float] | np.ndarray) -> float | None:
    """Return the two-sided p-value of a sign-flip test that the differences are symmetric about 0.

    Exact up to 16 differences: the share of the 2^n sign patterns whose sum is at least as far
    from 0 as the one seen. Beyond that, 100,000 drawn patterns and the one seen. Never below 2/2^n.
    """
    finite = np.asarray(differences, dtype=float)
    finite = finite[np.isfinite(finite)]
    count = len(finite)
    if count == 0:
        return None
    seen = abs(finite.sum())
    tolerance = 1e-9 * np.abs(finite).sum()
    if count <= EXACT_UP_TO:
        patterns = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float(np.mean(np.abs(patterns @ finite) >= seen - tolerance))
    rng = numpy_generator(0, "sign-flip")
    patterns = rng.choice(np.array([-1.0, 1.0]), size=(DRAWS, count))
    return float((np.sum(np.abs(patterns @ finite) >= seen - tolerance) + 1) / (DRAWS + 1))


def smallest_p(count: int) -> float:
    """Return the smallest p-value that an exact sign-flip test of `count` pairs can reach."""
    return 2 / 2**count if count > 0 else 1.0


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for their number (Holm 1979), in the given order; None stays None."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted


def resolvable_effect(sds: Sequence[float | None], count: int) -> float | None:
    """Return the smallest paired difference whose 95 % interval would leave 0 out with `count` seeds.

    `sds` are the spreads of the paired differences of several levels; they are pooled as variances.
    """
    known = [sd for sd in sds if sd is not None]
    if not known or count < 2:
        return None
    return half_width(math.sqrt(sum(sd * sd for sd in known) / len(known)), count)


@cache
def _half_widths() -> np.ndarray:
    counts = np.arange(2, MOST_SEEDS + 1)
    return stats.t.ppf((1 + CONFIDENCE) / 2, counts - 1) / np.sqrt(counts)


def seeds_to_resolve(sd: float | None, distance: float) -> int | None:
    """Return how many seeds make half the 95 % interval smaller than `distance`.

    None: not known (no spread measured), or more than 10,000.
    """
    if sd is None or distance <= 0:
        return None
    enough = np.flatnonzero(_half_widths() * sd < distance)
    return int(enough[0]) + 2 if len(enough) else None
