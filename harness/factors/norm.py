"""Normalisation layers and where they stand. A level places a norm around an activation."""

from collections.abc import Callable
from math import gcd

from torch import nn

from harness.core.registry import Registry

NORM: Registry[Callable[..., list[nn.Module]]] = Registry("norm")


def incoming(channels: int, activation: nn.Module) -> int:
    """Return the channels in front of an activation that gives `channels`.

    Maxout takes several linear pieces per channel, and each is normalised by itself.
    """
    return channels * getattr(activation, "pieces", 1)


@NORM.level("none")
def none(channels: int, activation: nn.Module) -> list[nn.Module]:
    """The activation alone."""
    return [activation]


@NORM.level("batch")
def batch(channels: int, activation: nn.Module) -> list[nn.Module]:
    """Batch norm before the activation (Ioffe and Szegedy, 2015)."""
    return [nn.BatchNorm2d(incoming(channels, activation)), activation]


@NORM.level("batch_after")
def batch_after(channels: int, activation: nn.Module) -> list[nn.Module]:
    """Batch norm after the activation."""
    return [activation, nn.BatchNorm2d(channels)]


@NORM.level("layer")
def layer(channels: int, activation: nn.Module) -> list[nn.Module]:
    """Layer norm over all channels and pixels of a picture, before the activation (Ba et al., 2016)."""
    # One group is layer norm with a scale and a shift per channel, for any size of picture.
    return [nn.GroupNorm(1, incoming(channels, activation)), activation]


@NORM.level("group", groups=(1, 4096))
def group(channels: int, activation: nn.Module, *, groups: int = 4) -> list[nn.Module]:
    """Group norm before the activation: each of `groups` sets of channels by itself (Wu and He, 2018)."""
    before = incoming(channels, activation)
    # Groups must be of one size: the largest number of them that allows it, up to `groups`.
    return [nn.GroupNorm(gcd(groups, before), before), activation]
