"""Settings -> the network of a run, with its weights as they start."""

import torch
from torch import nn

from harness.core.seeding import derive, generator
from harness.core.spec import Settings
from harness.factors.initialization import INITIALIZATION
from harness.factors.model import network


def build_model(settings: Settings, classes: int, image_size: tuple[int, int, int], seed: int) -> nn.Module:
    """Return a network for images (B, C, H, W) that gives logits (B, classes), on the CPU.

    The weights of its convolutions and dense layers are those of `initialization`, whatever network it is; what else it
    draws when it is made is drawn by the seed too.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derive(seed, "model"))
        model = network(settings, classes, image_size)
    initialize(model, settings, seed)
    return model


def initialize(model: nn.Module, settings: Settings, seed: int, prefix: str = "") -> None:
    """Fill the weights of convolutions and dense layers; their biases start at zero.

    Each tensor has a stream of its own, so that layers of equal name and shape start equal whatever else differs
    between two arms; `drawn_as` is the name of a layer that stands elsewhere in another network.
    """
    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                luck = generator(seed, f"init:{prefix}{getattr(module, 'drawn_as', name)}")
                INITIALIZATION.build(settings.initialization, module.weight, luck)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
