"""Shares of runs, such as those that diverged: exact intervals and p-values of one share, or of two that differ."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, stats

POINTS = 201  # values of the unknown share at which the worst case is looked for


@dataclass(frozen=True)
class Shares:
    """`hits` of `runs` of a level, and of what it is compared with; `against` None: with the number `number`."""

    hits: int
    runs: int
    against: tuple[int, int] | None = None
    number: float = 0.0

    def __neg__(self) -> "Shares":
        # Of two shares the difference the other way round; of one, the share of runs without a hit.
        if self.against:
            return Shares(*self.against, (self.hits, self.runs))
        return Shares(self.runs - self.hits, self.runs, None, 1 - self.number)

    @property
    def mean(self) -> float:
        """The difference seen."""
        other = self.against[0] / self.against[1] if self.against else self.number
        return self.hits / self.runs - other

    def above(self, bound: float) -> float:
        """Return the one-sided p-value of a difference at or below `bound`."""
        if self.against is None:
            share = min(max(bound + self.number, 0.0), 1.0)
            return float(stats.binom.sf(self.hits - 1, self.runs, share))
        return unconditional_p(self.hits, self.runs, *self.against, bound)

    def low(self, alpha: float) -> float:
        """Return the lower end of the interval that leaves `alpha` / 2 below it, -1 at least."""
        least = -1.0 if self.against else -self.number
        if self.above(least + 1e-9) > alpha / 2:
            return least
        return float(optimize.brentq(lambda bound: self.above(bound) - alpha / 2, least + 1e-9, self.mean, xtol=1e-6))

    def high(self, alpha: float) -> float:
        """Return the upper end."""
        return -(-self).low(alpha)


@cache
def unconditional_p(hits: int, runs: int, other_hits: int, other_runs: int, bound: float) -> float:
    """Return the exact p-value of p1 - p2 <= `bound`: the worst over p2 of what is as far (Santner and Snell 1980).

    How far is the difference of the shares seen. With p1 - p2 below the bound every such result is rarer still.
    """
    bound = min(max(bound, -1.0), 1.0)
    second = np.linspace(max(0.0, -bound), min(1.0, 1.0 - bound), POINTS)
    first = np.clip(second + bound, 0.0, 1.0)
    ours, theirs = np.arange(runs + 1), np.arange(other_runs + 1)
    seen = hits / runs - other_hits / other_runs
    extreme = ours[:, None] / runs - theirs / other_runs >= seen - 1e-12
    chances = np.einsum(
        "pi,ij,pj->p",
        stats.binom.pmf(ours, runs, first[:, None]),
        extreme.astype(float),
        stats.binom.pmf(theirs, other_runs, second[:, None]),
    )
    return float(chances.max())
