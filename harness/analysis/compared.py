"""One metric of every arm beside the control: the estimates, and how a level stands by them."""

from dataclasses import dataclass, replace
from typing import Literal

from harness.analysis.arms import Arms
from harness.analysis.contrasts import Term, contrast, mixture, obstacle
from harness.analysis.rules import PLAIN, Kind, Rules, versus
from harness.analysis.statistics import CONFIDENCE, Estimate, holm
from harness.analysis.tables import StudyTables
from harness.quantities import quantity

# suggestive: clear of zero by itself, not after adjustment for the comparisons of its study. different: clear of zero,
# of a metric that is neither good nor bad.
Standing = Literal["control", "better", "worse", "different", "suggestive", "unresolved"]
ALPHA = 1 - CONFIDENCE


@dataclass(frozen=True)
class Compared:
    """One metric of one arm: its mean over seeds, and its difference to the control.

    `p` is that of the model of the interval, `p_adjusted` (Holm) over all levels and contexts of the study. `obstacle`
    says why a level can't be compared, `mixture` which of its runs learned where others did not.
    """

    context: str
    level: str
    metric: str
    value: Estimate | None
    difference: Estimate | None
    p_adjusted: float | None
    standing: Standing
    obstacle: str | None = None
    mixture: str | None = None
    exact: bool = False  # the difference is the same number under every seed

    @property
    def p(self) -> float | None:
        """The p-value of the difference alone."""
        return self.difference.p if self.difference else None


def compare_levels(tables: StudyTables, arms: Arms, metric: str, rules: Rules) -> list[Compared]:
    """Return one metric of every arm of a study, its p-values adjusted over all of them."""
    keys = [(context, level) for context in tables.contexts for level in tables.levels]
    found = [compare(arms, metric, key, tables.control, rules) for key in keys if key in arms.states]
    adjusted = holm([one.p for one in found])
    return [
        replace(one, p_adjusted=p, standing=standing(metric, one.difference, p)) if one.standing != "control" else one
        for one, p in zip(found, adjusted, strict=True)
    ]


def compare(arms: Arms, metric: str, key: tuple[str, str], control: str, rules: Rules) -> Compared:
    """Return one metric of one arm, with its difference to the control where that can be tested."""
    context, level = key
    state = arms.states[key]
    mixed = mixture(state) if state.mixed and quantity(metric).unfinished != "kept" else None
    value = estimated(arms, metric, (Term(1, key),), "level", rules)
    if level == control:
        return Compared(context, level, metric, value, None, None, "control", None, mixed)
    terms = versus(context, level, control)
    reason = obstacle(arms, metric, terms)
    # Where both are at an end, or some runs collapsed, the means still say what was seen.
    difference = estimated(arms, metric, terms, "difference", rules)
    if reason and difference:
        difference = replace(difference, low=None, high=None, error=None, freedom=None, shares=None)
    found = contrast(arms, metric, terms)
    exact = found is not None and len(set(found.values)) == 1
    return Compared(context, level, metric, value, difference, None, "unresolved", reason, mixed, exact)


def estimated(arms: Arms, metric: str, terms: tuple[Term, ...], kind: Kind, rules: Rules) -> Estimate | None:
    """Return the estimate of a contrast; None where no run has the metric, or a run that failed has lost it."""
    shown = quantity(metric)
    if shown.unfinished == "lost" and any(arms.states[t.key].unfinished for t in terms if t.key in arms.states):
        return None
    found = contrast(arms, metric, terms)
    if found is None:
        return None
    estimate = rules.get(metric, PLAIN).estimate(found, kind, shown.scatters == "never")
    mixed = shown.unfinished != "kept" and any(arms.states[term.key].mixed for term in terms)
    return replace(estimate, low=None, high=None, error=None, freedom=None) if mixed and estimate else estimate


def standing(metric: str, difference: Estimate | None, p_adjusted: float | None) -> Standing:
    """Say how a level stands against the control: the adjusted p-value decides, that of its own suggests."""
    if difference is None or difference.p is None or p_adjusted is None or difference.p >= ALPHA:
        return "unresolved"
    if p_adjusted >= ALPHA:
        return "suggestive"
    wanted = quantity(metric).better
    if wanted is None:
        return "different"
    return "better" if (difference.mean > 0) == (wanted == "higher") else "worse"
