"""How much the loss varies along the gradient (Santurkar et al., 2018, figure 4a)."""

import numpy as np
import torch

from harness.probes.looking import PART, logits, median, pictures, spread, watches_epoch, without_dropout
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# In units of the recipe's learning rate, as in the paper.
STEPS = (0.5, 1.0, 2.0, 4.0)


@PROBE.level("smoothness")
class Smoothness(Observer):
    """Walks down the gradient of one fixed training batch and back, after epochs 1, 2, 4, 8 ...

    With statistics of the batch, as in training; dropout is off. The range is the largest minus the smallest
    loss at the start and after 0.5 to 4 learning rates.
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.losses: list[list[float]] = []

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        if watches_epoch(int(point["epoch"])):
            self.epochs.append(int(point["epoch"]))
            self.losses.append(losses_along_gradient(recipe))

    def result(self) -> Findings:
        """Return the median range over the looks."""
        if not self.losses:
            return Findings()
        losses = np.array(self.losses)
        arrays = {"smoothness/epochs": np.array(self.epochs), "smoothness/loss": losses.astype(np.float32)}
        # A step that overflows has no range; the median is of those that have one.
        return Findings({"loss_range_along_gradient": median(np.ptp(losses, axis=1))}, arrays)


def losses_along_gradient(recipe: Recipe) -> list[float]:
    """Return the loss of the fixed batch at the weights, and after each of the steps from them."""
    model, rate = recipe.model, recipe.spec.settings.learning_rate
    without_dropout(model)
    images, targets = pictures(recipe, recipe.train, spread(len(recipe.train), PART))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    here = recipe.loss(logits(recipe, images), targets)
    gradient = torch.autograd.grad(here, parameters, allow_unused=True)
    found = [here.item()]
    kept = [parameter.detach().clone() for parameter in parameters]
    with torch.no_grad():
        for step in STEPS:
            for parameter, start, slope in zip(parameters, kept, gradient, strict=True):
                if slope is not None:
                    parameter.copy_(start - step * rate * slope)
            found.append(recipe.loss(logits(recipe, images), targets).item())
        for parameter, start in zip(parameters, kept, strict=True):
            parameter.copy_(start)
    return found
