"""Training step by step: what to check before a long training, for the recipe and the data as they are.

The order is the lecture's: look at the data, at the loss before training, overfit a few pictures, find a
learning rate, then watch the size of the updates. Each check ends in one of three states: passed, look (nothing is
broken, and something is worth a look), or failed.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from math import ceil, isfinite
from typing import Any

from harness.core.spec import Choice, RunSpec
from harness.procedures.flight import (
    FAR,
    NEAR,
    Check,
    Preflight,
    endless,
    finite,
    in_range,
    state_of,
    weights_of,
    worst,
)
from harness.procedures.untrained import centred, first_loss, signal
from harness.training.device import set_up_process
from harness.training.evaluate import evaluate
from harness.training.split import RunData

FEW = 40  # pictures to be learned by heart
FEW_STEPS = 200
BY_HEART = (0.99, 0.9)  # share of them
RANGE = (1e-4, 10.0)  # learning rates tried, evenly in the exponent
RANGE_STEPS = 200
SMOOTHING = 0.9  # share of the past in the smoothed loss
EXPLODED = 1.15  # times the lowest smoothed loss: the range test stops
WARM = 30  # steps before it may stop
STILL = 10  # first steps, at rates too low to move anything: their mean is where the loss begins
LEAST_FALL = 0.03  # share of that by which the loss must fall for a proposal; noise alone makes about 0.01
FALLEN = 0.65  # share of the whole fall that is done at the rate proposed
SHORT_STEPS = 200
RATIO_STEPS = 500  # at most
MARGIN = (3.0, 2.0)  # standard errors above chance
RATIO = (1e-4, 1e-2)  # update size over weight size
FAR_OUT = 10.0  # factor by which a layer may be out of that before the check fails


def preflight(spec: RunSpec, data: RunData) -> dict[str, Any]:
    """Return every check for the recipe of `spec` on `data`, as plain values."""
    set_up_process(spec.threads, spec.precision)
    flight = Preflight(spec, data)
    checks = [check(flight) for check in CHECKS]
    return {
        "state": worst(check.state for check in checks),
        "checks": [asdict(check) for check in checks],
        "proposed_rate": flight.proposed,
        "settings": spec.settings.to_json(),
        "data_digest": spec.data_digest,
        "device": spec.device,
    }


def rate_range(flight: Preflight) -> Check:
    """The recipe's learning rate is near the one that a range test proposes (Smith, 2017)."""
    recipe = flight.recipe(schedule=Choice("constant"))
    low, high = RANGE
    growth = (high / low) ** (1 / (RANGE_STEPS - 1))
    rates, losses, smoothed = [], [], []
    average, lowest = 0.0, float("inf")
    recipe.model.train()
    for step, index in enumerate(islice(endless(recipe), RANGE_STEPS)):
        rate = low * growth**step
        for group in recipe.optimizer.param_groups:
            group["lr"] = rate
        # The schedule is constant, so it leaves the rate alone.
        loss = float(recipe.update(index)[0]) / len(index)
        if not isfinite(loss):
            break
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        rates.append(rate)
        losses.append(loss)
        # The average starts at zero: divide by the share that has been filled, as Adam does.
        smoothed.append(average / (1 - SMOOTHING ** (step + 1)))
        lowest = min(lowest, smoothed[-1])
        if step >= WARM and smoothed[-1] > EXPLODED * lowest:
            break
    own = flight.spec.settings.learning_rate
    flight.proposed = proposal(rates, losses, smoothed)
    proposed = flight.proposed
    near = proposed is not None and proposed / NEAR < own < proposed * NEAR
    found = (
        f"About {flight.proposed:g} is proposed; the recipe has {own:g}."
        if flight.proposed
        else f"The loss doesn't fall at any rate from {low:g} to {high:g}; the recipe has {own:g}."
    )
    remedy = (
        f"Set recipe.learning_rate to about {flight.proposed:g}."
        if flight.proposed
        else "Mend what the checks above find first; no rate helps before that."
    )
    return Check(
        "learning_rate",
        "The learning rate is in range",
        state_of(near, proposed is not None and in_range(own, proposed)),
        found,
        f"less than a factor of {NEAR:g} from the proposal, beyond {FAR:g} it fails: the proposal is the first rate "
        f"at which the smoothed loss has done {FALLEN:.0%} of its whole fall",
        remedy,
        {"rates": rates, "losses": losses, "smoothed": smoothed, "proposed": flight.proposed, "own": own},
    )


def proposal(rates: Sequence[float], losses: Sequence[float], smoothed: Sequence[float]) -> float | None:
    """Return the first rate at which the loss has done most of its fall, to one digit; None where it doesn't fall."""
    if not losses:
        return None
    start, lowest = statistics.fmean(losses[:STILL]), min(smoothed)
    if lowest >= (1 - LEAST_FALL) * start:
        return None
    # Around its lowest point the loss is flat, and it falls on as training goes on at rates that are too high.
    low_enough = start - FALLEN * (start - lowest)
    return float(f"{next(rate for rate, loss in zip(rates, smoothed, strict=True) if loss <= low_enough):.1g}")


