"""Which value of a setting serves an arm: a coarse grid under one seed, the best and what is beside it under more.

Trials train for half of the epochs, and under seeds of their own: a value chosen on some luck is judged on other luck.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean

from harness.core.records import Store
from harness.core.spec import SETTING_TYPES, RunSpec, Settings
from harness.core.study import Tune
from harness.planning.settings import RANGES

FIRST_TUNING_SEED = 1000


@dataclass(frozen=True)
class Trial:
    """One run that only helps to choose a value."""

    value: float
    spec: RunSpec


@dataclass(frozen=True)
class Tried:
    """What was tried for an arm; while records are lacking, `chosen` is None and `waiting` counts trials to come."""

    trials: tuple[Trial, ...]
    chosen: float | None = None
    waiting: int = 0


def shortened(settings: Settings) -> Settings:
    """Return the settings of a trial: of half of the epochs, and for an ensemble of a single member."""
    return settings.changed(epochs=max(1, settings.epochs // 2), ensemble=1)


def tried_values(tune: Tune, spec: Callable[[float, int], RunSpec], first_seed: int, store: Store) -> Tried:
    """Return the trials as far as the records allow, and the value chosen once all are recorded.

    `spec` makes the run of a value and a seed. Of the values under the first seed the best goes on, and with it those
    half a step beside it or, where there are no such, the second best. They have all seeds, and the best mean wins.
    """
    seeds = range(FIRST_TUNING_SEED + first_seed, FIRST_TUNING_SEED + first_seed + tune.seeds)
    coarse = tuple(Trial(value, spec(value, seeds[0])) for value in tune.values)
    known = {trial.spec.fingerprint for trial in coarse}
    settled = not missing(coarse, store)
    # Until the best is known, any value says how many trials follow.
    best = ranked(coarse, store) if settled else list(tune.values)
    fine = tuple(Trial(value, spec(value, seed)) for value in finalists(tune, best) for seed in seeds)
    further = tuple(trial for trial in fine if trial.spec.fingerprint not in known)
    if not settled:
        return Tried(coarse, waiting=len(further))
    return Tried(coarse + further, None if missing(fine, store) else ranked(fine, store)[0])


def missing(trials: Iterable[Trial], store: Store) -> bool:
    """Whether any trial has no record."""
    return bool(store.missing(trial.spec.fingerprint for trial in trials))


def ranked(trials: Iterable[Trial], store: Store) -> list[float]:
    """Return the values by their mean validation accuracy, the best first; a trial that failed counts as 0."""
    scores: dict[float, list[float]] = {}
    for trial in trials:
        scores.setdefault(trial.value, []).append(store.read(trial.spec.fingerprint).score)
    return sorted(scores, key=lambda value: -fmean(scores[value]))


def finalists(tune: Tune, values: list[float]) -> list[float]:
    """Return the values that are tried under all seeds; `values` are the coarse ones, the best first.

    A step is a factor, as rates and strengths have it; beyond either end it is that of the last step inside.
    """
    best = values[0]
    if SETTING_TYPES[tune.setting] is not float or min(values) <= 0:
        return values[:2]
    grid = sorted(values)
    steps = [sqrt(after / before) for before, after in pairwise(grid)]
    place = grid.index(best)
    beside = best / steps[max(place - 1, 0)], best * steps[min(place, len(steps) - 1)]
    low, high = RANGES[tune.setting]
    return [best, *(value for value in (float(f"{one:.3g}") for one in beside) if low <= value <= high)]
