"""Judge a model on a split, in inference mode."""

from dataclasses import dataclass

import torch
from torch import nn

from harness.training.recipe import PART_SIZE, Recipe
from harness.training.split import Split

# On a CPU: small enough that the maps of a batch stay in its cache.
CPU_BATCH = 128


@dataclass(frozen=True)
class Judgement:
    """Mean loss, share of right answers, and the probabilities (N, K) behind them.

    `cross_entropy` is in nats, whatever the loss: runs with different losses can be compared by it.
    """

    loss: float
    cross_entropy: float
    accuracy: float
    probabilities: torch.Tensor
    labels: torch.Tensor

    def per_class(self, classes: list[str]) -> dict[str, float]:
        """Return the accuracy within each class that occurs."""
        right = self.probabilities.argmax(dim=1) == self.labels
        return {
            name: right[self.labels == label].float().mean().item()
            for label, name in enumerate(classes)
            if bool((self.labels == label).any())
        }


def evaluation_batch(recipe: Recipe) -> int:
    """Return how many pictures are judged at once.

    On a GPU twice those of a step, which keeps its maps for the backward pass: the step sets the peak of the memory.
    """
    return CPU_BATCH if recipe.spec.device == "cpu" else 2 * min(recipe.spec.settings.batch_size, PART_SIZE)


@torch.no_grad()
def evaluate(recipe: Recipe, split: Split) -> Judgement:
    """Return the judgement of the recipe's model on all of `split`; the model's mode is kept."""
    was_training = recipe.model.training
    recipe.model.eval()
    parts, losses, nats = [], [], []
    size = evaluation_batch(recipe)
    for start in range(0, len(split), size):
        where = slice(start, start + size)
        with recipe.autocast():
            logits = recipe.model(recipe.scale(split.pictures(where))).float()
        targets = nn.functional.one_hot(split.labels[where], len(recipe.classes)).float()
        # The last batch is smaller: weigh every batch by its pictures.
        losses.append(recipe.loss(logits, targets) * len(targets))
        nats.append(nn.functional.cross_entropy(logits, split.labels[where], reduction="sum"))
        parts.append(logits.softmax(dim=1))
    recipe.model.train(was_training)
    probabilities = torch.cat(parts)
    right = (probabilities.argmax(dim=1) == split.labels).sum()
    sums = torch.stack([torch.stack(losses).sum(), torch.stack(nats).sum(), right.float()])
    # Divided in Python, whose numbers are of double precision.
    loss, cross_entropy, accuracy = (total / len(split) for total in sums.tolist())
    return Judgement(loss, cross_entropy, accuracy, probabilities, split.labels)
