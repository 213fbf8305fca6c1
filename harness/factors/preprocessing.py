"""Input scaling. A level is fitted on the training split alone and maps batches in 0..1.

Fitted with `train` (N, C, H, W) uint8; returns a function of images (B, C, H, W) float in 0..1.
"""

from collections.abc import Callable

import torch

from harness.registry import Registry

Scaling = Callable[[torch.Tensor], torch.Tensor]

PREPROCESSING: Registry[Callable[..., Scaling]] = Registry("preprocessing")


def channel_statistics(train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation per channel in units of 0..1, both (C, 1, 1).

    Exact: sums of whole numbers in 64 bits, in blocks that keep memory small.
    """
    count = train.numel() // train.shape[1]
    blocks = [block.to(torch.int64) for block in train.split(4096)]
    mean = torch.stack([b.sum(dim=(0, 2, 3)) for b in blocks]).sum(dim=0).double() / count
    square = torch.stack([b.square().sum(dim=(0, 2, 3)) for b in blocks]).sum(dim=0).double() / count
    std = (square - mean.square()).clamp(min=0).sqrt()
    return (mean / 255).float().view(-1, 1, 1), (std / 255).float().view(-1, 1, 1)


@PREPROCESSING.level("raw")
def raw(train: torch.Tensor) -> Scaling:
    """Pixel values as they are stored, 0 to 255."""
    return lambda images: images * 255


@PREPROCESSING.level("unit_range")
def unit_range(train: torch.Tensor) -> Scaling:
    """Min-max scaling: 0 to 1, all positive."""
    return lambda images: images


@PREPROCESSING.level("zero_centred")
def zero_centred(train: torch.Tensor) -> Scaling:
    """Minus the mean of each channel."""
    mean, _ = channel_statistics(train)
    return lambda images: images - mean


@PREPROCESSING.level("standardised")
def standardised(train: torch.Tensor) -> Scaling:
    """Zero mean and unit variance per channel."""
    mean, std = channel_statistics(train)
    # A channel that never varies carries nothing; dividing by its zero would carry NaN.
    scale = torch.where(std > 0, 1 / std, torch.zeros_like(std))
    return lambda images: (images - mean) * scale
