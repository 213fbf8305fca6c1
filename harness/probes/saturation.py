"""What a saturated unit lets through of the gradient, in a net that does saturate."""

from dataclasses import replace

import numpy as np

from harness.core.spec import Choice
from harness.probes.activations import FLAT, slope, steepest
from harness.probes.looking import PART, activation_layers, number, spread
from harness.probes.units import input_gradients
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# Weights of this size saturate tanh and sigmoid, whatever the run's own weights do.
LARGE = Choice.of("normal", {"std": 1.0})
# Of the values of a layer: fewer, on either side, are no sample.
FEWEST = 0.01


@PROBE.level("saturation", uses=("initialization:normal",))
class Saturation(Observer):
    """Builds the run's net with weights of standard deviation 1 instead, before training, and shows it 128 pictures.

    Compared is the size of the gradient at the input of each nonlinearity: the mean over values that are saturated
    (slope below 5 % of the steepest) over the mean over the others of the same layer.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def before_training(self, recipe: Recipe) -> None:
        net = replace(recipe, model=recipe.other_model(initialization=LARGE))
        net.model.eval()
        layers = activation_layers(net)
        shares, ratios = [], []
        for name, (x, gradient) in input_gradients(net, layers, spread(len(net.train), PART)).items():
            layer = layers[name]
            flat = slope(layer, x.float()) < FLAT * steepest(layer)
            shares.append(flat.double().mean().item())
            size = gradient.abs().double()
            # Of maxout the piece that wins is where the gradient goes.
            size = size.unflatten(1, (-1, getattr(layer, "pieces", 1))).amax(dim=2)
            known = FEWEST <= shares[-1] <= 1 - FEWEST
            ratios.append((size[flat].mean() / size[~flat].mean()).item() if known else np.nan)
        finite = [ratio for ratio in ratios if np.isfinite(ratio)]
        self.metrics = {
            "large_weights_saturated_share": number(np.mean(shares)) if shares else None,
            "saturated_gradient_share": number(np.mean(finite)) if finite else None,
        }

    def result(self) -> Findings:
        """Return the share of saturated values, and the ratio of gradients, each the mean over the layers."""
        return Findings(self.metrics)
