"""Do two passes over the same pictures agree to the last bit, in inference mode and in training mode?"""

import torch

from harness.probes.looking import PART, logits, pictures, spread
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe


@PROBE.level("inference")
class Inference(Observer):
    """Shows 128 validation pictures twice in each mode, before and after training.

    Before, because a net that has collapsed gives the same answer to every picture, whatever dropout draws.

    In training mode dropout draws; the generators' states are put back (see `Observer`), so the run's luck stays.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def before_training(self, recipe: Recipe) -> None:
        self.look(recipe, "start_")

    def after_training(self, recipe: Recipe) -> None:
        self.look(recipe, "")

    @torch.no_grad()
    def look(self, recipe: Recipe, prefix: str) -> None:
        """Compare two passes in each mode."""
        images, _ = pictures(recipe, recipe.validation, spread(len(recipe.validation), PART))
        for mode in ("inference", "training"):
            recipe.model.train(mode == "training")
            first, second = logits(recipe, images), logits(recipe, images)
            same = torch.isclose(first, second, rtol=0, atol=0, equal_nan=True).all(dim=1)
            self.metrics[f"{prefix}{mode}_repeats_share"] = same.double().mean().item()

    def result(self) -> Findings:
        return Findings(self.metrics)
