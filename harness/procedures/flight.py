"""What every check of the preflight is made of: its state, the recipe and its data, and short trainings of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import Any, Literal

import torch

from harness.core.seeding import generator
from harness.core.spec import RunSpec
from harness.training.recipe import Recipe
from harness.training.split import RunData

NEAR, FAR = 2.0, 20.0  # factors either way by which the recipe's rate is off the proposal
SHORT_PICTURES = 2048

State = Literal["passed", "look", "failed"]


@dataclass(frozen=True)
class Check:
    """One check: what was found and expected in words, what to do unless it passed, and the data of its picture."""

    name: str
    title: str
    state: State
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
    """Say whether a rate is near enough to the proposed one to train with."""
    return proposed / FAR <= rate <= proposed * FAR


def state_of(passes: bool, holds: bool) -> State:
    """Return the state of a check by its narrow bound and its wide one."""
    return "passed" if passes else "look" if holds else "failed"


def worst(states: Iterable[State]) -> State:
    """Return failed if any has, else look if any is worth one, else passed."""
    found = set(states)
    return state_of(found <= {"passed"}, "failed" not in found)


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
