"""By what factor a layer changes the size of what it gets, over many nets that the run might have started from."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from harness.core.seeding import derive
from harness.probes.looking import activation_layers, logits, number, pictures, spread
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# A layer of a few channels drawn once is off by a tenth; what He and Glorot derive is an expectation.
DRAWS, PICTURES = 32, 8


@PROBE.level("gain")
class Gain(Observer):
    """Draws the weights of the run's net anew, under seeds of their own, and shows each net the same pictures.

    The gain of a layer is the root mean square of what its nonlinearity gives over that of what its convolution
    gets, before training and in inference mode: what He and Glorot derive, without the pooling between layers,
    which raises it too. Over the draws it is the root of the mean square. Of another model than the bench's ConvNet
    nothing is measured.
    """

    def __init__(self) -> None:
        self.gains = np.array([])

    def before_training(self, recipe: Recipe) -> None:
        if not activation_layers(recipe):
            return
        draws = [layer_gains(drawn(recipe, draw)) for draw in range(DRAWS)]
        self.gains = np.sqrt(np.mean(np.square(draws), axis=0))

    def result(self) -> Findings:
        """Return the geometric mean over the layers."""
        # The first layer sees a few channels that are much alike: chance, rather than the rule, decides its gain.
        inner = self.gains[1:]
        whole = bool(len(inner)) and bool(np.isfinite(inner).all()) and bool((inner > 0).all())
        gain = number(np.exp(np.log(inner).mean())) if whole else None
        return Findings({"start_layer_gain": gain}, {"gain/gain": self.gains} if len(self.gains) else {})


def drawn(recipe: Recipe, draw: int) -> Recipe:
    """Return the recipe with the net that it would start from under another seed."""
    other = replace(recipe, spec=replace(recipe.spec, seed=derive(recipe.spec.seed, f"gain:{draw}")))
    other.model = other.other_model()
    return other


@torch.no_grad()
def layer_gains(recipe: Recipe) -> np.ndarray:
    """Return (layers,) the root mean square after each nonlinearity over that before the last convolution in front."""
    gains: list[torch.Tensor] = []
    entered = [torch.tensor(torch.nan)]

    def enter(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        entered[0] = inputs[0].float().square().mean().sqrt()

    def leave(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        gains.append(output.float().square().mean().sqrt() / entered[0])

    for module in recipe.model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(enter)
    for layer in activation_layers(recipe).values():
        layer.register_forward_hook(leave)
    recipe.model.eval()
    images, _ = pictures(recipe, recipe.validation, spread(len(recipe.validation), PICTURES))
    logits(recipe, images)
    return np.array([float(gain) for gain in gains])
