"""Levels over several contexts: ranks that need no common scale, and means that no single run decides.

Friedman's test and Nemenyi's critical difference: Demsar, "Statistical Comparisons of Classifiers over Multiple Data
Sets", JMLR 7, 2006. Interquartile mean and probability of improvement: Agarwal et al., "Deep Reinforcement Learning at
the Edge of the Statistical Precipice", NeurIPS 2021.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from harness.analysis.statistics import CONFIDENCE

# Fewer levels are ordered by any one comparison.
FEWEST_LEVELS, FEWEST_CONTEXTS = 3, 2


@dataclass(frozen=True)
class Ranked:
    """One level over all contexts: its mean rank (1 is best), the interquartile mean of its runs, and how likely one of
    its runs is better than one of the control in the same context (ties count half; None for the control).
    """

    level: str
    rank: float
    middle: float
    improves: float | None


@dataclass(frozen=True)
class Ranks:
    """Levels by their mean rank over `contexts`; `p` is Friedman's, `critical` the least difference of two ranks that
    is told from none at 5 % (Nemenyi).
    """

    levels: tuple[Ranked, ...]
    contexts: int
    p: float
    critical: float


def ranks(values: dict[str, list[np.ndarray]], control: str) -> Ranks | None:
    """Return the levels ranked; `values` are runs (seeds,) by level, one array for each context, more is better.

    None of fewer than three levels or two contexts.
    """
    levels, contexts = list(values), min(map(len, values.values()), default=0)
    if len(levels) < FEWEST_LEVELS or contexts < FEWEST_CONTEXTS:
        return None
    means = np.array([[one.mean() for one in runs] for runs in values.values()])
    places = stats.rankdata(-means, axis=0).mean(axis=1)
    count = len(levels)
    found = [
        Ranked(
            level,
            float(place),
            interquartile_mean(np.concatenate(values[level])),
            None if level == control else improvement(values[level], values[control]),
        )
        for level, place in zip(levels, places, strict=True)
    ]
    # Where all contexts agree that nothing differs there is nothing to test.
    p = 1.0 if np.ptp(places) == 0 else float(stats.friedmanchisquare(*means).pvalue)
    critical = stats.studentized_range.ppf(CONFIDENCE, count, np.inf) / sqrt(2) * error(count, contexts)
    return Ranks(tuple(sorted(found, key=lambda one: one.rank)), contexts, p, float(critical))


def error(levels: int, contexts: int) -> float:
    """Return the standard error of a difference of two mean ranks, if nothing matters."""
    return sqrt(levels * (levels + 1) / (6 * contexts))


def interquartile_mean(values: np.ndarray) -> float:
    """Return the mean of the middle half of values."""
    return float(stats.trim_mean(values, 0.25))


def improvement(level: list[np.ndarray], control: list[np.ndarray]) -> float:
    """Return the chance that a run of a level is better than one of the control, averaged over the contexts."""
    chances = []
    for mine, other in zip(level, control, strict=True):
        more, same = mine[:, None] > other, mine[:, None] == other
        chances.append(float((more + 0.5 * same).mean()))
    return float(np.mean(chances))
