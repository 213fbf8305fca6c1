"""Networks. A level makes one from the number of classes, the size of a picture, and the settings that it names.

Its positional parameters say what it takes: `classes`, `image_size` (height, width, channels), any of `OF_NETWORK`, or
`settings` for all of them. A setting that a network doesn't take has no effect on it, and can't be varied with it.
"""

import inspect
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import nn

from harness.core.errors import SettingError, choices
from harness.core.registry import Registry
from harness.core.spec import Choice, Settings
from harness.factors.activation import ACTIVATION
from harness.factors.block import BLOCK, SPAN
from harness.factors.dropout import DROPOUT_PLACE, dropout
from harness.factors.norm import NORM, incoming

MODEL: Registry[Callable[..., nn.Module]] = Registry("model")
# What shapes a network; the other settings are of its training.
OF_NETWORK = ("block", "depth", "width", "kernel_size", "norm", "activation", "dropout", "dropout_place")
STAGES = 3
# The dense layer has hundreds of inputs, all positive, and no norm: how far a step moves its outputs grows with the sum
# of their squares, and would alone limit the rate of the whole net. They are scaled so that n inputs of size 1 have
# this sum, however wide the net. Small logits at first come with it: the first loss is near ln(classes).
SQUARES = 64.0


def network(settings: Settings, classes: int, image_size: tuple[int, int, int]) -> nn.Module:
    """Return the network of the settings, for images (B, C, H, W); it gives logits (B, classes)."""
    known = {"settings": settings, "classes": classes, "image_size": image_size}
    known |= {name: getattr(settings, name) for name in OF_NETWORK}
    return MODEL.build(settings.model, *(known[name] for name in parameters(settings.model)))


def taken(model: Choice) -> tuple[str, ...]:
    """Return the settings of `OF_NETWORK` that have an effect on a model."""
    names = parameters(model)
    return OF_NETWORK if "settings" in names else tuple(name for name in names if name in OF_NETWORK)


def parameters(model: Choice) -> list[str]:
    """Return what a model is made from; SettingError if that is no setting of a network."""
    found = inspect.signature(MODEL.get(model.name)).parameters.values()
    names = [one.name for one in found if one.kind is not one.KEYWORD_ONLY]
    known = ("classes", "image_size", "settings", *OF_NETWORK)
    for name in names:
        if name not in known:
            raise SettingError(f"model {model.name!r} takes {name!r}, which shapes no network; {choices(name, known)}")
    return names


