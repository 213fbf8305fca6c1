"""Metrics that no single run measures: from its curves and arrays, or from what other runs of the study show."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.search import PREFIX, expected_best_in_stages
from harness.core.records import Store

Key = tuple[str, str, int]  # context, level, seed
Values = Iterator[tuple[Key, float]]

WITHIN = 0.05  # of its own best accuracy an arm still trains well
FEWEST = 3  # settings that make a sweep


@dataclass(frozen=True)
class Known:
    """The runs of a study, as counted, and their curves, by context, level and seed; the settings of every arm."""

    runs: Mapping[Key, Mapping[str, Any]]
    curves: Mapping[Key, pd.DataFrame]
    settings: Mapping[tuple[str, str], Mapping[str, Any]]
    control: str
    store: Store

    def value(self, key: Key, metric: str) -> float:
        """Return a metric of a run; NaN where there is none."""
        return float(self.runs[key].get(metric, np.nan)) if key in self.runs else np.nan

    @cached_property
    def arms(self) -> Mapping[tuple[str, str], list[int]]:
        """The seeds of every arm; a search through all runs for each of them takes their square."""
        found: dict[tuple[str, str], list[int]] = defaultdict(list)
        for context, level, seed in self.runs:
            found[context, level].append(seed)
        return dict(found)

    def seeds(self, context: str, level: str) -> list[int]:
        """Return the seeds of an arm."""
        return self.arms.get((context, level), [])

    def values(self, context: str, level: str, metric: str) -> np.ndarray:
        """Return a metric of an arm, (seeds,)."""
        return np.array([self.value((context, level, seed), metric) for seed in self.seeds(context, level)])

    def sweeps(self, setting: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (level, {context: value}) of contexts that differ in one setting alone, three values or more."""
        groups: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
        for (context, level), settings in self.settings.items():
            groups[level, without(settings, setting)][context] = settings.get(setting)
        for (level, _), values in groups.items():
            if len({json.dumps(value, sort_keys=True) for value in values.values()}) >= FEWEST:
                yield level, values


def derive(counted: pd.DataFrame, curves: pd.DataFrame, study: Mapping[str, Any], store: Store) -> pd.DataFrame:
    """Return the derived metrics of a study, a column each, NaN where there is none; the index is that of `counted`."""
    known = Known(
        runs=counted.to_dict("index"),  # type: ignore[arg-type]
        curves=dict(iter(curves.groupby(["context", "level", "seed"], sort=False))),  # type: ignore[arg-type]
        settings={(arm["context"], str(arm["level"])): arm["settings"] for arm in study["arms"]},
        control=str(study["control"]),
        store=store,
    )
    columns = {name: dict(values(known)) for name, values in FROM_RUNS.items()}
    return pd.DataFrame(
        {name: [values.get(key, np.nan) for key in known.runs] for name, values in columns.items()},
        index=counted.index,
    )


def without(settings: Mapping[str, Any], *names: str) -> str:
    """Return settings without some of them, as text that is equal where they are."""
    return json.dumps({name: value for name, value in settings.items() if name not in names}, sort_keys=True)


def over_chance(known: Known) -> Values:
    """Test accuracy less that of guessing."""
    yield from ((key, known.value(key, "test_accuracy") - known.value(key, "chance")) for key in known.runs)


def deviation(known: Known) -> Values:
    """How far the test accuracy of a run is from the median of its arm: what Brown and Forsythe (1974) compare."""
    for arm, seeds in known.arms.items():
        accuracies = known.values(*arm, "test_accuracy")
        distances = np.abs(accuracies - np.median(accuracies))
        yield from (((*arm, seed), float(one)) for seed, one in zip(seeds, distances, strict=True))


def loss_rise(known: Known) -> Values:
    """Validation loss at the end of training less its lowest."""
    for key, curve in curves_of(known):
        yield key, float(curve["validation_loss"].iloc[-1] - curve["validation_loss"].min())


