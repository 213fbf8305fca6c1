"""Normalisation layers and where they stand. A level places a norm around an activation."""

from collections.abc import Callable

from torch import nn

from harness.registry import Registry

NORM: Registry[Callable[..., list[nn.Module]]] = Registry("norm")


@NORM.level("none")
def none(channels: int, activation: nn.Module) -> list[nn.Module]:
    """The activation alone."""
    return [activation]


@NORM.level("batch")
def batch(channels: int, activation: nn.Module) -> list[nn.Module]:
    """Batch norm before the activation (Ioffe and Szegedy, 2015)."""
    # Maxout takes several linear pieces per channel, and each is normalised by itself.
    return [nn.BatchNorm2d(channels * getattr(activation, "pieces", 1)), activation]
