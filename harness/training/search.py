"""A run that is a whole search: each trial is an ordinary run, and the record is that of the best on validation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np

from harness.core.seeding import derive
from harness.core.spec import Choice, RunResult, RunSpec
from harness.factors.search import SEARCH, SPACE, Range, Stage, settings_of
from harness.training.checkpoint import Checkpoint
from harness.training.loop import run
from harness.training.observer import PROBE, Observer
from harness.training.split import RunData

# What all trials took, not the best one alone.
SUMMED = (
    "steps",
    "evaluations",
    "train_seconds",
    "evaluation_seconds",
    "pretraining_steps",
    "pretraining_seconds",
    "probe_seconds",
)


@dataclass(frozen=True)
class Tried:
    """A trial of a search: the number of its stage, from 0, a value for each entry of `SPACE`, and its result."""

    stage: int
    values: dict[str, float]
    result: RunResult


def execute(
    spec: RunSpec, data: RunData, observers: Sequence[Observer] = (), checkpoint: Checkpoint | None = None
) -> RunResult:
    """Train one run, or every trial of the search that its settings ask for, watched by its probes and `observers`.

    A search has no checkpoints: it begins anew.
    """
    stages = SEARCH.build(spec.settings.search)
    return run_search(spec, stages, data, observers) if stages else run_probed(spec, data, observers, checkpoint)


def run_probed(
    spec: RunSpec, data: RunData, observers: Sequence[Observer], checkpoint: Checkpoint | None = None
) -> RunResult:
    """Train one run, watched by probes of its own."""
    return run(spec, data, [*(PROBE.get(name)() for name in spec.probes), *observers], checkpoint)


def run_search(spec: RunSpec, stages: Sequence[Stage], data: RunData, observers: Sequence[Observer]) -> RunResult:
    """Train every trial of a search, under one seed, and return the record of the best with what all of them took.

    `max_train_seconds` is each trial's. The arrays `search/...`, one entry per trial, say what was tried.
    """
    tried: list[Tried] = []
    for number, stage in enumerate(stages):
        # The best so far is fixed before the stage begins.
        ranges = narrowed(max(tried, key=lambda one: one.result.score).values, stage) if tried else SPACE

        def accuracy_of(values: dict[str, float], number: int = number, stage: Stage = stage) -> float:
            result = run_probed(trial_spec(spec, stage, values), data, observers)
            tried.append(Tried(number, values, result))
            return result.score

        choose(stage, ranges, derive(spec.seed, f"search:{number}"), accuracy_of)
    return record(spec, tried)


def narrowed(best: Mapping[str, float], stage: Stage) -> dict[str, Range]:
    """Return the part of every range that a stage looks at."""
    return {name: whole.around(best[name], stage.width) for name, whole in SPACE.items()}


def trial_spec(spec: RunSpec, stage: Stage, values: Mapping[str, float]) -> RunSpec:
    """Return the run that one trial is; it has the seed of the search, and so the same luck as its neighbours."""
    epochs = max(1, round(spec.settings.epochs * stage.epochs))
    return replace(spec, settings=spec.settings.changed(search=Choice("none"), epochs=epochs, **settings_of(values)))


def choose(
    stage: Stage, ranges: Mapping[str, Range], seed: int, accuracy_of: Callable[[dict[str, float]], float]
) -> None:
    """Call `accuracy_of` with the values of every trial of a stage."""
    # A run without a search does without it.
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # NumPy's older generator, which the samplers draw from, takes 32 bits.
    seed %= 2**32
    sampler: optuna.samplers.BaseSampler
    if stage.sampler == "grid":
        values = {name: one.middles(isqrt(stage.trials)) for name, one in ranges.items()}
        sampler = optuna.samplers.GridSampler(values, seed)
    else:
        sampler = optuna.samplers.RandomSampler(seed)

    def objective(trial: optuna.Trial) -> float:
        return accuracy_of({name: trial.suggest_float(name, r.low, r.high, log=True) for name, r in ranges.items()})

    optuna.create_study(direction="maximize", sampler=sampler).optimize(objective, n_trials=stage.trials)


def record(spec: RunSpec, tried: Sequence[Tried]) -> RunResult:
    """Return the result of the best trial as that of the search; of equals, the first."""
    best = max(tried, key=lambda one: one.result.score)
    metrics = dict(best.result.metrics)
    for name in SUMMED:
        if name in metrics:
            metrics[name] = sum(one.result.metrics.get(name) or 0 for one in tried)
    peaks = [peak for one in tried if (peak := one.result.metrics["peak_memory_bytes"]) is not None]
    metrics |= {"peak_memory_bytes": max(peaks, default=None), "trials": len(tried)}
    metrics |= {f"found_{name}": value for name, value in best.values.items()}
    arrays: dict[str, Any] = {name: [one.values[name] for one in tried] for name in SPACE}
    arrays["stage"] = [one.stage for one in tried]
    arrays["epochs"] = [one.result.settings["epochs"] for one in tried]
    arrays["validation_accuracy"] = [one.result.score for one in tried]
    return replace(
        best.result,
        settings=spec.settings.to_json(),
        metrics=metrics,
        arrays=best.result.arrays | {f"search/{name}": np.array(values) for name, values in arrays.items()},
    )
