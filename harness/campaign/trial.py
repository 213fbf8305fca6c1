"""How long runs take on this machine, from a few steps of each kind of run."""

import time
from collections.abc import Iterable
from dataclasses import replace
from math import ceil

from harness.core.spec import Choice, RunSpec
from harness.factors.search import SEARCH, SPACE
from harness.factors.transfer import TRANSFER
from harness.training.device import set_up_process
from harness.training.evaluate import evaluate
from harness.training.recipe import Recipe
from harness.training.search import trial_spec
from harness.training.split import RunData, Split
from harness.training.step import Step, step_of

STEPS = 3


def estimate(specs: Iterable[RunSpec], data: RunData) -> float:
    """Return the seconds that one worker needs for `specs`, by trying each kind of run for a moment."""
    known: dict[object, float] = {}
    total = 0.0
    for spec in specs:
        # Neither luck nor the size of the steps changes how long a step takes.
        kind = replace(spec.settings, learning_rate=0.0), spec.device, spec.precision, spec.threads
        if kind not in known:
            known[kind] = seconds_of(spec, data)
        total += known[kind]
    return total


def seconds_of(spec: RunSpec, data: RunData) -> float:
    """Return the seconds of one run, extrapolated from a few steps and one part of an evaluation."""
    if stages := SEARCH.build(spec.settings.search):
        # Which values are tried does not change how long a trial takes.
        values = {name: one.low for name, one in SPACE.items()}
        return sum(stage.trials * seconds_of(trial_spec(spec, stage, values), data) for stage in stages)
    set_up_process(spec.threads, spec.precision)
    started = time.perf_counter()
    recipe = Recipe.build(spec, data)
    building = time.perf_counter() - started
    update = step_of(recipe)
    step = min(time_step(recipe, update) for _ in range(STEPS))
    part = Split(recipe.validation.images[:128], recipe.validation.labels[:128])
    started = time.perf_counter()
    evaluate(recipe, part)
    picture = (time.perf_counter() - started) / len(part)
    settings = spec.settings
    if TRANSFER.build(settings.transfer).borrows:
        source = replace(spec, settings=settings.changed(transfer=Choice("source")))
        building += seconds_of(source, data)
    steps = settings.epochs * ceil(recipe.epoch_images / settings.batch_size)
    evaluated = settings.epochs * len(recipe.validation) + len(recipe.test)
    return building + min(steps * step + evaluated * picture, settings.max_train_seconds)


def time_step(recipe: Recipe, update: Step) -> float:
    """Return the seconds of one update."""
    started = time.perf_counter()
    index = next(recipe.batches())
    update(index)
    # Reading a value waits for a GPU to finish.
    next(recipe.model.parameters()).sum().item()
    return time.perf_counter() - started
