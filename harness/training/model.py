"""Settings -> ConvNet."""

from collections import OrderedDict
from dataclasses import dataclass
from math import sqrt

import torch
from torch import nn

from harness.errors import SettingError
from harness.factors.activation import ACTIVATION
from harness.factors.block import BLOCK, SPAN
from harness.factors.dropout import DROPOUT_PLACE, dropout
from harness.factors.initialization import INITIALIZATION
from harness.factors.norm import NORM, incoming
from harness.seeding import generator
from harness.spec import Settings

STAGES = 3
# The dense layer has hundreds of inputs, all positive, and no norm: how far a step moves its outputs grows with the sum
# of their squares, and would alone limit the rate of the whole net. They are scaled so that n inputs of size 1 have
# this sum, however wide the net. Small logits at first come with it: the first loss is near ln(classes).
SQUARES = 64.0


def build_model(settings: Settings, classes: int, image_size: tuple[int, int, int], seed: int) -> "ConvNet":
    """Return a ConvNet for images (B, C, H, W) that gives logits (B, classes), on the CPU.

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
            layers[f"block{number}"] = BLOCK.build(settings.block, LayerMaker(settings), channels, out, len(row))
            channels = out
            if number < settings.depth:
                layers.update((f"dropout{number}", layer) for layer in dropout(rates[number - 1], dense=False))
        layers[f"pool{stage + 1}"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers.update(("dropout", layer) for layer in dropout(rates[-1], dense=True))
    pixels = (height // 2**STAGES) * (width // 2**STAGES)
    layers["scaled"] = Scaled(sqrt(SQUARES / (channels * pixels)))
    layers["dense"] = nn.Linear(channels * pixels, classes)
    model = ConvNet(layers)
    initialize(model, settings, seed)
    return model


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


def initialize(model: nn.Module, settings: Settings, seed: int, prefix: str = "") -> None:
    """Fill the weights of convolutions and dense layers; their biases start at zero.

    Each tensor has a stream of its own, so that layers of equal name and shape start equal
    whatever else differs between two arms.
    """
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                INITIALIZATION.build(settings.initialization, module.weight, generator(seed, f"init:{prefix}{name}"))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
