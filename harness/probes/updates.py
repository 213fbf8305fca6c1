"""How far an update moves the weights: against their size, and against the gradient that caused it."""

import numpy as np
import torch

from harness.probes.looking import FIRST_STEPS, median, number, ratio, watches_step, weight_layers
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe


@PROBE.level("updates")
class Updates(Observer):
    """Compares the weights before and after watched updates, layer by layer.

    The ratio |dw| / |w| is the lecture's (near 1e-3 in healthy training); the effective step is |dw| / |g| over
    all layers, divided by the learning rate, so that a schedule doesn't count as the optimizer's doing.
    """

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.steps: list[int] = []
        self.epochs: list[int] = []
        self.rates: list[float] = []
        self.sizes: list[torch.Tensor] = []  # (L, 3) each: |dw|, |w| before, |g|

    def before_training(self, recipe: Recipe) -> None:
        weights = weight_layers(recipe.model)
        self.layers, self.count = list(weights), sum(weight.numel() for weight in weights.values())

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        self.epoch = step // steps_per_epoch + 1
        return watches_step(step, steps_per_epoch)

    def before_update(self, recipe: Recipe, step: int) -> None:
        self.rates.append(recipe.learning_rate)
        self.before = [weight.detach().clone() for weight in weight_layers(recipe.model).values()]

    def after_update(self, recipe: Recipe, step: int) -> None:
        weights = weight_layers(recipe.model).values()
        self.steps.append(step)
        self.epochs.append(self.epoch)
        # Read at the end of training: a value read now would make the program wait for a GPU.
        self.sizes.append(torch.stack([sizes(*pair) for pair in zip(weights, self.before, strict=True)]))

    def result(self) -> Findings:
        """Return the median ratio as a power of ten, the first update, and how the effective step changes."""
        if not self.sizes:
            return Findings()
        measured = torch.stack(self.sizes).double().cpu().numpy()
        moved, weight, gradient = (measured[:, :, column] for column in range(3))
        rates = np.array(self.rates[: len(self.steps)])
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = moved / weight
            per_rate = np.linalg.norm(moved, axis=1) / rates
            effective = per_rate / np.linalg.norm(gradient, axis=1)
            powers = np.log10(ratios)
        metrics = {
            "update_ratio_log10": median(powers),
            "first_update_per_rate": number(per_rate[0] / self.count**0.5),
            "effective_step_growth": self.growth(effective),
        }
        arrays = {
            "updates/steps": np.array(self.steps),
            "updates/epochs": np.array(self.epochs),
            "updates/layers": np.array(self.layers),
            "updates/ratio": ratios.astype(np.float32),
            "updates/effective_step": effective.astype(np.float32),
        }
        return Findings(metrics, arrays)

    def growth(self, effective: np.ndarray) -> float | None:
        """Return the median effective step of the last epoch over that of the first, without the first steps."""
        epochs, steps = np.array(self.epochs), np.array(self.steps)
        settled = steps >= FIRST_STEPS
        if epochs[-1] == 1:
            return None
        return ratio(median(effective[epochs == epochs[-1]]), median(effective[(epochs == 1) & settled]))


def sizes(after: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """Return |after - before|, |before| and the norm of the gradient, (3,)."""
    gradient = after.new_zeros(()) if after.grad is None else after.grad.norm()
    return torch.stack([(after.detach() - before).norm(), before.norm(), gradient])
