"""Accuracy on pictures that are not like those trained on: brighter, darker, paler, noisy."""

from collections.abc import Callable

import torch

from harness.core.seeding import generator
from harness.probes.looking import PART, logits
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

NOISE = 0.1  # standard deviation, of a range from 0 to 1
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def paler(images: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Return pictures (B, C, H, W) with half of their contrast."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return mean + (images - mean) / 2


# Of pictures in 0..1 and of normal draws of their shape.
CHANGES: dict[str, Change] = {
    "unchanged": lambda images, draws: images,
    "brightened": lambda images, draws: (images * 1.5).clamp(0, 1),
    "darkened": lambda images, draws: images * 0.5,
    "paler": paler,
    "noisy": lambda images, draws: (images + NOISE * draws).clamp(0, 1),
}


@PROBE.level("shift")
class Shift(Observer):
    """Judges the test pictures, changed, with the weights that are judged on them anyway; nothing is chosen by it.

    The noise comes from the seed: every level meets the same.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    @torch.no_grad()
    def at_best(self, recipe: Recipe) -> None:
        split, right = recipe.test, dict.fromkeys(CHANGES, 0.0)
        recipe.model.eval()
        luck = generator(recipe.spec.seed, "shift noise")
        for start in range(0, len(split), PART):
            images, labels = split.pictures(slice(start, start + PART)), split.labels[start : start + PART]
            draws = torch.randn(images.shape, generator=luck).to(images.device)
            for name, change in CHANGES.items():
                found = logits(recipe, recipe.scale(change(images, draws))).argmax(1)
                right[name] += float((found == labels).sum())
        accuracy = {name: count / len(split) for name, count in right.items()}
        plain = accuracy.pop("unchanged")
        self.metrics = {f"{name}_accuracy": value for name, value in accuracy.items()}
        self.metrics["accuracy_lost_to_shift"] = plain - sum(accuracy.values()) / len(accuracy)
        self.metrics["accuracy_lost_to_noise"] = plain - accuracy["noisy"]

    def result(self) -> Findings:
        """Return the accuracies, and what is lost to noise and to the four changes on average."""
        return Findings(self.metrics)
