"""Loss functions. A level maps logits (B, K) and target probabilities (B, K) to a mean loss."""

from collections.abc import Callable

import torch
from torch.nn import functional

from harness.registry import Registry

LOSS: Registry[Callable[..., torch.Tensor]] = Registry("loss")


@LOSS.level("cross_entropy")
def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """-sum of target times log softmax, in nats, averaged over the batch."""
    return functional.cross_entropy(logits, targets)
