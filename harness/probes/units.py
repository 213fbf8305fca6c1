"""Units that no picture trains: those whose nonlinearity lets no gradient through."""

import numpy as np
import torch
from torch import nn

from harness.probes.looking import PART, activation_layers, logits, number, pictures
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe


@PROBE.level("units")
class Units(Observer):
    """Shows the net every training picture once more, after training and in inference mode.

    A unit is a channel. It gets no gradient if that of the loss at the input of its nonlinearity is exactly 0 for every
    picture and at every place; only a unit whose slope is 0 everywhere, or behind which all units are so, has that.
    """

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.without: np.ndarray | None = None

    def after_training(self, recipe: Recipe) -> None:
        layers = activation_layers(recipe)
        reached = {name: torch.zeros(()) for name in layers}
        recipe.model.eval()
        for start in range(0, len(recipe.train), PART):
            for name, (_, gradient) in input_gradients(recipe, layers, slice(start, start + PART)).items():
                # A gradient that is not finite is none that a unit could learn from; it makes the share not a number.
                reached[name] = reached[name] + gradient.abs().amax(dim=(0, 2, 3))
        self.layers = list(layers)
        self.without = np.array([without_gradient(layers[name], total) for name, total in reached.items()])

    def result(self) -> Findings:
        """Return the mean share over the layers; None if the net is not finite."""
        if self.without is None or not len(self.without):
            return Findings()
        arrays = {"units/layers": np.array(self.layers), "units/without_gradient": self.without.astype(np.float32)}
        return Findings({"no_gradient_share": number(self.without.mean())}, arrays)


def input_gradients(
    recipe: Recipe, layers: dict[str, nn.Module], index: torch.Tensor | slice
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return the input (B, C, H, W) of every layer and the gradient there, of the summed loss of training pictures."""
    inputs: dict[str, torch.Tensor] = {}

    def keep(name: str, module: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        inputs[name] = given[0]

    handles = [
        layer.register_forward_pre_hook(lambda module, given, name=name: keep(name, module, given))
        for name, layer in layers.items()
    ]
    try:
        images, targets = pictures(recipe, recipe.train, index)
        # Frozen layers would have no gradient at their inputs otherwise.
        loss = recipe.loss(logits(recipe, images.requires_grad_()), targets) * len(images)
    finally:
        for handle in handles:
            handle.remove()
    # Another model than the bench's ConvNet has no layers of nonlinearities of its own.
    gradients = torch.autograd.grad(loss, list(inputs.values())) if inputs else ()
    return {name: (inputs[name].detach(), one) for name, one in zip(inputs, gradients, strict=True)}


def without_gradient(layer: nn.Module, total: torch.Tensor) -> float:
    """Return the share of units whose total (C,) of sizes is 0; of maxout, a unit is all its pieces."""
    units = total.unflatten(0, (-1, getattr(layer, "pieces", 1))).amax(dim=1)
    return (units == 0).double().mean().item() if bool(torch.isfinite(units).all()) else float("nan")
