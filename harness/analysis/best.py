"""Which levels can't be told from the best: multiple comparisons with the best (Hsu 1984)."""

from collections.abc import Sequence
from itertools import combinations

from harness.analysis.arms import Arms, Key
from harness.analysis.contrasts import Term, contrast, obstacle
from harness.analysis.rules import Rule
from harness.analysis.statistics import CONFIDENCE, Estimate


def near_best(arms: Arms, metric: str, keys: Sequence[Key], rule: Rule) -> tuple[str, ...]:
    """Return the levels that may be the best (highest), with 95 % for all of it together, in the order given.

    A level is out if any other surely beats it, one-sided, adjusted for the number of others (Bonferroni). The best
    one is among those that stay unless one of these tests, of which it has as many as there are others, errs. Empty
    if no two arms can be compared.
    """
    highest: dict[Key, list[float]] = {key: [] for key in keys}
    for key, other in combinations(keys, 2):
        if difference := versus(arms, metric, other, key, rule):
            highest[key].append(difference.above(0.0))
            highest[other].append(difference.below(0.0))
    if not any(highest.values()):
        return ()
    others = len(keys) - 1
    return tuple(level for (_, level), p in highest.items() if not p or min(p) * others >= 1 - CONFIDENCE)


def versus(arms: Arms, metric: str, one: Key, other: Key, rule: Rule) -> Estimate | None:
    """Return one arm minus another with its interval; None where they can't be compared."""
    terms = (Term(1, one), Term(-1, other))
    found = None if obstacle(arms, metric, terms) else contrast(arms, metric, terms)
    estimate = rule.estimate(found, "difference") if found else None
    return estimate if estimate and estimate.low is not None else None
