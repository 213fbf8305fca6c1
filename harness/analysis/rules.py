"""How differences of each quantity are judged: one rule for all of them, learned from every study of the grid."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from harness.analysis.arms import Arms
from harness.analysis.contrasts import Contrast, Spread, Term, contrast, obstacle
from harness.analysis.moderation import Prior, fit_prior, shrink
from harness.analysis.statistics import CONFIDENCE, Estimate, student, t_quantile
from harness.quantities import quantity

# One arm, two, or a difference of two differences: they scatter by different amounts.
Kind = Literal["level", "difference", "interaction"]
# Standard errors by which the prior of a grid is taken to say less than was estimated: without them 5 to 7 % of
# simulated studies showed a better or a worse level where nothing mattered (docs/decisions.md).
CAUTION = 2.0
KINDS: dict[int, Kind] = {1: "level", 2: "difference", 4: "interaction"}


@dataclass(frozen=True)
class Rule:
    """How contrasts of one quantity are estimated.

    `paired`: seed by seed, or by the spreads of the arms. `correlation` is that of level and control over seeds, pooled
    over the `count` differences that have one. `priors` hold the variance that contrasts of each kind are drawn to.
    `looks`: how often is looked before seeds are added, if they are.
    """

    paired: bool = True
    correlation: float | None = None
    count: int = 0
    priors: Mapping[Kind, Prior | None] = field(default_factory=dict)
    looks: int = 1

    def spread(self, found: Contrast) -> Spread | None:
        """Return the spread of a contrast that this rule goes by."""
        return found.paired if self.paired else found.unpaired

    def estimate(self, found: Contrast, kind: Kind, exact: bool = False) -> Estimate | None:
        """Return the estimate of a contrast, its interval cut off at what is possible.

        One seed gives no interval, nor do equal values where there is no prior, unless the quantity is `exact`.
        """
        spread, count = self.spread(found), len(found.values)
        if exact and count > 1 and spread and spread.variance == 0:
            return Estimate(found.mean, found.mean, found.mean, count, 0.0, float(count - 1))
        if found.shares:
            alpha, shares = (1 - CONFIDENCE) / self.looks, found.shares
            return Estimate(found.mean, shares.low(alpha), shares.high(alpha), count, shares=shares, looks=self.looks)
        if spread is None:
            return Estimate(found.mean, None, None, count)
        variance, freedom = shrink(spread.variance, spread.freedom, self.priors.get(kind))
        if variance == 0:
            return Estimate(found.mean, None, None, count)
        return cut_off(student(found.mean, variance, freedom, count, self.looks), found.least, found.most)


def cut_off(estimate: Estimate, least: float, most: float) -> Estimate:
    """Return the estimate with its interval within what is possible."""
    assert estimate.low is not None and estimate.high is not None
    return replace(estimate, low=max(estimate.low, least), high=min(estimate.high, most))


@dataclass(frozen=True)
class Sweep:
    """One study as its rules are learned from: which arms there are, and which of them is compared with the others."""

    arms: Arms
    levels: Sequence[str]
    control: str
    contexts: Sequence[str]


Rules = Mapping[str, Rule]
PLAIN = Rule()


def learn_rules(sweeps: Sequence[Sweep], metrics: Iterable[str], looks: int = 1) -> dict[str, Rule]:
    """Return the rule of every metric; one that can't be learned is Student's t of pairs."""
    return {metric: replace(learn_rule(sweeps, metric), looks=looks) for metric in dict.fromkeys(metrics)}


def learn_rule(sweeps: Sequence[Sweep], metric: str) -> Rule:
    """Return the rule of one metric, from every contrast of every study that can be tested."""
    found = {kind: list(contrasts(sweeps, metric, kind)) for kind in KINDS.values()}
    known = [one.correlation for one in found["difference"] if one.correlation is not None]
    # The plain mean: on Fisher's scale those of three seeds, often close to 1, would drown the rest.
    pooled = float(np.mean(known)) if known else None
    rules = [
        Rule(paired, pooled, len(known), {kind: prior_of(ones, paired) for kind, ones in found.items()})
        for paired in (True, False)
    ]
    # Pairs are the safe side: luck that is shared can make the spread of sums smaller than the arms', not larger.
    worth = pooled is not None and pooled >= 0 and all(rule.priors["difference"] for rule in rules)
    return min(rules, key=lambda rule: typical_width(rule, found["difference"])) if worth else rules[0]


def prior_of(found: Sequence[Contrast], paired: bool) -> Prior | None:
    """Return the prior of the spreads of contrasts of one kind."""
    known = [spread for one in found if (spread := one.paired if paired else one.unpaired)]
    return fit_prior(np.array([one.variance for one in known]), np.array([one.freedom for one in known]), CAUTION)


def typical_width(rule: Rule, found: Sequence[Contrast]) -> float:
    """Return the median half width of the intervals that a rule gives, as of single seeds."""
    prior = rule.priors["difference"]
    shrunk = [shrink(spread.variance, spread.freedom, prior) for one in found if (spread := rule.spread(one))]
    return float(np.median([t_quantile((1 + CONFIDENCE) / 2, freedom) * variance**0.5 for variance, freedom in shrunk]))


def contrasts(sweeps: Sequence[Sweep], metric: str, kind: Kind) -> Iterator[Contrast]:
    """Yield every contrast of a kind that a grid holds and that can be tested; what is exact or an event has none."""
    shown = quantity(metric)
    if shown.kind == "event" or shown.scatters == "never":
        return
    for sweep in (sweep for sweep in sweeps if metric in sweep.arms.counted):
        for terms in all_terms(sweep, kind):
            if all(term.key in sweep.arms.states for term in terms) and not obstacle(sweep.arms, metric, terms):
                one = contrast(sweep.arms, metric, terms)
                if one is not None:
                    yield one


def all_terms(sweep: Sweep, kind: Kind) -> Iterator[tuple[Term, ...]]:
    """Yield the terms of every arm, of every level with its control, or of such differences in two contexts."""
    others = [level for level in sweep.levels if level != sweep.control]
    if kind == "level":
        yield from ((Term(1, (context, level)),) for context in sweep.contexts for level in sweep.levels)
    if kind == "difference":
        yield from (versus(context, level, sweep.control) for context in sweep.contexts for level in others)
    if kind == "interaction":
        first, *rest = sweep.contexts
        for context in rest:
            for level in others:
                there = versus(first, level, sweep.control)
                yield (*versus(context, level, sweep.control), *(Term(-term.sign, term.key) for term in there))


def versus(context: str, level: str, control: str) -> tuple[Term, Term]:
    """Return the terms of level minus control."""
    return Term(1, (context, level)), Term(-1, (context, control))
