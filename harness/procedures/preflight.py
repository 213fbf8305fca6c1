"""Training step by step: what to check before a long training, for the recipe and the data as they are.

The order is the lecture's: look at the data, at the loss before training, overfit a few pictures, find a
learning rate, then watch the size of the updates.
"""

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import chain, islice
from math import ceil, isfinite, log
from typing import Any

import torch

from harness.seeding import generator
from harness.spec import Choice, RunSpec
from harness.training.device import set_up_process
from harness.training.evaluate import evaluate
from harness.training.recipe import Recipe
from harness.training.split import RunData

SAMPLE = 1024  # pictures that the data and the first loss are judged by
OFF_CENTRE = 0.25  # |mean| over spread of the inputs, at most
FIRST_LOSS = 0.5  # share of ln(classes) by which the first loss may differ
FEW = 40  # pictures to be learned by heart
FEW_STEPS = 200
BY_HEART = 0.99
RANGE = (1e-4, 10.0)  # learning rates tried, evenly in the exponent
RANGE_STEPS = 200
SMOOTHING = 0.8  # share of the past in the smoothed loss
EXPLODED = 1.15  # times the lowest smoothed loss: the range test stops
WARM = 30  # steps before it may stop
AS_LOW = 1.05  # times the lowest smoothed loss counts as lowest
BELOW_LOWEST = 2.0  # the proposal is the largest rate that does so, divided by this
NEAR = 20.0  # factor either way that the recipe's rate may be off the proposal
SHORT_STEPS = 200
SHORT_PICTURES = 2048
RATIO_STEPS = 500  # at most
MARGIN = 3.0  # standard errors above chance
RATIO = (1e-4, 1e-2)  # update size over weight size


@dataclass(frozen=True)
class Check:
    """One check: what was found and expected in words, what to do if it failed, and the data of its picture."""

    name: str
    title: str
    passed: bool
    found: str
    expected: str
    remedy: str
    picture: dict[str, Any]


@dataclass
class Preflight:
    """The recipe, its data, and what later checks take from earlier ones."""

    spec: RunSpec
    data: RunData
    proposed: float | None = None

    def recipe(self, data: RunData | None = None, **changes: Any) -> Recipe:
        """Return the recipe built anew with `changes`."""
        return Recipe.build(replace(self.spec, settings=self.spec.settings.changed(**changes)), data or self.data)

    @property
    def usable_rate(self) -> float:
        """The recipe's rate if it is in range, else the proposed one: one mistake should fail one check."""
        own = self.spec.settings.learning_rate
        return own if self.proposed is None or in_range(own, self.proposed) else self.proposed

    def some(self, count: int) -> RunData:
        """Return the data with at most `count` training pictures, drawn at random."""
        train = self.data.train
        order = torch.randperm(len(train), generator=generator(self.spec.seed, "preflight"))[:count]
        index = order.sort().values.to(train.labels.device)
        return replace(self.data, train=replace(train, images=train.images[index], labels=train.labels[index]))

    def short_training(self, steps: int, **changes: Any) -> Recipe:
        """Return a recipe, ready to train, whose whole schedule passes in `steps` steps, rounded up to an epoch."""
        data = self.some(SHORT_PICTURES)
        epochs = ceil(steps / ceil(len(data.train) / self.spec.settings.batch_size))
        recipe = self.recipe(data, epochs=epochs, **changes)
        recipe.model.train()
        return recipe


def in_range(rate: float, proposed: float) -> bool:
    """Say whether a rate is near enough to the proposed one."""
    return proposed / NEAR <= rate <= proposed * NEAR


def preflight(spec: RunSpec, data: RunData) -> dict[str, Any]:
    """Return every check for the recipe of `spec` on `data`, as plain values."""
    set_up_process(spec.threads, spec.precision)
    flight = Preflight(spec, data)
    checks = [check(flight) for check in CHECKS]
    return {
        "passed": all(check.passed for check in checks),
        "checks": [asdict(check) for check in checks],
        "proposed_rate": flight.proposed,
        "settings": spec.settings.to_json(),
        "data_digest": spec.data_digest,
        "device": spec.device,
    }


def centred(flight: Preflight) -> Check:
    """The inputs of the net have a mean near zero."""
    recipe = flight.recipe()
    inputs = recipe.scale(recipe.train.pictures(slice(0, SAMPLE))).float()
    values = inputs.transpose(0, 1).flatten(1)
    mean, spread = values.mean(dim=1), values.std(dim=1).clamp(min=1e-12)
    off = float((mean / spread).abs().max())
    low, high = float(values.min()), float(values.max())
    # torch has no deterministic histogram on a GPU.
    counts = [torch.histc(channel, 40, low, high).tolist() for channel in values.cpu()] if high > low else []
    return Check(
        "data",
        "The data is centred",
        off <= OFF_CENTRE,
        f"The channel furthest off has its mean {off:.2f} standard deviations from zero.",
        f"at most {OFF_CENTRE:g}",
        "Set recipe.preprocessing to standardised or zero_centred.",
        {"low": low, "high": high, "counts": counts, "means": mean.tolist()},
    )


def first_loss(flight: Preflight) -> Check:
    """Before training the loss is that of guessing: ln(classes)."""
    recipe = flight.recipe()
    classes = len(recipe.classes)
    losses = []
    with torch.no_grad():
        for index in islice(recipe.batches(), 12):
            images, _ = recipe.batch(index)
            with recipe.autocast():
                logits = recipe.model(images).float()
            losses.append(float(torch.nn.functional.cross_entropy(logits, recipe.train.labels[index])))
    mean, wanted = sum(losses) / len(losses), log(classes)
    return Check(
        "first_loss",
        "The loss begins where guessing is",
        abs(mean - wanted) <= FIRST_LOSS * wanted,
        f"The cross-entropy before training is {mean:.3g}; ln({classes}) = {wanted:.3g}.",
        f"within {FIRST_LOSS:.0%} of ln(classes)",
        "Weights that are too large make a net sure before it knows anything: look at recipe.initialization, at the "
        "scale of the inputs, and whether the number of classes is right.",
        {"losses": [finite(loss) for loss in losses], "wanted": wanted},
    )