@MODEL.level("convnet")
def convnet(settings: Settings, classes: int, image_size: tuple[int, int, int]) -> "ConvNet":
    """The bench's own, of which every part can be varied.

    Three stages, each ended by 2 x 2 max pooling, with `width`, 2 x and 4 x as many channels; the
    `depth` convolutions are spread over them; a dense layer maps what is left to logits.
    """
    height, width, channels = image_size
    if settings.depth < 1 or settings.width < 1:
        raise SettingError(f"depth {settings.depth} and width {settings.width} must be at least 1")
    if min(height, width) < 2**STAGES:
        raise SettingError(f"pictures of {width} x {height} are too small for {STAGES} poolings; raise data.image_size")
    rates = DROPOUT_PLACE.build(settings.dropout_place, settings.dropout, settings.depth)
    stages = [layer * STAGES // settings.depth for layer in range(settings.depth)]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for stage in range(STAGES):
        out = settings.width * 2**stage
        numbers = [i for i, s in enumerate(stages, 1) if s == stage]
        span = SPAN.get(settings.block.name, 1)
        for row in (numbers[start : start + span] for start in range(0, len(numbers), span)):
            number = row[-1]
            block = BLOCK.build(settings.block, LayerMaker(settings), channels, out, len(row))
            # A layer around which a skip leads starts with the weights of the plain layer of its number.
            for place, (conv, *_) in zip(row, getattr(block, "branch", ()), strict=False):
                conv.drawn_as = f"block{place}.0"
            layers[f"block{number}"] = block
            channels = out
            if number < settings.depth:
                layers.update((f"dropout{number}", layer) for layer in dropout(rates[number - 1], dense=False))
        layers[f"pool{stage + 1}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers.update(("dropout", layer) for layer in dropout(rates[-1], dense=True))
    pixels = (height // 2**STAGES) * (width // 2**STAGES)
    layers["scaled"] = Scaled(sqrt(SQUARES / (channels * pixels)))
    layers["dense"] = nn.Linear(channels * pixels, classes)
    return ConvNet(layers)


class Scaled(nn.Module):
    """Its input times a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the product, in the shape of `x`."""
        return x * self.factor


class ConvNet(nn.Sequential):
    """The blocks in a row. A part whose weights are frozen stays in inference mode, its statistics frozen too."""

    @property
    def features(self) -> int:
        """The number of inputs of the dense layer."""
        dense = self.dense
        assert isinstance(dense, nn.Linear)
        return dense.in_features

    def train(self, mode: bool = True) -> "ConvNet":
        """Set the mode of every part that learns."""
        super().train(mode)
        for part in self:
            weights = list(part.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                part.eval()
        return self


@dataclass(frozen=True)
class LayerMaker:
    """Makes the layers of a block: convolution, norm and activation of the recipe."""

    settings: Settings

    @property
    def kernel_size(self) -> int:
        """The recipe's kernel, in pixels."""
        return self.settings.kernel_size

    def activation(self) -> nn.Module:
        """Return a new activation of the recipe."""
        return ACTIVATION.build(self.settings.activation)

    def __call__(
        self, channels_in: int, channels_out: int, kernel_size: int | None = None, activation: nn.Module | None = None
    ) -> nn.Module:
        """Return one convolution with its norm and its activation; the picture keeps its size."""
        kernel_size = kernel_size or self.kernel_size
        activation = activation or self.activation()
        conv = nn.Conv2d(channels_in, incoming(channels_out, activation), kernel_size, padding=kernel_size // 2)
        return nn.Sequential(conv, *NORM.build(self.settings.norm, channels_out, activation))


def small(net: Any, layer: str, pool: str, channels: int, stem: bool) -> nn.Module:
    """Return a net whose first convolution and maximum are for pictures of `channels`, small ones if `stem` says so.

    Made for 224 pixels a side, they would leave a picture of 32 with 8: a step of 1 and no maximum keep it whole.
    """
    first = net.get_submodule(layer)
    kernel, step = (3, 1) if stem else (first.kernel_size[0], first.stride[0])
    net.set_submodule(layer, nn.Conv2d(channels, first.out_channels, kernel, step, kernel // 2, bias=False))
    if stem and pool:
        net.set_submodule(pool, nn.Identity())
    return net


@MODEL.level("resnet18")
def resnet18(classes: int, image_size: tuple[int, int, int], *, small_stem: bool = True) -> nn.Module:
    """Eight residual blocks of two convolutions (He et al., 2016), by torchvision."""
    from torchvision import models

    return small(models.resnet18(num_classes=classes), "conv1", "maxpool", image_size[2], small_stem)


@MODEL.level("resnet34")
def resnet34(classes: int, image_size: tuple[int, int, int], *, small_stem: bool = True) -> nn.Module:
    """Sixteen residual blocks of two convolutions (He et al., 2016), by torchvision."""
    from torchvision import models

    return small(models.resnet34(num_classes=classes), "conv1", "maxpool", image_size[2], small_stem)


@MODEL.level("resnet50")
def resnet50(classes: int, image_size: tuple[int, int, int], *, small_stem: bool = True) -> nn.Module:
    """Sixteen residual blocks of three convolutions, the outer ones of one pixel (He et al., 2016), by torchvision."""
    from torchvision import models

    return small(models.resnet50(num_classes=classes), "conv1", "maxpool", image_size[2], small_stem)


@MODEL.level("densenet121")
def densenet121(classes: int, image_size: tuple[int, int, int], *, small_stem: bool = True) -> nn.Module:
    """Each layer sees the maps of all before it in its block (Huang et al., 2017), by torchvision."""
    from torchvision import models

    net = models.densenet121(num_classes=classes)
    return small(net, "features.conv0", "features.pool0", image_size[2], small_stem)


@MODEL.level("mobilenet_v2")
def mobilenet_v2(classes: int, image_size: tuple[int, int, int], *, small_stem: bool = True) -> nn.Module:
    """Convolutions channel by channel between two of one pixel (Sandler et al., 2018), with a dropout of 0.2."""
    from torchvision import models

    return small(models.mobilenet_v2(num_classes=classes), "features.0.0", "", image_size[2], small_stem)
