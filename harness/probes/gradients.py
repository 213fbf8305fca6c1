"""How large the gradient of each layer's weights is, and whether a unit's weights are all pushed one way."""

import numpy as np
import torch

from harness.probes.looking import logits, median, number, pictures, ratio, spread, watches_step, weight_layers
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# Each is a backward pass of its own.
SINGLE_PICTURES = 8


@PROBE.level("gradients")
class Gradients(Observer):
    """Reads the gradients of watched updates; sign agreement is taken one picture at a time.

    The lecture's argument on signs holds for one picture: dL/dw_ij = delta_i x_j has the sign of delta_i
    for every j if all inputs x_j are positive. It is measured before and after training, in inference mode.
    """

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.steps: list[int] = []
        self.norms: list[list[torch.Tensor]] = []
        self.agreement: list[np.ndarray] = []

    def before_training(self, recipe: Recipe) -> None:
        self.layers = list(weight_layers(recipe.model))
        self.agreement.append(sign_agreement(recipe))

    def after_training(self, recipe: Recipe) -> None:
        self.agreement.append(sign_agreement(recipe))

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        return watches_step(step, steps_per_epoch)

    def after_update(self, recipe: Recipe, step: int) -> None:
        weights = weight_layers(recipe.model).values()
        self.steps.append(step)
        self.norms.append([weight.new_zeros(()) if weight.grad is None else weight.grad.norm() for weight in weights])

    def result(self) -> Findings:
        """Return norms of the first update, their ratio first to last layer, and sign agreement of the last layer."""
        if not self.steps:
            return Findings()
        norms = np.array([[float(norm) for norm in row] for row in self.norms])
        agreement = np.stack(self.agreement)
        first, last = number(norms[0, 0]), number(norms[0, -1])
        with np.errstate(divide="ignore", invalid="ignore"):
            through = norms[:, 0] / norms[:, -1]
            power = np.log10(through[0])
        metrics = {
            "start_gradient_norm_first_layer": first,
            "start_gradient_norm_last_layer": last,
            "start_gradient_ratio": ratio(first, last),
            # Differences of powers are factors, whatever the size of the output layer.
            "start_gradient_ratio_log10": number(power),
            "gradient_ratio": median(through),
            "start_sign_agreement_share": number(agreement[0, -1]),
            "sign_agreement_share": number(agreement[-1, -1]),
        }
        arrays = {
            "gradients/steps": np.array(self.steps),
            "gradients/layers": np.array(self.layers),
            "gradients/norm": norms.astype(np.float32),
            "gradients/sign_agreement": agreement.astype(np.float32),
        }
        return Findings(metrics, arrays)


def sign_agreement(recipe: Recipe) -> np.ndarray:
    """Return, per layer (L,), the mean share of a unit's weight gradients that have its more frequent sign.

    Gradients that are exactly 0 have no sign and are left out; a unit without any is left out too. NaN: none.
    """
    recipe.model.eval()
    weights = list(weight_layers(recipe.model).values())
    shares: list[list[torch.Tensor]] = [[] for _ in weights]
    for one in spread(len(recipe.validation), SINGLE_PICTURES):
        images, targets = pictures(recipe, recipe.validation, one.reshape(1))
        loss = recipe.loss(logits(recipe, images), targets)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for found, gradient in zip(shares, gradients, strict=True):
            if gradient is not None:
                found.append(unit_agreement(gradient))
    means = [torch.cat(found).mean() if found else torch.tensor(torch.nan) for found in shares]
    return np.array([float(mean) for mean in means])


def unit_agreement(gradient: torch.Tensor) -> torch.Tensor:
    """Return max(positive, negative) / (positive + negative) of every unit of (out, in, ...) that has a sign."""
    rows = gradient.flatten(1)
    positive, negative = (rows > 0).sum(1).double(), (rows < 0).sum(1).double()
    signed = positive + negative
    return (torch.maximum(positive, negative) / signed)[signed > 0]
