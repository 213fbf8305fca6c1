"""Train-time transforms of whole batches, on the device, with one draw per picture.

A level maps images (B, C, H, W) float in 0..1 and targets (B, K) to the same, and takes all its
randomness from `generator`, which lives on the device of the images.
"""

from collections.abc import Callable
from math import pi

import torch
from torch.nn import functional

from harness.core.registry import Pictures, Registry

Batch = tuple[torch.Tensor, torch.Tensor]

AUGMENTATION: Registry[Callable[..., Batch]] = Registry("augmentation")


def draw(images: torch.Tensor, generator: torch.Generator, low: float, high: float) -> torch.Tensor:
    """Return one uniform number per picture, (B,), from low to high."""
    return torch.rand(len(images), device=images.device, generator=generator) * (high - low) + low


def warp(images: torch.Tensor, matrix: torch.Tensor, bend: torch.Tensor | None = None) -> torch.Tensor:
    """Sample each picture where its linear map (B, 2, 2) points, bilinearly, edges mirrored.

    The map takes output to input positions, both (x, y) in -1..1 from the centre. With `bend` (B,)
    a radius r is read at r (1 + bend r^2) besides.
    """
    matrix = torch.cat([matrix, torch.zeros_like(matrix[:, :, :1])], dim=2)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    if bend is not None:
        grid = grid * (1 + bend.view(-1, 1, 1, 1) * grid.square().sum(dim=3, keepdim=True))
    return functional.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def matrix_of(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """Return the matrices [[a, b], [c, d]], (B, 2, 2), from entries of shape (B,)."""
    return torch.stack([a, b, c, d], dim=1).view(-1, 2, 2)


def rotation(images: torch.Tensor, generator: torch.Generator, degrees: float) -> torch.Tensor:
    """Draw (B, 2, 2) rotations of up to `degrees` either way."""
    angle = draw(images, generator, -degrees, degrees) * (pi / 180)
    return matrix_of(angle.cos(), -angle.sin(), angle.sin(), angle.cos())


def scaling(images: torch.Tensor, generator: torch.Generator, share: float) -> torch.Tensor:
    """Draw (B, 2, 2) enlargements of up to `share` either way, sides alike."""
    factor = 1 / (1 + draw(images, generator, -share, share))
    zero = torch.zeros_like(factor)
    return matrix_of(factor, zero, zero, factor)


def stretching(images: torch.Tensor, generator: torch.Generator, share: float) -> torch.Tensor:
    """Draw (B, 2, 2) maps that lengthen one side by up to `share` and shorten the other as much."""
    factor = 1 + draw(images, generator, -share, share)
    zero = torch.zeros_like(factor)
    return matrix_of(factor, zero, zero, 1 / factor)


def shearing(images: torch.Tensor, generator: torch.Generator, share: float) -> torch.Tensor:
    """Draw (B, 2, 2) slants that move rows sideways by up to `share` of their distance from the centre."""
    slant = draw(images, generator, -share, share)
    one = torch.ones_like(slant)
    return matrix_of(one, slant, torch.zeros_like(slant), one)


@AUGMENTATION.level("none")
def none(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
    """Pictures as they are."""
    return images, targets


@AUGMENTATION.level("flip")
def flip(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
    """Mirror left and right, every second picture on average."""
    chosen = draw(images, generator, 0, 1) < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images), targets


@AUGMENTATION.level("crop", shift=(0, 0.5))
def crop(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, shift: float = 0.125) -> Batch:
    """Translate by whole pixels, up to the share `shift` of the side; the edge is mirrored in."""
    count, _channels, height, width = images.shape
    reach = max(1, round(shift * width))
    padded = functional.pad(images, (reach, reach, reach, reach), mode="reflect")
    offsets = torch.randint(0, 2 * reach + 1, (2, count, 1), device=images.device, generator=generator)
    rows = offsets[0] + torch.arange(height, device=images.device)
    columns = offsets[1] + torch.arange(width, device=images.device)
    # One gather for the batch. Channels last makes a pixel one contiguous entry.
    pixels = padded.permute(0, 2, 3, 1)
    batch = torch.arange(count, device=images.device).view(-1, 1, 1)
    return pixels[batch, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2), targets


@AUGMENTATION.level("flip_crop")
def flip_crop(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
    """Mirror and translate: the usual augmentation of small pictures."""
    return crop(*flip(images, targets, generator), generator)


@AUGMENTATION.level("rotate", degrees=(0, 180))
def rotate(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, degrees: float = 15.0) -> Batch:
    """Turn about the centre by up to `degrees` either way."""
    return warp(images, rotation(images, generator, degrees)), targets


@AUGMENTATION.level("scale", share=(0, 0.9))
def scale(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, share: float = 0.2) -> Batch:
    """Enlarge or shrink by up to `share`, sides alike."""
    return warp(images, scaling(images, generator, share)), targets


@AUGMENTATION.level("stretch", share=(0, 0.9))
def stretch(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, share: float = 0.2) -> Batch:
    """Lengthen one side by up to `share` and shorten the other as much."""
    return warp(images, stretching(images, generator, share)), targets


@AUGMENTATION.level("shear", share=(0, 1))
def shear(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, share: float = 0.2) -> Batch:
    """Slant: rows move sideways by up to `share` of their distance from the centre."""
    return warp(images, shearing(images, generator, share)), targets


@AUGMENTATION.level("lens", strength=(0, 1))
def lens(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, strength: float = 0.2) -> Batch:
    """Barrel or pincushion distortion: radius r is read at r (1 + k r^2), k up to `strength` either way."""
    still = torch.eye(2, device=images.device).expand(len(images), 2, 2)
    return warp(images, still, draw(images, generator, -strength, strength)), targets


@AUGMENTATION.level("colour", share=(0, 1))
def colour(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, share: float = 0.3) -> Batch:
    """Change brightness, contrast and saturation by up to `share` each."""
    brightness, contrast, saturation = (1 + draw(images, generator, -share, share).view(-1, 1, 1, 1) for _ in range(3))
    images = images * brightness
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = mean + (images - mean) * contrast
    grey = images.mean(dim=1, keepdim=True)
    return (grey + (images - grey) * saturation).clamp(0, 1), targets


@AUGMENTATION.level("noise", std=(0, 1))
def noise(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, std: float = 0.05) -> Batch:
    """Add normal noise of one standard deviation (in units of 0..1) to every pixel."""
    count, channels, height, width = images.shape
    # Drawn in the order in which channels-last pictures lie: filled in place, their layout took ten times as long.
    draws = torch.randn((count, height, width, channels), device=images.device, generator=generator)
    return (images + std * draws.permute(0, 3, 1, 2)).clamp(0, 1), targets


@AUGMENTATION.level("cutout", share=(0, 1))
def cutout(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, share: float = 0.4) -> Batch:
    """Grey out a square with `share` of the side, centred anywhere (DeVries and Taylor, 2017)."""
    _count, _channels, height, width = images.shape
    half = share * width / 2
    centre_row = draw(images, generator, 0, height).view(-1, 1, 1)
    centre_column = draw(images, generator, 0, width).view(-1, 1, 1)
    rows = torch.arange(height, device=images.device).view(1, -1, 1) + 0.5
    columns = torch.arange(width, device=images.device).view(1, 1, -1) + 0.5
    inside = ((rows - centre_row).abs() < half) & ((columns - centre_column).abs() < half)
    return torch.where(inside.unsqueeze(1), 0.5, images), targets


@AUGMENTATION.level("mixup", alpha=(0.05, 1))
def mixup(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator, *, alpha: float = 0.4) -> Batch:
    """Blend each picture and its target with another's, share from Beta(alpha, alpha) (Zhang et al., 2017)."""
    # torch's Beta takes no generator. Johnk (1964): u^(1/a) / (u^(1/a) + v^(1/a)) is Beta where the
    # sum is at most 1; of 16 tries at once the first that fits is taken.
    tries = torch.rand(2, 16, len(images), device=images.device, generator=generator).pow(1 / alpha)
    total = tries.sum(dim=0)
    first_fit = ((total > 0) & (total <= 1)).int().argmax(dim=0, keepdim=True)
    share = (tries[0] / total.clamp(min=1e-30)).gather(0, first_fit).squeeze(0)
    partner = torch.randperm(len(images), device=images.device, generator=generator)
    blend = share.view(-1, 1, 1, 1)
    images = images * blend + images[partner] * (1 - blend)
    return images, targets * share.view(-1, 1) + targets[partner] * (1 - share.view(-1, 1))


@AUGMENTATION.level("all")
def everything(images: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> Batch:
    """Flip, crop, rotation, scale, stretch, shear, lens, colour and noise together."""
    images, targets = flip(images, targets, generator)
    images, targets = crop(images, targets, generator)
    # One combined warp is sampled once: cheaper than five, and it blurs once.
    matrix = rotation(images, generator, 15.0) @ scaling(images, generator, 0.2)
    matrix = matrix @ stretching(images, generator, 0.2) @ shearing(images, generator, 0.2)
    images = warp(images, matrix, draw(images, generator, -0.2, 0.2))
    images, targets = colour(images, targets, generator)
    return noise(images, targets, generator)


@AUGMENTATION.needs("colour", "all")
def colours(pictures: Pictures, **_: float) -> str | None:
    """Grey has no saturation that could change."""
    return None if pictures.coloured else "changes colours, and the pictures are grey"
