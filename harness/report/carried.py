"""The runs that a page carries, as compact JSON: what `statistics.js` computes with, in the browser, as analysis does.

    {"seeds": [0, 1, 2],
     "arms": [{"study", "context", "level", "runs": [bits or null by seed], "epochs", "evaluateEvery", "guessed"}],
     "metrics": {name: {"label", ..., "paired", "looks", "priors": {kind: {...}},
                        "values": {arm: [number or null by seed]}}},
     "claims": [as `plan.json` has them, with "verdict"], "control", "factor"}

A run's bits say how it ended (`BITS`), null that there is none.
"""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.moderation import Prior
from harness.analysis.rules import PLAIN, Rules
from harness.analysis.summary import StudySummary
from harness.quantities import quantity

BITS = {"unfinished": 1, "guesses": 2, "collapsed": 4, "learned": 8, "censored": 16}
DIGITS = 12  # significant ones: enough that a difference keeps more than is shown

Key = tuple[str, str, str]  # study, context, level


def of_study(summary: StudySummary) -> dict[str, Any]:
    """Return the runs of one study, with its claims."""
    plan = summary.tables.plan
    verdicts = {judged.claim.id: judged.verdict for judged in summary.claims}
    claims = [
        {name: claim.get(name) for name in ("id", "words", "check", "comparisons")} | {"verdict": verdicts[claim["id"]]}
        for claim in plan["claims"]
    ]
    return of_studies([summary]) | {"claims": claims, "control": str(plan["control"]), "factor": plan["factor"]}


def of_studies(summaries: Sequence[StudySummary]) -> dict[str, Any]:
    """Return the runs of studies that were judged by the same rules."""
    seeds = sorted({int(seed) for summary in summaries for seed in summary.counted["seed"]})
    arms = [arm for summary in summaries for arm in arms_of(summary, seeds)]
    places = {(arm["study"], arm["context"], arm["level"]): place for place, arm in enumerate(arms)}
    values: dict[str, dict[int, list[float | None]]] = {}
    for summary in summaries:
        for metric in dict.fromkeys(one.metric for one in summary.metrics):
            column = by_arm(summary, summary.counted[metric].to_numpy(dtype=float), seeds)
            found = {
                places[key]: [short(value) for value in row] for key, row in column.items() if np.isfinite(row).any()
            }
            values.setdefault(metric, {}).update(found)
    metrics = {name: described(name, summaries[0].rules) | {"values": found} for name, found in values.items()}
    return {"seeds": seeds, "arms": arms, "metrics": metrics}


def arms_of(summary: StudySummary, seeds: Sequence[int]) -> Iterable[dict[str, Any]]:
    """Yield how the runs of each arm of a study ended, and what its epochs to a target are bounded by."""
    counted = summary.counted
    flags = counted.assign(unfinished=counted["status"] != "done")[list(BITS)].astype(bool).to_numpy()
    states = by_arm(summary, flags @ np.array(list(BITS.values())), seeds)
    epochs, every, room = (
        by_arm(summary, values.to_numpy(dtype=float), seeds)
        for values in (counted["epochs"], counted["evaluate_every"], counted["target"] - counted["chance"])
    )
    for key, row in states.items():
        yield {
            "study": key[0],
            "context": key[1],
            "level": key[2],
            "runs": [None if np.isnan(state) else int(state) for state in row],
            "epochs": largest(epochs[key]),
            "evaluateEvery": largest(every[key]),
            "guessed": bool((room[key] <= 0).any()),
        }


def by_arm(summary: StudySummary, values: np.ndarray, seeds: Sequence[int]) -> dict[Key, np.ndarray]:
    """Return values of runs, in the order of `counted`, as one row (seeds,) an arm; NaN where there is no run."""
    table = pd.Series(values, index=summary.counted.index).unstack(level=2).reindex(columns=list(seeds))
    wanted = ((str(arm["context"]), str(arm["level"])) for arm in summary.tables.plan["arms"])
    return {(summary.name, *key): np.asarray(table.loc[key], dtype=float) for key in wanted}


def described(metric: str, rules: Rules) -> dict[str, Any]:
    """Return how a quantity is printed, bounded and judged."""
    shown, rule = quantity(metric), rules.get(metric, PLAIN)
    return {
        "label": shown.label,
        "unit": shown.unit,
        "differenceUnit": shown.difference_unit,
        "scale": shown.scale,
        "digits": shown.digits,
        "better": shown.better,
        "least": finite(shown.least),
        "most": finite(shown.most),
        "kind": shown.kind,
        "exact": shown.scatters == "never",
        "step": shown.step,
        "unfinished": shown.unfinished,
        "paired": rule.paired,
        "looks": rule.looks,
        "priors": {kind: of_prior(prior) for kind, prior in rule.priors.items() if prior},
    }


def of_prior(prior: Prior) -> dict[str, Any]:
    """Return a prior; the freedom is None where it is infinite."""
    return {
        "variance": prior.variance,
        "freedom": finite(prior.freedom),
        "pooled": prior.pooled,
        "count": prior.count,
    }


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return value if isfinite(value) else None


def short(value: float) -> float | None:
    """Return a value with the digits that matter, None where there is none."""
    return float(f"{value:.{DIGITS}g}") if isfinite(value) else None


def largest(row: np.ndarray) -> float | None:
    """Return the largest value of a row, None if it has none."""
    return None if np.isnan(row).all() else float(np.nanmax(row))
