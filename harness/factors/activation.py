"""Nonlinearities. A level returns a module that maps (B, C, ...) to (B, C, ...)."""

from collections.abc import Callable

import torch
from torch import nn

from harness.core.registry import Registry

ACTIVATION: Registry[Callable[..., nn.Module]] = Registry("activation")


@ACTIVATION.level("sigmoid")
def sigmoid() -> nn.Module:
    """1 / (1 + exp(-x))."""
    return nn.Sigmoid()


@ACTIVATION.level("tanh")
def tanh() -> nn.Module:
    """2 sigmoid(2x) - 1 (LeCun et al., 1991)."""
    return nn.Tanh()


@ACTIVATION.level("relu")
def relu() -> nn.Module:
    """max(0, x) (Krizhevsky et al., 2012)."""
    return nn.ReLU()


@ACTIVATION.level("leaky_relu", slope=(0, 1))
def leaky_relu(*, slope: float = 0.1) -> nn.Module:
    """max(slope x, x) for a slope below 1 (Maas et al., 2013)."""
    return nn.LeakyReLU(slope)


@ACTIVATION.level("prelu", start=(0, 1))
def prelu(*, start: float = 0.25) -> nn.Module:
    """Leaky ReLU with one learned slope per layer, 0.25 at first (He et al., 2015)."""
    return nn.PReLU(init=start)


@ACTIVATION.level("elu", alpha=(0, 100))
def elu(*, alpha: float = 1.0) -> nn.Module:
    """x, or alpha (exp(x) - 1) below zero (Clevert et al., 2015)."""
    return nn.ELU(alpha)


class Maxout(nn.Module):
    """max(w1 x + b1, w2 x + b2): the larger of two linear pieces (Goodfellow et al., 2013).

    The layer before it has `pieces` times as many channels, (B, pieces C, ...); here the pieces
    of one unit are neighbours, and the largest is passed on, (B, C, ...).
    """

    pieces = 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the maximum over the pieces of every unit."""
        # Maxima of strided slices keep the channels-last layout, where a reshape would copy.
        return torch.maximum(x[:, 0 :: self.pieces], x[:, 1 :: self.pieces])


@ACTIVATION.level("maxout")
def maxout() -> nn.Module:
    """Two learned linear pieces per unit; doubles the weights of the layer before it."""
    return Maxout()


@ACTIVATION.level("gelu")
def gelu() -> nn.Module:
    """x times the normal distribution function of x (Hendrycks and Gimpel, 2016)."""
    return nn.GELU()


@ACTIVATION.level("silu")
def silu() -> nn.Module:
    """x sigmoid(x) (Elfwing et al., 2017)."""
    return nn.SiLU()
