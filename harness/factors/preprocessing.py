"""Input scaling. A level is fitted on the training split alone and maps batches in 0..1.

Fitted with `train` (N, C, H, W) uint8; returns a function of images (B, C, H, W) float in 0..1.
"""

from collections.abc import Callable

import torch

from harness.core.registry import Pictures, Registry

Scaling = Callable[[torch.Tensor], torch.Tensor]

PREPROCESSING: Registry[Callable[..., Scaling]] = Registry("preprocessing")


def channel_statistics(train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and standard deviation per channel in units of 0..1, both (C, 1, 1).

    Exact: how often each of the 256 values occurs, and sums of whole numbers.
    """
    counts = torch.stack([torch.bincount(channel.flatten(), minlength=256) for channel in train.unbind(1)])
    values = torch.arange(256, device=train.device)
    count = train.numel() // train.shape[1]
    mean = (counts * values).sum(dim=1).double() / count
    square = (counts * values.square()).sum(dim=1).double() / count
    std = (square - mean.square()).clamp(min=0).sqrt()
    return (mean / 255).float().view(-1, 1, 1), (std / 255).float().view(-1, 1, 1)


def as_map(per_channel: torch.Tensor, train: torch.Tensor) -> torch.Tensor:
    """Return values (C, 1, 1) repeated over a whole picture, laid out as batches are: (1, C, H, W).

    A picture's numbers then meet those of the map one after another; three at a time take several times as long.
    """
    return per_channel.expand(1, *train.shape[1:]).contiguous(memory_format=torch.channels_last)


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
    mean = as_map(channel_statistics(train)[0], train)
    return lambda images: images - mean


@PREPROCESSING.level("standardised")
def standardised(train: torch.Tensor) -> Scaling:
    """Zero mean and unit variance per channel."""
    mean, std = channel_statistics(train)
    # A channel that never varies carries nothing; dividing by its zero would carry NaN.
    scale = as_map(torch.where(std > 0, 1 / std, torch.zeros_like(std)), train)
    mean = as_map(mean, train)
    return lambda images: (images - mean).mul_(scale)


def colour_covariance(train: torch.Tensor) -> torch.Tensor:
    """Return the covariance (C, C) of the channels over all pixels, in units of 0..1, float64."""
    count = train.numel() // train.shape[1]
    total = torch.zeros(train.shape[1], dtype=torch.float64, device=train.device)
    products = torch.zeros(train.shape[1], train.shape[1], dtype=torch.float64, device=train.device)
    for block in train.split(4096):
        # Whole numbers below 2^53: these sums are exact, in whatever order they are taken.
        pixels = block.transpose(0, 1).flatten(1).double()
        total += pixels.sum(dim=1)
        products += pixels @ pixels.T
    mean = total / count
    return (products / count - torch.outer(mean, mean)) / 255**2


def principal_axes(train: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return 1 / standard deviation along each principal axis of the colours, (C,), and the axes as columns, (C, C)."""
    # On the CPU, in float64: the same axes for every device.
    variances, axes = torch.linalg.eigh(colour_covariance(train).cpu())
    # An axis and its mirror image are both right: the largest entry is made positive.
    largest = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True))
    # Grey pictures vary along one axis only; dividing by the others' zero would amplify rounding.
    varies = variances > 1e-6 * variances.max()
    return torch.where(varies, variances.clamp(min=1e-12).rsqrt(), 0.0), axes * largest.sign()


def mixing(matrix: torch.Tensor, train: torch.Tensor) -> Scaling:
    """Return the scaling that subtracts the mean of each channel and multiplies every pixel by `matrix` (C, C)."""
    mean = as_map(channel_statistics(train)[0], train)
    matrix = matrix.float().to(train.device)

    def scale(images: torch.Tensor) -> torch.Tensor:
        # In full precision, also where the net around it is not.
        with torch.autocast(images.device.type, enabled=False):
            mixed = torch.einsum("ij,bjhw->bihw", matrix, images - mean)
        return mixed.contiguous(memory_format=torch.channels_last)

    return scale


@PREPROCESSING.level("pca_whitening")
def pca_whitening(train: torch.Tensor) -> Scaling:
    """Colours along their principal axes, each with unit variance: channels no longer correlate."""
    scale, axes = principal_axes(train)
    return mixing(scale.unsqueeze(1) * axes.T, train)


@PREPROCESSING.level("zca_whitening")
def zca_whitening(train: torch.Tensor) -> Scaling:
    """PCA whitening turned back, so that red stays nearest to red (Bell and Sejnowski, 1997)."""
    scale, axes = principal_axes(train)
    return mixing(axes @ (scale.unsqueeze(1) * axes.T), train)


@PREPROCESSING.needs("pca_whitening", "zca_whitening")
def colours(pictures: Pictures) -> str | None:
    """Of one channel, or of three that are equal, whitening makes what standardising does."""
    return None if pictures.coloured else "decorrelates colours, and the pictures are grey"