def signal(flight: Preflight) -> Check:
    """The first gradient reaches every layer, and the units of a layer differ."""
    recipe = flight.recipe(dropout=0.0)
    images, targets = recipe.batch(next(recipe.batches()))
    with recipe.autocast():
        logits = recipe.model(images)
    recipe.loss(logits, targets).backward()
    layers, silent, equal = [], [], []
    for name, weight in weights_of(recipe):
        gradient = float(weight.grad.norm()) if weight.grad is not None else 0.0
        layers.append({"layer": name, "gradient": finite(gradient)})
        if not gradient > 0:
            silent.append(name)
        if len(weight) > 1 and bool((weight == weight[:1]).all()):
            equal.append(name)
    found = "Every layer receives a gradient, and no layer's units are all alike."
    if silent or equal:
        found = f"No gradient in: {', '.join(silent) or 'none'}. All units alike in: {', '.join(equal) or 'none'}."
    return Check(
        "weights",
        "The weights can learn",
        not silent and not equal,
        found,
        "a gradient above 0 in every layer, and units that differ",
        "Units that start alike stay alike, and weights of zero pass no gradient on: set recipe.initialization to he.",
        {"layers": layers},
    )


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
    if smoothed and AS_LOW * lowest < smoothed[0]:
        # The loss is flat around its lowest point, where noise decides; where it turns up again is sharp.
        best = max(rate for rate, loss in zip(rates, smoothed, strict=True) if loss <= AS_LOW * lowest)
        flight.proposed = float(f"{best / BELOW_LOWEST:.1g}")
    passed = flight.proposed is not None and in_range(own, flight.proposed)
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
        passed,
        found,
        f"within a factor of {NEAR:g} of the proposal: the largest rate at which the smoothed loss is within "
        f"{AS_LOW - 1:.0%} of its lowest, divided by {BELOW_LOWEST:g}",
        remedy,
        {"rates": rates, "losses": losses, "smoothed": smoothed, "proposed": flight.proposed, "own": own},
    )


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
        best >= BY_HEART,
        f"{best:.0%} of {len(recipe.train)} pictures after {len(accuracy)} steps at a rate of {flight.usable_rate:g}.",
        f"{BY_HEART:.0%} within {FEW_STEPS} steps, without augmentation and dropout",
        "A net that can't do this can't learn more either: look at its size, recipe.initialization and loss.",
        {"accuracy": accuracy, "losses": losses, "wanted": BY_HEART},
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
    wanted = chance + MARGIN * (chance * (1 - chance) / len(labels)) ** 0.5
    return Check(
        "labels",
        "What is learned carries over",
        accuracy[-1] >= wanted,
        f"{accuracy[-1]:.1%} on {len(labels)} validation pictures after {SHORT_STEPS} steps at a rate of "
        f"{flight.usable_rate:g}; always naming the most frequent class gives {chance:.1%}.",
        f"at least {wanted:.1%}, {MARGIN:g} standard errors above that",
        "If a few pictures can be learned by heart and this fails, suspect the labels: look at `python -m harness "
        "preview`, and whether pictures and labels were shuffled apart.",
        {"steps": steps, "accuracy": accuracy, "chance": chance, "wanted": wanted},
    )


def update_ratio(flight: Preflight) -> Check:
    """In a training as the recipe has it, cut short where it is long, an update changes the weights by a thousandth."""
    settings = flight.spec.settings
    steps = min(settings.epochs * ceil(len(flight.data.train) / settings.batch_size), RATIO_STEPS)
    recipe = flight.short_training(steps)
    names = [name for name, _ in weights_of(recipe)]
    ratios: dict[str, list[float]] = {name: [] for name in names}
    for index in islice(endless(recipe), steps):
        before = {name: weight.detach().clone() for name, weight in weights_of(recipe)}
        recipe.update(index)
        for name, weight in weights_of(recipe):
            change, size = float((weight.detach() - before[name]).norm()), float(before[name].norm())
            ratios[name].append(change / size if size and isfinite(change) else float("inf"))
    # At the full rate from the first step on, small weights behind a norm would be judged by updates that no training
    # makes: they grow while a schedule warms up. A constant schedule is judged as it is.
    median = statistics.median(chain.from_iterable(ratios.values()))
    low, high = RATIO
    return Check(
        "update_ratio",
        "Updates are a thousandth of the weights",
        low <= median <= high,
        f"The median over layers and steps is {median:.1e}.",
        f"from {low:g} to {high:g}, around 0.001",
        "Too large: lower recipe.learning_rate. Too small: raise it. Without bound: the weights began at zero.",
        {"ratios": {name: [finite(value) for value in values] for name, values in ratios.items()}, "band": RATIO},
    )


CHECKS: tuple[Callable[[Preflight], Check], ...] = (
    centred, first_loss, signal, rate_range, by_heart, carries_over, update_ratio,
)  # fmt: skip


def weights_of(recipe: Recipe) -> list[tuple[str, torch.Tensor]]:
    """Return name and weights of every convolution and dense layer, biases and norms left out."""
    named = recipe.model.named_parameters()
    return [(name.removesuffix(".weight"), weight) for name, weight in named if weight.dim() > 1]


def endless(recipe: Recipe) -> Any:
    """Yield batches, epoch after epoch."""
    while True:
        yield from recipe.batches()


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return value if isfinite(value) else None
