"""Block types. A level turns a factory of layers into the block between two channel counts."""

from collections.abc import Callable

from torch import nn

from harness.registry import Registry

# (channels in, channels out) -> convolution, norm and activation.
LayerFactory = Callable[[int, int], nn.Module]

BLOCK: Registry[Callable[..., nn.Module]] = Registry("block")


@BLOCK.level("plain")
def plain(layer: LayerFactory, channels_in: int, channels_out: int) -> nn.Module:
    """One layer after another."""
    return layer(channels_in, channels_out)
