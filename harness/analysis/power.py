"""How many seeds would decide: the number at which four of five repetitions do, as a range."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from harness.analysis.moderation import Prior
from harness.analysis.statistics import CONFIDENCE, Estimate, t_quantile
from harness.core.seeding import numpy_generator
from harness.core.study import Comparison

POWER = 0.8
MOST = 100  # seeds; what takes more isn't worth it
DRAWS = 2000
# What the range leaves out of the draws on either side: a tenth makes it twice as wide, and a fifth lets it miss the
# true number in a quarter of simulated cases (benchmarks/calibration.py).
TAIL = 0.15


@dataclass(frozen=True)
class Seeds:
    """The seeds per arm that would decide, from `low` to `high`; None: more than 100."""

    low: int | None
    high: int | None


@cache
def reach(seeds: int, freedom_at_one: float, prior_freedom: float, pooled: float, looks: int = 1) -> float:
    """Return the distance from a border, in standard deviations of one seed, that `seeds` decide with 80 % power.

    `freedom_at_one`: the degrees of freedom that each further seed adds. The noncentral t is taken for a shifted one,
    which is within 3 % from 4 degrees of freedom on.
    """
    freedom = min(prior_freedom + freedom_at_one * (seeds - 1), max(pooled, freedom_at_one * (seeds - 1)))
    needed = t_quantile(1 - (1 - CONFIDENCE) / 2 / looks, freedom) + t_quantile(POWER, freedom)
    return needed / math.sqrt(seeds)


def reaches(freedom_at_one: float, prior: Prior | None, looks: int = 1) -> np.ndarray:
    """Return the reach of 2 to 100 seeds, falling."""
    rest = (prior.freedom, prior.pooled) if prior else (0.0, 0.0)
    return np.array([reach(seeds, freedom_at_one, *rest, looks) for seeds in range(2, MOST + 1)])


def least_effect(seeds: int) -> float | None:
    """Return the difference, in standard deviations of one seed, that plain t finds with 80 % power; None for one."""
    return None if seeds < 2 else reach(seeds, 1.0, 0.0, 0.0)


def seeds_to_decide(estimate: Estimate, comparison: Comparison, prior: Prior | None) -> Seeds | None:
    """Return the seeds per arm that would decide a comparison; None where nothing shows how its values scatter.

    Truths are drawn as the estimate leaves them open: a variance by its degrees of freedom, a difference by that
    variance. For each, the number follows at which 80 % of repetitions would decide; the range holds the middle 70 %.
    """
    if not estimate.error or estimate.freedom is None or estimate.count < 2:
        return None
    rng = numpy_generator(0, "seeds to decide")
    variance = estimate.error**2 * estimate.count * estimate.freedom / rng.chisquare(estimate.freedom, DRAWS)
    truth = estimate.mean + np.sqrt(variance / estimate.count) * rng.standard_normal(DRAWS)
    gained = estimate.freedom - (prior.freedom if prior and math.isfinite(prior.freedom) else 0.0)
    known = reaches(round(max(gained / (estimate.count - 1), 1.0), 1), prior, estimate.looks)
    far = distance(comparison, truth) / np.sqrt(variance)
    # The reaches fall; the first that is near enough decides. Beyond the last: more than 100.
    needed = 2 + np.searchsorted(-known, -far)
    low, high = (int(np.quantile(needed, share, method="nearest")) for share in (TAIL, 1 - TAIL))
    return Seeds(*(None if number > MOST else max(number, estimate.count + 1) for number in (low, high)))


def distance(comparison: Comparison, truth: np.ndarray) -> np.ndarray:
    """Return how far true differences lie from the nearest border at which the verdict turns."""
    margin = comparison.margin
    match comparison.direction:
        case "equal":
            return np.abs(np.abs(truth) - margin)
        case "not higher":
            return np.abs(truth - margin)
        case "not lower":
            return np.abs(truth + margin)
    signed = truth if comparison.direction == "higher" else -truth
    # Supported above the margin, too small between the margins, contradicted below zero.
    return np.where(signed > 0, np.abs(signed - margin), np.maximum(-signed, margin + signed))
