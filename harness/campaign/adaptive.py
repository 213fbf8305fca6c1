"""Seeds where they decide something: more for what is open, none for what is settled or would take too many.

Looks are few and fixed beforehand, and each may be wrong by its part of the 5 % (Bonferroni): verdicts hold however the
seeds came about. What is open is computed from the records of a look alone, so that a plan is a function of the records
as ever, and training that was cut off goes on.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from harness.analysis.compared import Compared
from harness.analysis.contrasts import terms_of
from harness.analysis.power import Seeds, seeds_to_decide
from harness.analysis.rules import PLAIN, Rules
from harness.analysis.summary import StudySummary, summarise_grid
from harness.core.records import Store
from harness.core.study import Comparison, Direction
from harness.core.written import PlanJson, StudyJson
from harness.planning.plan import Key, Plan
from harness.quantities import PRIMARY

Planner = Callable[[Mapping[Key, int], int], Plan]


def looks(seeds: int, most: int) -> list[int]:
    """Return the seeds per arm at every look: twice as many each time, `most` at the last."""
    found = [seeds]
    while 2 * found[-1] < most:
        found.append(2 * found[-1])
    return found if found[-1] >= most else [*found, most]


def grown(plan_of: Planner, seeds: int, most: int, store: Store) -> Plan:
    """Return the plan as far as the records allow: an arm has the seeds of the next look once it is open at one."""
    schedule = looks(seeds, most)
    counts: dict[Key, int] = {}
    plan = plan_of(counts, len(schedule))
    for before, after in pairwise(schedule):
        if plan.pending or plan.waiting:
            return plan
        more = {key for key in open_arms(plan.to_json(), store, most) if counts.get(key, seeds) == before}
        if not more:
            return plan
        counts |= dict.fromkeys(more, after)
        plan = plan_of(counts, len(schedule))
    return plan


def open_arms(plan: PlanJson, store: Store, most: int) -> Iterator[Key]:
    """Yield the arms of every comparison that is open and that `most` seeds may decide.

    Ensembles have the seeds of their members, which a further seed would change: their studies keep what they have, and
    so do those with seeds of their own, which say how many they need.
    """
    studies = [study for study in plan["studies"] if not study["seeds"] and not averages(study)]
    for summary in summarise_grid(store, {**plan, "studies": studies}):
        for context, level in (*open_claims(summary, most), *open_levels(summary, most)):
            yield summary.name, context, level


def averages(study: StudyJson) -> bool:
    """Whether a study has ensembles."""
    return any(arm["settings"].get("ensemble", 1) > 1 for arm in study["arms"])


def open_claims(summary: StudySummary, most: int) -> Iterator[tuple[str, str]]:
    """Yield the arms of the open comparisons of open claims."""
    for claim in summary.claims:
        for one in claim.comparisons if claim.verdict == "open" else ():
            if one.verdict == "open" and worth(one.seeds, most):
                yield from (term.key for term in terms_of(one.comparison))


def open_levels(summary: StudySummary, most: int) -> Iterator[tuple[str, str]]:
    """Yield the arms of levels that are not told from their control, and their controls."""
    control = summary.tables.control
    for one in (arm.primary for context in summary.contexts for arm in context.arms):
        if one.standing in ("suggestive", "unresolved") and worth(needed(one, control, summary.rules), most):
            yield from ((one.context, level) for level in (one.level, control))


def needed(one: Compared, control: str, rules: Rules) -> Seeds | None:
    """Return the seeds that would tell a level from its control."""
    if one.difference is None:
        return None
    direction: Direction = "higher" if one.difference.mean > 0 else "lower"
    asked = Comparison(PRIMARY, one.level, control, direction, 0.0, one.context)
    return seeds_to_decide(one.difference, asked, rules.get(PRIMARY, PLAIN).priors.get("difference"))


def worth(seeds: Seeds | None, most: int) -> bool:
    """Whether so many seeds may decide, as far as can be told."""
    return seeds is not None and seeds.low is not None and seeds.low <= most
