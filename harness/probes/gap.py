"""Generalisation gap with both sides measured alike: in inference mode, on pictures as they are."""

import torch

from harness.probes.looking import PART, logits, number, pictures, spread
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe
from harness.training.split import Split


@PROBE.level("gap")
class Gap(Observer):
    """Compares training with validation pictures after the last update.

    The training curve is taken under dropout and augmentation, while weights still change; this is not. As
    many training pictures count as there are for validation, spread evenly over what the run trains on.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def after_training(self, recipe: Recipe) -> None:
        count = len(recipe.validation)
        accuracy, loss = judge(recipe, recipe.train, spread(len(recipe.train), count))
        validation_accuracy, validation_loss = judge(recipe, recipe.validation, spread(count, count))
        self.metrics = {
            "inference_train_accuracy": number(accuracy),
            "inference_gap": number(accuracy - validation_accuracy),
            "inference_loss_gap": number(validation_loss - loss),
        }

    def result(self) -> Findings:
        return Findings(self.metrics)


@torch.no_grad()
def judge(recipe: Recipe, split: Split, index: torch.Tensor) -> tuple[float, float]:
    """Return accuracy and mean loss of some pictures in inference mode."""
    recipe.model.eval()
    right = loss = 0.0
    for part in index.split(PART):
        images, targets = pictures(recipe, split, part)
        scores = logits(recipe, images)
        right += float((scores.argmax(1) == targets.argmax(1)).sum())
        # The last part is smaller: weigh every part by its pictures.
        loss += float(recipe.loss(scores, targets)) * len(part)
    return right / len(index), loss / len(index)