def train_loss_since(known: Known) -> Values:
    """Training loss at the end less that of the epoch with the lowest validation loss."""
    for key, curve in curves_of(known):
        lowest = int(curve["validation_loss"].to_numpy().argmin())
        yield key, float(curve["train_loss"].iloc[-1] - curve["train_loss"].iloc[lowest])


def curves_of(known: Known) -> Iterator[tuple[Key, pd.DataFrame]]:
    """Yield the curves of every run that finished and has them."""
    for key, curve in known.curves.items():
        if known.runs[key]["status"] == "done" and {"validation_loss", "train_loss"} <= set(curve):
            yield key, curve


def loss_at_equal_seconds(known: Known) -> Values:
    """Training loss when as many seconds have passed as the fastest level of the context takes in all.

    Along a straight line between epochs, each as long as the others; levels of one context and seed are compared.
    """
    found = dict(curves_of(known))
    shortest: dict[tuple[str, int], float] = {}
    for context, level, seed in found:
        seconds = known.value((context, level, seed), "train_seconds")
        shortest[context, seed] = min(seconds, shortest.get((context, seed), np.inf))
    for key, curve in found.items():
        epochs = curve["epoch"].to_numpy(dtype=float)
        reached = epochs[-1] * shortest[key[0], key[2]] / known.value(key, "train_seconds")
        yield key, float(np.interp(reached, epochs, curve["train_loss"].to_numpy()))


def highest_rate(known: Known) -> Values:
    """Power of ten of the highest learning rate at which a level is within 5 points of its best over the rates.

    Of contexts that differ in the rate alone; it stands in each of them.
    """
    for level, rates in known.sweeps("learning_rate"):
        for seed in known.seeds(next(iter(rates)), level):
            keys = {(context, level, seed): rate for context, rate in rates.items()}
            accuracy = {key: known.value(key, "test_accuracy") for key in keys}
            fine = [keys[key] for key, one in accuracy.items() if one >= max(accuracy.values()) - WITHIN]
            yield from ((key, float(np.log10(max(fine)))) for key in keys)


def scale_spread(known: Known) -> Values:
    """Best minus worst accuracy of a level over initial weights, less the same of the control.

    Of contexts that differ in the initial weights alone, without those in which every run of both ends at chance; it
    stands in each of them.
    """
    for level, scales in known.sweeps("initialization"):
        if any((context, known.control) not in known.settings for context in scales):
            continue
        pair = (level, known.control)
        kept = [c for c in scales if not all(known.values(c, one, "guesses").all() for one in pair)]
        for seed in known.seeds(next(iter(scales)), level) if len(kept) > 1 else ():
            own, control = (np.ptp([known.value((c, one, seed), "test_accuracy") for c in kept]) for one in pair)
            yield from (((context, level, seed), float(own - control)) for context in scales)


@dataclass(frozen=True)
class Penalised:
    """Nets with an L2 penalty, and without, at the end of training: strengths, rising, with norms and accuracies."""

    strengths: np.ndarray
    norms: np.ndarray
    accuracies: np.ndarray

    def strength_of(self, norm: float) -> float:
        """Return the strength whose net has this norm of its weights, between those tried."""
        # A stronger penalty leaves no larger norm; what luck makes of it is levelled.
        falling = np.minimum.accumulate(self.norms)
        return float(np.interp(norm, falling[::-1], self.strengths[::-1]))


def stopped_runs(known: Known) -> Iterator[tuple[Key, float, Penalised]]:
    """Yield every run stopped early, the norm of its weights, and the nets that differ in an L2 penalty instead."""
    for (context, level), settings in known.settings.items():
        if not settings.get("patience") or l2_of(settings) != 0:
            continue
        alike = without(settings, "patience", "penalty")
        others = sorted(
            (strength, other)
            for (where, other), one in known.settings.items()
            if where == context and not one.get("patience") and without(one, "patience", "penalty") == alike
            if (strength := l2_of(one)) is not None
        )
        for seed in known.seeds(context, level) if len(others) >= FEWEST else ():
            norm = known.value((context, level, seed), "best_weight_norm")
            norms, accuracies = (
                np.array([known.value((context, other, seed), metric) for _, other in others])
                for metric in ("weight_norm", "final_validation_accuracy")
            )
            if np.isfinite([norm, *norms]).all():
                yield (context, level, seed), norm, Penalised(np.array([one for one, _ in others]), norms, accuracies)


