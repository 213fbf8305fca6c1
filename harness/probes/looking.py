"""What several probes need: moments to look at, fixed pictures, the layers of a model, numbers for the record."""

from math import isfinite

import numpy as np
import torch
from torch import nn

from harness.factors.activation import ACTIVATION
from harness.factors.model import ConvNet
from harness.training.observer import Observer
from harness.training.recipe import Recipe
from harness.training.split import Split

# Pictures of a forward pass; small enough that the maps of a batch stay in a processor's cache.
PART = 128
FIRST_STEPS = 5
LOOKS_PER_EPOCH = 4


def spread(length: int, count: int) -> torch.Tensor:
    """Return up to `count` indices spread evenly over `length`: the same pictures in every run, all classes."""
    count = min(length, count)
    return torch.arange(count) * length // count


def pictures(recipe: Recipe, split: Split, index: torch.Tensor | slice) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scaled pictures (B, C, H, W), not augmented, and target probabilities (B, K)."""
    if isinstance(index, torch.Tensor):
        index = index.to(split.labels.device)
    targets = nn.functional.one_hot(split.labels[index], len(recipe.classes)).float()
    return recipe.scale(split.pictures(index)), targets


def logits(recipe: Recipe, images: torch.Tensor) -> torch.Tensor:
    """Return float32 logits (B, K) in the run's precision and the model's present mode."""
    with recipe.autocast():
        return recipe.model(images).float()


def weight_layers(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of convolutions and dense layers by the name of their layer, first to last."""
    return {name: module.weight for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}


def activation_layers(recipe: Recipe) -> dict[str, nn.Module]:
    """Return the nonlinearities of the bench's ConvNet by name, first to last; none of another model.

    There one layer may be called several times in a pass, and be another than the recipe's.
    """
    if not isinstance(recipe.model, ConvNet):
        return {}
    kind = type(ACTIVATION.build(recipe.spec.settings.activation))
    return {name: module for name, module in recipe.model.named_modules() if type(module) is kind}


def without_dropout(model: nn.Module) -> None:
    """Put the model in training mode and its dropout layers, which would draw, in inference mode."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()


def watches_step(step: int, steps_per_epoch: int) -> bool:
    """Say whether to look at a step: the first ones, then a few spread over every epoch, its last among them."""
    within = step % steps_per_epoch + 1
    looks = min(LOOKS_PER_EPOCH, steps_per_epoch)
    return step < FIRST_STEPS or within * looks % steps_per_epoch < looks


def watches_epoch(epoch: int) -> bool:
    """Say whether to look after an epoch: 1, 2, 4, 8 ... (the end of training is looked at anyhow)."""
    return epoch & (epoch - 1) == 0


class EpochObserver(Observer):
    """Calls `look` before training, after epochs 1, 2, 4, 8 ... and at the end; `epochs` are those of the looks."""

    def __init__(self) -> None:
        self.epoch = 0
        self.epochs: list[int] = []

    def before_training(self, recipe: Recipe) -> None:
        self.look_now(recipe)

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        self.epoch = int(point["epoch"])
        if watches_epoch(self.epoch):
            self.look_now(recipe)

    def after_training(self, recipe: Recipe) -> None:
        # A run that broke off, or was stopped, may have gone on since the last look.
        if self.epochs[-1] < recipe.spec.settings.epochs:
            self.look_now(recipe)

    def look_now(self, recipe: Recipe) -> None:
        """Look, and note the epoch."""
        self.look(recipe)
        self.epochs.append(self.epoch)

    def look(self, recipe: Recipe) -> None:
        """Add one entry to what has been seen; `epoch` says after how many epochs."""
        raise NotImplementedError


def number(value: float | torch.Tensor | np.floating | None) -> float | None:
    """Return a number that JSON can hold; None for what is not finite."""
    if value is None:
        return None
    plain = float(value)
    return plain if isfinite(plain) else None


def ratio(above: float | None, below: float | None) -> float | None:
    """Return above / below; None where there is no such number."""
    return number(above / below) if above is not None and below else None


def median(values: np.ndarray) -> float | None:
    """Return the median of the finite entries; None if there are none."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else None


def shares(values: torch.Tensor, edges: np.ndarray) -> np.ndarray:
    """Return the share of values in each bin between `edges`; the outer bins hold all beyond them too."""
    low, high, bins = float(edges[0]), float(edges[-1]), len(edges) - 1
    # torch has no deterministic histogram on a GPU.
    plain = values.detach().float().flatten().cpu()
    if not bool(torch.isfinite(plain.sum())):
        plain = plain[torch.isfinite(plain)]
    if not len(plain):
        return np.full(bins, np.nan)
    return (torch.histc(plain.clamp(low, high), bins, low, high).double() / len(plain)).numpy()


def edges(width: float, bins: int) -> np.ndarray:
    """Return the ends of `bins` (an odd number) bins of equal width, zero in the middle of the middle one."""
    return (np.arange(bins + 1) - bins / 2) * width