def by_heart(flight: Preflight) -> Check:
    """A few pictures can be learned by heart; if not, something in model, loss or gradient is broken."""
    recipe = flight.recipe(
        flight.some(FEW), augmentation=Choice("none"), dropout=0.0, batch_size=FEW, epochs=FEW_STEPS,
        learning_rate=flight.usable_rate, data_amount=1.0,
    )  # fmt: skip
    recipe.model.train()
    accuracy, losses = [], []
    for index in islice(endless(recipe), FEW_STEPS):
        loss, right = (recipe.update(index) / len(index)).tolist()
        accuracy.append(right)
        losses.append(finite(loss))
        if right == 1.0 or not isfinite(loss):
            break
    best = max(accuracy)
    return Check(
        "by_heart",
        "A few pictures can be learned by heart",
        state_of(best >= BY_HEART[0], best >= BY_HEART[1]),
        f"{best:.0%} of {len(recipe.train)} pictures after {len(accuracy)} steps at a rate of {flight.usable_rate:g}.",
        f"{BY_HEART[0]:.0%} within {FEW_STEPS} steps, without augmentation and dropout; below {BY_HEART[1]:.0%} "
        "it fails",
        "A net that can't do this can't learn more either: look at its size, recipe.initialization and loss.",
        {"accuracy": accuracy, "losses": losses, "wanted": BY_HEART[0]},
    )


def carries_over(flight: Preflight) -> Check:
    """What is learned in a short while holds for pictures not trained on: the labels belong to the pictures."""
    recipe = flight.short_training(
        SHORT_STEPS, augmentation=Choice("none"), dropout=0.0, learning_rate=flight.usable_rate, data_amount=1.0
    )
    steps, accuracy = [], []
    for step, index in enumerate(islice(endless(recipe), SHORT_STEPS), start=1):
        recipe.update(index)
        if step % (SHORT_STEPS // 4) == 0:
            steps.append(step)
            accuracy.append(evaluate(recipe, recipe.validation).accuracy)
    labels = recipe.validation.labels
    # Guessing the most frequent class is the best that labels without meaning allow.
    chance = float(labels.bincount().max()) / len(labels)
    error = (chance * (1 - chance) / len(labels)) ** 0.5
    wanted, least = (chance + errors * error for errors in MARGIN)
    return Check(
        "labels",
        "What is learned carries over",
        state_of(accuracy[-1] >= wanted, accuracy[-1] >= least),
        f"{accuracy[-1]:.1%} on {len(labels)} validation pictures after {SHORT_STEPS} steps at a rate of "
        f"{flight.usable_rate:g}; always naming the most frequent class gives {chance:.1%}.",
        f"at least {wanted:.1%}, {MARGIN[0]:g} standard errors above that; below {least:.1%} it fails",
        "If a few pictures can be learned by heart and this fails, suspect the labels: look at `python -m harness "
        "preview`, and whether pictures and labels were shuffled apart.",
        {"steps": steps, "accuracy": accuracy, "chance": chance, "wanted": wanted},
    )


def update_ratio(flight: Preflight) -> Check:
    """In a training as the recipe has it, cut short where it is long, updates change each layer by a thousandth."""
    settings = flight.spec.settings
    steps = min(settings.epochs * ceil(len(flight.data.train) / settings.batch_size), RATIO_STEPS)
    recipe = flight.short_training(steps)
    ratios: dict[str, list[float]] = {name: [] for name, _ in weights_of(recipe)}
    for index in islice(endless(recipe), steps):
        before = {name: weight.detach().clone() for name, weight in weights_of(recipe)}
        recipe.update(index)
        for name, weight in weights_of(recipe):
            change, size = float((weight.detach() - before[name]).norm()), float(before[name].norm())
            ratios[name].append(change / size if size and isfinite(change) else float("inf"))
    return judge_ratios(ratios)


def judge_ratios(ratios: Mapping[str, Sequence[float]]) -> Check:
    """Judge update sizes over weight sizes, a value per layer and step, layer by layer.

    At the full rate from the first step on, small weights behind a norm would be judged by updates that no training
    makes: they grow while a schedule warms up. A constant schedule is judged as it is.
    """
    medians = {name: statistics.median(values) for name, values in ratios.items()}
    low, high = RATIO
    # One layer may stand still, or jump, while the others are well.
    off = {name: max(median / high, low / median if median else float("inf")) for name, median in medians.items()}
    furthest = max(off, key=off.__getitem__)
    outside = [name for name in ratios if off[name] > 1]
    return Check(
        "update_ratio",
        "Updates are a thousandth of the weights",
        state_of(not outside, off[furthest] <= FAR_OUT),
        f"Medians over the steps are from {min(medians.values()):.1e} to {max(medians.values()):.1e}, layer by layer. "
        + (f"Outside: {', '.join(outside)}." if outside else "No layer is outside."),
        f"every layer from {low:g} to {high:g}, around 0.001; a factor of {FAR_OUT:g} outside it fails",
        "Too large: lower recipe.learning_rate. Too small: raise it. Without bound: the weights began at zero.",
        {
            "ratios": {name: [finite(value) for value in values] for name, values in ratios.items()},
            "band": RATIO,
            "medians": {name: finite(median) for name, median in medians.items()},
        },
    )


CHECKS: tuple[Callable[[Preflight], Check], ...] = (
    centred, first_loss, signal, rate_range, by_heart, carries_over, update_ratio,
)  # fmt: skip