def l2_of(settings: Mapping[str, Any]) -> float | None:
    """Return the strength of an L2 penalty: 0 without a penalty, None with another one."""
    penalty = settings.get("penalty", "none")
    if penalty == "none":
        return 0.0
    return float(penalty["l2"]["strength"]) if isinstance(penalty, Mapping) and "l2" in penalty else None


def equal_l2(known: Known) -> Values:
    """Strength of the L2 penalty whose net ends with the weight norm of the stopped one."""
    yield from ((key, nets.strength_of(norm)) for key, norm, nets in stopped_runs(known))


def gain_over_l2(known: Known) -> Values:
    """Validation accuracy of the stopped net less that of the net whose L2 penalty leaves the same norm."""
    for key, norm, nets in stopped_runs(known):
        penalised = float(np.interp(nets.strength_of(norm), nets.strengths, nets.accuracies))
        yield key, known.value(key, "best_validation_accuracy") - penalised


def expected_best_accuracy(known: Known) -> Values:
    """Best validation accuracy of a search to be expected of 1 to all of its trials, resampled; the mean of these."""
    for key, found in arrays_of(known, "trials", PREFIX):
        accuracies, stages = found[f"{PREFIX}validation_accuracy"], found[f"{PREFIX}stage"]
        yield key, float(expected_best_in_stages(accuracies, stages).mean())


def agreement(known: Known) -> Values:
    """Cohen's kappa of which weights survive, between a run and the others of its arm, the mean over these."""
    masks: dict[tuple[str, str], dict[int, np.ndarray]] = defaultdict(dict)
    for (context, level, seed), found in arrays_of(known, "surviving_share", "survivors/"):
        bits = np.unpackbits(found["survivors/bits"], count=int(found["survivors/count"][0]))
        masks[context, level][seed] = bits.astype(bool)
    for (context, level), alive in masks.items():
        pairs: dict[int, list[float]] = defaultdict(list)
        for one, other in combinations(alive, 2):
            agreed = kappa(alive[one], alive[other])
            pairs[one].append(agreed)
            pairs[other].append(agreed)
        yield from (((context, level, seed), float(np.mean(values))) for seed, values in pairs.items())


def kappa(one: np.ndarray, other: np.ndarray) -> float:
    """Return the agreement of two masks beyond that of chance, over all there could be (Cohen, 1960); NaN if none."""
    seen = float(np.mean(one == other))
    chance = float(one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean()))
    return (seen - chance) / (1 - chance) if chance < 1 else float("nan")


def arrays_of(known: Known, marker: str, prefix: str) -> Iterator[tuple[Key, dict[str, np.ndarray]]]:
    """Yield the arrays of every run that has the metric `marker`: reading those of all takes a while."""
    for key, run in known.runs.items():
        if np.isfinite(known.value(key, marker)) and (found := known.store.arrays(str(run["fingerprint"]), prefix)):
            yield key, found


FROM_RUNS = {
    "accuracy_over_chance": over_chance,
    "accuracy_deviation": deviation,
    "validation_loss_rise": loss_rise,
    "train_loss_since_lowest": train_loss_since,
    "loss_at_equal_seconds": loss_at_equal_seconds,
    "highest_rate_log10": highest_rate,
    "scale_spread_to_control": scale_spread,
    "equal_l2_strength": equal_l2,
    "gain_over_equal_l2": gain_over_l2,
    "expected_best_accuracy": expected_best_accuracy,
    "survivor_agreement": agreement,
}
