"""Two-level factorials: what a choice does alone, what it does on average over others, and with which it turns.

Fractions and their resolution: Box, Hunter and Hunter, "Statistics for Experimenters", chapters 5 and 6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, product

import numpy as np

from harness.analysis.moderation import fit_prior, shrink
from harness.analysis.rules import CAUTION
from harness.analysis.statistics import CONFIDENCE, Estimate, holm, mean_of, student, variance_of

# In sixteen arms, what the further factors are products of: no effect is confounded with a pair, for five not even
# pairs with one another. The sign keeps the unchanged recipe among the arms.
BASIC = 4
GENERATORS: dict[int, tuple[tuple[int, tuple[int, ...]], ...]] = {
    5: ((-1, (0, 1, 2, 3)),),
    6: ((1, (0, 1, 2)), (1, (1, 2, 3))),
    7: ((1, (0, 1, 2)), (1, (1, 2, 3)), (1, (0, 2, 3))),
    8: ((1, (0, 1, 2)), (1, (1, 2, 3)), (1, (0, 2, 3)), (1, (0, 1, 3))),
}
FEWEST, MOST = 2, max(GENERATORS)


@dataclass(frozen=True)
class Effect:
    """What changing `factor` does: at the recipe (`alone`), averaged over the arms, or over those of them that have
    another factor (`given`) changed or not.
    """

    factor: int
    estimate: Estimate
    sure: bool
    alone: bool = False
    given: tuple[int, bool] | None = None

    def against(self, other: "Effect") -> bool:
        """Whether both are sure and of opposite sign."""
        return self.sure and other.sure and self.estimate.mean * other.estimate.mean < 0


def design(count: int) -> np.ndarray:
    """Return which factors every arm changes, bool (arms, count), the recipe first: a full factorial of up to 4
    factors, sixteen arms of 5 to 8.
    """
    basic = np.array(list(product((-1, 1), repeat=min(count, BASIC))))
    further = [sign * basic[:, list(places)].prod(axis=1) for sign, places in GENERATORS.get(count, ())]
    return np.column_stack([basic, *further]) > 0


def arms_of(count: int) -> np.ndarray:
    """Return the arms of an audit: those of the design, then each factor alone where the design lacks it."""
    rows = design(count)
    alone = [row for row in np.eye(count, dtype=bool) if not (rows == row).all(axis=1).any()]
    return np.vstack([rows, *alone])


def effects_of(values: np.ndarray, count: int) -> list[Effect]:
    """Return every effect of `count` factors in `values` (the arms of `arms_of`, seeds), adjusted over all (Holm)."""
    found = list(contrasts(count))
    sums = [weights @ values for *_, weights in found]
    # Of one run, so that sums of different numbers of arms can be compared.
    scales = np.array([float(weights @ weights) for *_, weights in found])
    spreads = np.array([variance_of(one) for one in sums]) / scales
    freedom = values.shape[1] - 1
    prior = fit_prior(spreads, np.full(len(spreads), float(freedom)), CAUTION)
    estimates = []
    for one, spread, scale in zip(sums, spreads, scales, strict=True):
        variance, moderated = shrink(float(spread), freedom, prior)
        estimates.append(student(mean_of(one), variance * scale, moderated, len(one)))
    adjusted = holm([estimate.p for estimate in estimates])
    return [
        Effect(factor, estimate, p is not None and p < 1 - CONFIDENCE, alone, given)
        for (factor, alone, given, _), estimate, p in zip(found, estimates, adjusted, strict=True)
    ]


def contrasts(count: int) -> Iterator[tuple[int, bool, tuple[int, bool] | None, np.ndarray]]:
    """Yield (factor, alone, given, weights of the arms) of every effect."""
    arms, rows = arms_of(count), len(design(count))
    designed = np.arange(len(arms)) < rows
    for factor in range(count):
        single = (arms == np.eye(count, dtype=bool)[factor]).all(axis=1)
        yield factor, True, None, single.astype(float) - (np.arange(len(arms)) == 0)
        yield factor, False, None, difference(arms[:, factor], designed)
        for other in (other for other in range(count) if other != factor):
            for state in (False, True):
                yield factor, False, (other, state), difference(arms[:, factor], designed & (arms[:, other] == state))


def difference(changed: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return the weights of a mean over the changed arms minus one over the others, `among` some of all."""
    with_, without = changed & among, ~changed & among
    return with_ / with_.sum() - without / without.sum()


def aliases(count: int, pair: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the other pairs of factors whose interplay the arms can't tell from that of `pair`."""
    signs = np.where(design(count), 1, -1)

    def column(places: tuple[int, ...]) -> np.ndarray:
        return reduce(np.multiply, (signs[:, place] for place in places))

    mine = column(pair)
    others = (other for other in combinations(range(count), 2) if set(other) != set(pair))
    return [other for other in others if abs(int(mine @ column(other))) == len(signs)]
