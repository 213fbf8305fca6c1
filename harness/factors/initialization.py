"""Weights at the start. A level fills one weight tensor in place; biases start at zero.

n is the fan-in: the number of inputs of one unit (channels in x kernel area for a convolution).
"""

from collections.abc import Callable
from math import sqrt

import torch
from torch import nn

from harness.core.registry import Registry

INITIALIZATION: Registry[Callable[..., None]] = Registry("initialization")


def fan_in(weight: torch.Tensor) -> int:
    """Return the number of inputs that one unit of `weight` (out, in, ...) has."""
    return weight[0].numel()


@INITIALIZATION.level("zeros")
def zeros(weight: torch.Tensor, generator: torch.Generator) -> None:
    """All weights 0: no gradient reaches the layers below."""
    nn.init.zeros_(weight)


@INITIALIZATION.level("constant", value=(-100, 100))
def constant(weight: torch.Tensor, generator: torch.Generator, *, value: float = 0.01) -> None:
    """All weights equal: every unit of a layer stays a copy of its neighbour."""
    nn.init.constant_(weight, value)


@INITIALIZATION.level("normal", std=(0, 100))
def normal(weight: torch.Tensor, generator: torch.Generator, *, std: float = 0.01) -> None:
    """Normal with one standard deviation for all layers, whatever their fan-in."""
    nn.init.normal_(weight, 0.0, std, generator=generator)


@INITIALIZATION.level("xavier")
def xavier(weight: torch.Tensor, generator: torch.Generator) -> None:
    """Variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010, equation 12)."""
    nn.init.xavier_normal_(weight, generator=generator)


@INITIALIZATION.level("xavier_fan_in")
def xavier_fan_in(weight: torch.Tensor, generator: torch.Generator) -> None:
    """Standard deviation 1 / sqrt(n), the form that the lecture derives."""
    nn.init.normal_(weight, 0.0, 1 / sqrt(fan_in(weight)), generator=generator)


@INITIALIZATION.level("torch")
def torch_default(weight: torch.Tensor, generator: torch.Generator) -> None:
    """Uniform within 1 / sqrt(n) either way, as torch's layers start: standard deviation 1 / sqrt(3 n).

    A sixth of He's variance. Behind a norm the size of a weight no longer reaches the output, but the
    step does: it acts as rate / size squared, so smaller weights learn faster there.
    """
    bound = 1 / sqrt(fan_in(weight))
    nn.init.uniform_(weight, -bound, bound, generator=generator)


@INITIALIZATION.level("he")
def he(weight: torch.Tensor, generator: torch.Generator) -> None:
    """Standard deviation sqrt(2 / n) (He et al., 2015, equation 10)."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)


@INITIALIZATION.level("he_as_printed")
def he_as_printed(weight: torch.Tensor, generator: torch.Generator) -> None:
    """Standard deviation 2 / sqrt(n), as the slide prints it: sqrt(2) times too large."""
    nn.init.normal_(weight, 0.0, 2 / sqrt(fan_in(weight)), generator=generator)


@INITIALIZATION.level("orthogonal", gain=(0, 100))
def orthogonal(weight: torch.Tensor, generator: torch.Generator, *, gain: float = 1.4142135623730951) -> None:
    """Orthogonal rows (Saxe et al., 2013), scaled for ReLU like He's."""
    nn.init.orthogonal_(weight, gain, generator=generator)


@INITIALIZATION.level("he_alike")
def he_alike(weight: torch.Tensor, generator: torch.Generator) -> None:
    """He's weights, the same under every seed: runs can then be compared weight by weight.

    Layers of equal size start equal.
    """
    he(weight, torch.Generator().manual_seed(weight.numel()))
