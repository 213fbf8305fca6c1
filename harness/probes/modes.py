"""Training mode against inference mode on the same pictures: what batch statistics change."""

import torch

from harness.probes.looking import PART, logits, pictures, without_dropout
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe


@PROBE.level("modes")
class Modes(Observer):
    """Judges the validation pictures in both modes after training, in batches of the run's size.

    Batches are every n-th picture, so that each has all classes whatever the order of the split. Dropout is
    off in both: the difference is that of batch and running statistics.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def after_training(self, recipe: Recipe) -> None:
        size = min(recipe.spec.settings.batch_size, len(recipe.validation))
        # Inference comes first: a pass in training mode moves the running statistics until the look is over.
        inference = predictions(recipe, PART, training=False)
        training = predictions(recipe, size, training=True)
        labels = recipe.validation.labels
        accuracies = [(found == labels).double().mean().item() for found in (training, inference)]
        self.metrics = {
            "training_mode_accuracy": accuracies[0],
            "inference_mode_accuracy": accuracies[1],
            "mode_gap": accuracies[0] - accuracies[1],
            "mode_disagreement_share": (training != inference).double().mean().item(),
        }

    def result(self) -> Findings:
        return Findings(self.metrics)


@torch.no_grad()
def predictions(recipe: Recipe, size: int, training: bool) -> torch.Tensor:
    """Return the predicted class of every validation picture (N,), at most `size` of them at a time."""
    if training:
        without_dropout(recipe.model)
    else:
        recipe.model.eval()
    split = recipe.validation
    found = torch.zeros_like(split.labels)
    count = -(-len(split) // size)
    for start in range(count):
        index = torch.arange(start, len(split), count, device=found.device)
        images, _ = pictures(recipe, split, index)
        found[index] = logits(recipe, images).argmax(1)
    return found
