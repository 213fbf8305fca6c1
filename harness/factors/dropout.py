"""Where dropout acts. A level turns one rate into a rate per layer."""

from collections.abc import Callable

from torch import nn

from harness.core.registry import Registry

DROPOUT_PLACE: Registry[Callable[..., list[float]]] = Registry("dropout_place")


@DROPOUT_PLACE.level("dense")
def dense(rate: float, depth: int) -> list[float]:
    """The whole rate on the input of the dense layer (Hinton et al., 2012)."""
    return [0.0] * (depth - 1) + [rate]


@DROPOUT_PLACE.level("conv")
def conv(rate: float, depth: int) -> list[float]:
    """The whole rate on the output of every convolution that another one follows."""
    return [rate] * (depth - 1) + [0.0]


@DROPOUT_PLACE.level("rising")
def rising(rate: float, depth: int) -> list[float]:
    """A rate of its own for each layer: growing evenly with depth up to the whole rate."""
    return [rate * (layer + 1) / depth for layer in range(depth)]


def dropout(rate: float, *, dense: bool) -> list[nn.Module]:
    """Return the dropout layer for one place, or none at rate 0, which draws no randomness.

    Between convolutions whole channels are dropped: the neighbours of a dropped pixel would give
    it away (Tompson et al., 2015).
    """
    if rate == 0:
        return []
    return [nn.Dropout(rate) if dense else nn.Dropout2d(rate)]
