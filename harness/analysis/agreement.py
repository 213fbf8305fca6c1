"""How far two grids agree: their effects, the ranks of their levels, and their verdicts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import kendalltau

from harness.analysis.outcomes import ClaimOutcome, Effect, Outcomes

RESOLVED = ("better", "worse")
# Levels of a context, the control included, below which a rank says nothing.
FEWEST_LEVELS = 3


@dataclass(frozen=True)
class Pair:
    """One level of both grids."""

    study: str
    context: str
    level: str
    first: Effect
    second: Effect

    @property
    def resolved(self) -> bool:
        """Whether both tell the level from its control."""
        return self.first.standing in RESOLVED and self.second.standing in RESOLVED

    @property
    def opposite(self) -> bool:
        """Whether it is surely better in one and surely worse in the other."""
        return self.first.opposite(self.second.standing)


@dataclass(frozen=True)
class ClaimPair:
    """One claim that both grids judged."""

    study: str
    name: str
    first: ClaimOutcome
    second: ClaimOutcome

    @property
    def differs(self) -> bool:
        """Whether the two say something else."""
        return self.first.verdict != self.second.verdict

    @property
    def reversed(self) -> bool:
        """Whether one supports what the other contradicts."""
        return {self.first.verdict, self.second.verdict} in ({"supported", "contradicted"}, {"holds", "fails"})


@dataclass(frozen=True)
class Agreement:
    """What two grids have in common; `taus` is Kendall's tau-b of the levels of each study, its contexts averaged."""

    pairs: tuple[Pair, ...]
    claims: tuple[ClaimPair, ...]
    taus: dict[str, float]

    @property
    def correlation(self) -> float:
        """Pearson's correlation of the effects; NaN of fewer than three."""
        if len(self.pairs) < FEWEST_LEVELS:
            return float("nan")
        return float(np.corrcoef([(one.first.mean, one.second.mean) for one in self.pairs], rowvar=False)[0, 1])

    @property
    def tau(self) -> float:
        """The mean of `taus`; NaN if there is none."""
        return float(np.mean(list(self.taus.values()))) if self.taus else float("nan")

    @property
    def pooled_tau(self) -> float:
        """Kendall's tau-b of all effects, whatever their study; NaN of fewer than three."""
        if len(self.pairs) < FEWEST_LEVELS:
            return float("nan")
        return tau_b([(one.first.mean, one.second.mean) for one in self.pairs])

    @property
    def resolved(self) -> list[Pair]:
        """The levels that both tell from their control."""
        return [one for one in self.pairs if one.resolved]

    @property
    def opposite(self) -> list[Pair]:
        """The levels that are surely better in one and surely worse in the other."""
        return [one for one in self.pairs if one.opposite]


def agreement(first: Outcomes, second: Outcomes) -> Agreement:
    """Return how far two grids agree on what both looked at."""
    pairs = tuple(in_both(first, second))
    claims = tuple(
        ClaimPair(study, name, one, other)
        for study, found in first.studies.items()
        for name, one in found.claims.items()
        if (other := second.claim(study, name))
    )
    return Agreement(pairs, claims, taus(pairs))


def in_both(first: Outcomes, second: Outcomes) -> Iterator[Pair]:
    """Yield the levels that both grids measured against the same control."""
    for study, found in first.studies.items():
        if study not in second.studies or second.studies[study].control != found.control:
            continue
        for context, effects in found.effects.items():
            for level, effect in effects.items():
                if other := second.effect(study, context, level):
                    yield Pair(study, context, level, effect, other)


def taus(pairs: tuple[Pair, ...]) -> dict[str, float]:
    """Return Kendall's tau-b of every study, over its contexts on average; studies of too few levels are left out."""
    found: dict[str, list[float]] = {}
    for study, context in dict.fromkeys((one.study, one.context) for one in pairs):
        here = [(one.first.mean, one.second.mean) for one in pairs if (one.study, one.context) == (study, context)]
        # The control is a level too: its effect is 0 in both.
        if len(here) + 1 >= FEWEST_LEVELS:
            tau = tau_b([*here, (0.0, 0.0)])
            if np.isfinite(tau):
                found.setdefault(study, []).append(tau)
    return {study: float(np.mean(values)) for study, values in found.items()}


def tau_b(pairs: Sequence[tuple[float, float]]) -> float:
    """Return Kendall's tau-b of pairs; NaN where one side is constant."""
    return float(kendalltau(*zip(*pairs, strict=True), variant="b").statistic)
