"""Loss functions. A level maps logits (B, K) and target probabilities (B, K) to a mean loss.

Every net here ends in a softmax, whatever the loss: the errors of the regression losses are
differences of probabilities. They are summed over classes and averaged over the batch, as the
lecture writes its squared error, so that their gradients do not shrink with the number of classes.
"""

from collections.abc import Callable
from math import log

import torch
from torch.nn import functional

from harness.core.registry import Registry

LOSS: Registry[Callable[..., torch.Tensor]] = Registry("loss")


@LOSS.level("cross_entropy")
def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """-sum of target times log softmax, in nats, averaged over the batch."""
    return functional.cross_entropy(logits, targets)


@LOSS.level("mse")
def mse(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum of squared errors of the probabilities (Brier, 1950)."""
    return functional.mse_loss(logits.softmax(dim=1), targets, reduction="sum") / len(logits)


@LOSS.level("mae")
def mae(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum of absolute errors of the probabilities."""
    return functional.l1_loss(logits.softmax(dim=1), targets, reduction="sum") / len(logits)


@LOSS.level("huber", delta=(0.001, 10))
def huber(logits: torch.Tensor, targets: torch.Tensor, *, delta: float = 0.5) -> torch.Tensor:
    """Half the squared error up to `delta`, linear beyond (Huber, 1964).

    Errors of probabilities are at most 1: with a delta of 1 or more this is half the squared error.
    """
    return functional.huber_loss(logits.softmax(dim=1), targets, reduction="sum", delta=delta) / len(logits)


@LOSS.level("log_cosh")
def log_cosh(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum of log cosh of the errors: half the square of small errors, linear in large ones."""
    error = (logits.softmax(dim=1) - targets).abs()
    # The plain formula overflows for large errors; this one is equal and does not.
    return (error + functional.softplus(-2 * error) - log(2)).sum() / len(logits)


@LOSS.level("kl")
def kl(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Kullback-Leibler divergence of the prediction from the target: cross-entropy less the target's entropy.

    Where targets are given, their entropy is a constant: the gradient is that of cross-entropy.
    """
    return functional.kl_div(functional.log_softmax(logits, dim=1), targets, reduction="batchmean")
