"""Contrasts: sums of signed arms, such as level minus control, seed by seed, before anything is estimated of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.arms import Arms, Key, State
from harness.analysis.shares import Shares
from harness.analysis.statistics import mean_of
from harness.core.study import Comparison
from harness.quantities import Quantity, quantity

# Nets that are right on this share of the pictures have nothing left to gain.
CEILING = 0.999
ROUNDING = 1e-12  # of the largest value


@dataclass(frozen=True)
class Term:
    """One arm of a contrast and its sign, 1 or -1."""

    sign: int
    key: Key


@dataclass(frozen=True)
class Spread:
    """A variance of one seed's value, and its degrees of freedom."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class Contrast:
    """Signed sums by seed, (n,), and what is known of how they scatter.

    `paired` is the spread of the sums. `unpaired` is that of sums of independent runs, by the spreads of the arms, with
    the degrees of freedom of Welch and Satterthwaite. Both are at least what rounding to whole `steps` hides. The truth
    lies in `least` to `most`; where values are bounds it is at least (`floor`) or at most (`ceiling`) what was seen.
    """

    values: np.ndarray
    paired: Spread | None
    unpaired: Spread | None
    correlation: float | None
    least: float
    most: float
    floor: bool = True
    ceiling: bool = True
    shares: Shares | None = None

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return mean_of(self.values)


def terms_of(comparison: Comparison) -> tuple[Term, ...]:
    """Return the arms of a comparison with their signs: one against a number, two, or four with `more_than`."""
    signs = {comparison.context: 1} | ({comparison.more_than: -1} if comparison.more_than else {})
    terms = []
    for context, sign in signs.items():
        terms.append(Term(sign, (context, comparison.level)))
        if isinstance(comparison.against, str):
            terms.append(Term(-sign, (context, comparison.against)))
    return tuple(terms)


def contrast(arms: Arms, metric: str, terms: Sequence[Term], number: float = 0.0) -> Contrast | None:
    """Return the sum of `terms` less `number` over the seeds that all have; None if there is none."""
    shown = quantity(metric)
    parts = np.stack([term.sign * arms.values(term.key, metric) for term in terms])
    parts = parts[:, np.isfinite(parts).all(axis=0)]
    if not parts.shape[1]:
        return None
    paired, unpaired, shared = spreads(parts, hidden_by_steps(arms, shown, terms))
    censored = [term for term in terms if shown.unfinished == "bound" and arms.states[term.key].censored]
    ends = [sorted((term.sign * shown.least, term.sign * most_of(arms, shown, term))) for term in terms]
    return Contrast(
        values=parts.sum(axis=0) - number,
        paired=paired,
        unpaired=unpaired,
        correlation=shared,
        least=sum(end[0] for end in ends) - number,
        most=sum(end[1] for end in ends) - number,
        floor=all(term.sign > 0 for term in censored),
        ceiling=all(term.sign < 0 for term in censored),
        shares=shares(parts, terms, number) if shown.kind == "event" else None,
    )


def spreads(parts: np.ndarray, hidden: float) -> tuple[Spread | None, Spread | None, float | None]:
    """Return the spread of signed parts (terms, n) summed seed by seed, that as if each had luck of its own, and the
    correlation of two arms over the seeds: None of any other number, or where one doesn't scatter.
    """
    count = parts.shape[1]
    if count < 2:
        return None, None, None
    # Values that differ by rounding errors alone don't scatter.
    centred = parts - parts.mean(axis=1, keepdims=True)
    centred[np.abs(centred) <= ROUNDING * np.abs(parts).max()] = 0.0
    gram = centred @ centred.T / (count - 1)
    each, total = np.diagonal(gram), float(np.trace(gram))
    sums = centred.sum(axis=0)
    sums[np.abs(sums) <= ROUNDING * np.abs(parts).max()] = 0.0
    freedom = (count - 1) * total**2 / float(each @ each) if total > 0 else count - 1
    shared = None
    if len(parts) == 2 and each.min() > 0:
        shared = float(-gram[0, 1] / np.sqrt(each[0] * each[1]))
    paired = Spread(max(float(sums @ sums) / (count - 1), hidden), count - 1)
    return paired, Spread(max(total, hidden), freedom), shared


def most_of(arms: Arms, shown: Quantity, term: Term) -> float:
    """Return the most that an arm's value can be: of a target, one epoch more than was trained."""
    if shown.unfinished != "bound":
        return shown.most
    epochs = arms.values(term.key, "epochs")
    return shown.most if np.isnan(epochs).all() else float(np.nanmax(epochs)) + 1


def hidden_by_steps(arms: Arms, shown: Quantity, terms: Sequence[Term]) -> float:
    """Return the variance that rounding to steps can hide: step^2 / 12 for each arm (epochs come in steps)."""
    if not shown.step:
        return 0.0
    if shown.step != "evaluation":
        return len(terms) * shown.step**2 / 12
    steps = [arms.values(term.key, "evaluate_every") for term in terms]
    return sum(1.0 if np.isnan(step).all() else float(np.nanmax(step)) ** 2 for step in steps) / 12


def shares(parts: np.ndarray, terms: Sequence[Term], number: float) -> Shares | None:
    """Return the counts of an event of one arm or two; more have no exact interval here."""
    count = parts.shape[1]
    hits = [round(abs(float(part.sum()))) for part in parts]
    if len(terms) == 1:
        return Shares(hits[0], count, None, number)
    return Shares(hits[0], count, (hits[1], count)) if len(terms) == 2 and not number else None


def obstacle(arms: Arms, metric: str, terms: Sequence[Term]) -> str | None:
    """Return why a contrast can't be tested here, in words, or None: failed runs, floor, ceiling, a mixture."""
    shown = quantity(metric)
    states = [(term.key, arms.states[term.key]) for term in terms if term.key in arms.states]
    if shown.unfinished == "kept":
        return None
    for (_, level), state in states:
        if state.unfinished and shown.unfinished == "lost":
            return f"{state.unfinished} of {state.runs} runs of {level} did not finish, and have no {shown.label}"
    if reason := at_an_end(arms, metric, shown, states):
        return reason
    for (_, level), state in states:
        if state.mixed:
            return f"of {level} {mixture(state)}, which no mean describes"
    return None


def mixture(state: State) -> str:
    """Return `1 of 3 runs hardly learned, 2 did`."""
    return f"{state.collapsed} of {state.runs} runs hardly learned, {state.learned} did"


def at_an_end(arms: Arms, metric: str, shown: Quantity, states: Sequence[tuple[Key, State]]) -> str | None:
    """Return why arms compared with one another have no room to differ, or None."""
    if len(states) < 2 or shown.better is None:
        return None
    names = " and ".join(dict.fromkeys(level for (_, level), _ in states))
    if all(state.all_guess for _, state in states):
        return f"every run of {names} ended at chance"
    if shown.unfinished == "bound" and all(state.censored == state.runs for _, state in states):
        return f"no run of {names} reached the target"
    if shown.unfinished == "guess":
        reached = np.stack([arms.values(key, metric) for key, _ in states])
        if np.isfinite(reached).any() and np.nanmin(reached) >= CEILING:
            return f"every run of {names} is right on at least {CEILING:.1%} of the pictures"
    return None
