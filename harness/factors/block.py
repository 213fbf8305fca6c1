"""Block types. A level turns a factory of layers into the block between two channel counts.

A block holds `count` convolutions one after another, at most as many as `SPAN` has for its level.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import nn

from harness.core.registry import Registry


class LayerFactory(Protocol):
    """Makes convolution, norm and activation; of a kernel and with an activation other than the recipe's if given."""

    kernel_size: int

    def __call__(
        self, channels_in: int, channels_out: int, kernel_size: int | None = None, activation: nn.Module | None = None
    ) -> nn.Module:
        """Return the layer; a picture keeps its size."""

    def activation(self) -> nn.Module:
        """Return a new activation of the recipe."""


BLOCK: Registry[Callable[..., nn.Module]] = Registry("block")
# Convolutions in a row that one block holds; 1 where it is not listed.
SPAN = {"residual": 2}


@BLOCK.level("plain")
def plain(layer: LayerFactory, channels_in: int, channels_out: int, count: int) -> nn.Module:
    """One layer after another."""
    return layer(channels_in, channels_out)


class Residual(nn.Module):
    """activation(branch(x) + shortcut(x))."""

    def __init__(self, branch: Sequence[nn.Module], shortcut: nn.Module, activation: nn.Module) -> None:
        super().__init__()
        self.branch = nn.Sequential(*branch)
        self.shortcut = shortcut
        self.activation = activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output (B, C, H, W)."""
        return self.activation(self.branch(x) + self.shortcut(x))


@BLOCK.level("residual")
def residual(layer: LayerFactory, channels_in: int, channels_out: int, count: int) -> nn.Module:
    """Two layers and a skip around them, added before the second activation (He et al., 2016).

    Where the number of channels changes, the skip is a convolution of one pixel, with a norm as the layers have.
    """
    activation = layer.activation()
    # What maxout chooses from is added up before it chooses.
    wide = channels_out * getattr(activation, "pieces", 1)
    inner = [layer(channels_in if number == 0 else channels_out, channels_out) for number in range(count - 1)]
    last = layer(channels_in if count == 1 else channels_out, wide, activation=nn.Identity())
    same = channels_in == wide
    shortcut = nn.Identity() if same else layer(channels_in, wide, kernel_size=1, activation=nn.Identity())
    return Residual([*inner, last], shortcut, activation)


class Parallel(nn.Module):
    """Branches side by side, their channels one after another."""

    def __init__(self, branches: Sequence[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs of all branches, concatenated: (B, C, H, W)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


@BLOCK.level("inception")
def inception(layer: LayerFactory, channels_in: int, channels_out: int, count: int) -> nn.Module:
    """Kernels side by side: one pixel, the recipe's, one two pixels wider, and one pixel of a 3 x 3 maximum.

    (Szegedy et al., 2015, without the reductions in front of the wide kernels.) Each takes a
    quarter of the channels; what does not divide goes to the recipe's kernel.
    """
    quarter = channels_out // 4
    branches = [layer(channels_in, channels_out - 3 * quarter)]
    if quarter:
        pooled = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), layer(channels_in, quarter, 1))
        wider = layer(channels_in, quarter, layer.kernel_size + 2)
        branches = [layer(channels_in, quarter, 1), *branches, wider, pooled]
    return Parallel(branches)
