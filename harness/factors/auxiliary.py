"""Second tasks that share the features. A level returns a module with a head and a loss of its own, or None.

The module maps (features, images (B, C, H, W), generator) to a weighted mean loss, where `features`
is the net without its dense layer.
"""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from harness.core.registry import Registry

AUXILIARY: Registry[Callable[..., nn.Module | None]] = Registry("auxiliary")


@AUXILIARY.level("none")
def none(width: int) -> None:
    """The main task alone."""
    return None


class RotationPrediction(nn.Module):
    """Turn each picture by a drawn quarter and predict the turn (Gidaris et al., 2018)."""

    def __init__(self, width: int, weight: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, 4)
        self.weight = weight

    def forward(self, features: nn.Module, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the weighted cross-entropy of the predicted quarter turns."""
        turns = torch.randint(0, 4, (len(images),), device=images.device, generator=generator)
        logits = self.dense(features(turned(images, turns)))
        return self.weight * functional.cross_entropy(logits.float(), turns)


def turned(images: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
    """Return each square picture (B, C, S, S) turned by its number (B,) of quarter turns."""
    all_four = torch.stack([images.rot90(k, dims=(2, 3)) for k in range(4)])
    chosen = all_four[turns, torch.arange(len(images), device=images.device)]
    return chosen.contiguous(memory_format=torch.channels_last)


@AUXILIARY.level("rotation", weight=(0, 100))
def rotation(width: int, *, weight: float = 0.5) -> nn.Module:
    """A second head that predicts by how many quarters a picture was turned."""
    return RotationPrediction(width, weight)
