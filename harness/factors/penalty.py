"""Norm penalties. A level maps one weight tensor to its penalty, a scalar, which is added to the loss.

Only the weights of convolutions and dense layers are penalised, never a bias nor a parameter of a
norm or of an activation. `strength` is lambda; the sums run over all weights.
"""

from collections.abc import Callable

import torch

from harness.core.registry import Registry

PENALTY: Registry[Callable[..., torch.Tensor]] = Registry("penalty")

# Below q = 1 the slope of |w|^q grows without bound at 0; the curve starts this far from it.
NEAR_ZERO = 1e-3


@PENALTY.level("none")
def none(weight: torch.Tensor) -> torch.Tensor:
    """No penalty."""
    return weight.new_zeros(())


@PENALTY.level("l2", strength=(0, 100))
def l2(weight: torch.Tensor, *, strength: float = 1e-3) -> torch.Tensor:
    """lambda / 2 times the sum of squares (ridge, Tikhonov): its gradient is lambda w."""
    return strength / 2 * weight.square().sum()


@PENALTY.level("l1", strength=(0, 100))
def l1(weight: torch.Tensor, *, strength: float = 1e-4) -> torch.Tensor:
    """lambda times the sum of absolute values (lasso); its gradient at 0 is taken as 0."""
    return strength * weight.abs().sum()


@PENALTY.level("elastic_net", ratio=(0, 1), strength=(0, 100))
def elastic_net(weight: torch.Tensor, *, ratio: float = 0.5, strength: float = 1e-3) -> torch.Tensor:
    """r lambda |w|_1 + (1 - r) lambda |w|^2 with ratio r, as the lecture prints it: no 1/2 on the square."""
    return ratio * strength * weight.abs().sum() + (1 - ratio) * strength * weight.square().sum()


@PENALTY.level("lq", q=(0.1, 10), strength=(0, 100))
def lq(weight: torch.Tensor, *, q: float = 0.5, strength: float = 1e-4) -> torch.Tensor:
    """lambda times the sum of |w|^q, the family that has the lasso at q = 1.

    Below 1 it is (|w| + e)^q - e^q with e = 0.001, whose slope is bounded.
    """
    if q >= 1:
        return strength * weight.abs().pow(q).sum()
    return strength * ((weight.abs() + NEAR_ZERO).pow(q) - NEAR_ZERO**q).sum()
