"""What the data look like, and what each augmentation and each input scaling makes of the same pictures.

The levels are the registered ones, called as training calls them. Pictures are kept as PNG, in base64: a strip a row.
"""

from typing import Any

import numpy as np
import torch

from harness.core.seeding import derive
from harness.data.prepared import Prepared
from harness.data.strip import LARGEST, strip
from harness.factors.augmentation import AUGMENTATION
from harness.factors.preprocessing import PREPROCESSING

PER_CLASS = 6  # pictures of a class
MOST_CLASSES = 20  # more are counted, not shown
DRAWS = 6  # of one augmentation
SCALED = 4  # pictures that every input scaling is shown on


def pictures(data: Prepared, seed: int) -> dict[str, Any]:
    """Return strips as PNG in base64: of each class, and of each level of augmentation and preprocessing.

    Beside each strip of a level stand the arguments that it was drawn with, beside one of preprocessing the least and
    the greatest value, which it shows as black and white.
    """
    images, labels = data.images("train"), data.labels("train")
    shown = [first_of(labels, number) for number in range(min(len(data.classes), MOST_CLASSES))]
    strips = [strip(images[places]) for places in shown]
    some = torch.from_numpy(np.stack([images[places[0]] for places in shown if len(places)])).permute(0, 3, 1, 2)
    return {
        "size": [min(side, LARGEST) for side in data.image_size[:2]],
        "per_class": PER_CLASS,
        "classes": dict(zip(data.classes, strips, strict=False)),
        "more_classes": len(data.classes) - len(strips),
        "augmentation": {
            level: {"strip": strip(augmented(level, some, seed)), "arguments": AUGMENTATION.defaults(level)}
            for level in AUGMENTATION.names
        },
        "preprocessing": {
            level: scaled(level, images, some[:SCALED]) | {"arguments": PREPROCESSING.defaults(level)}
            for level in PREPROCESSING.names
        },
    }


def first_of(labels: np.ndarray, number: int) -> np.ndarray:
    """Return the places of the first pictures of a class."""
    return np.flatnonzero(labels == number)[:PER_CLASS]


def augmented(level: str, some: torch.Tensor, seed: int) -> np.ndarray:
    """Return one picture as `level` shows it at `DRAWS` draws, uint8 (DRAWS, H, W, C).

    Every level has the same luck.
    """
    # What mixes pictures finds others behind those that are shown.
    others = some[torch.arange(DRAWS) % len(some)]
    batch = torch.cat([some[:1].expand(DRAWS, *some.shape[1:]), others]).float() / 255
    luck = torch.Generator().manual_seed(derive(seed, "pictures"))
    changed, _ = AUGMENTATION.get(level)(batch, torch.zeros(len(batch), 2), luck)
    return as_pixels(changed[:DRAWS])


def scaled(level: str, images: np.ndarray, some: torch.Tensor) -> dict[str, Any]:
    """Return some pictures as `level` hands them to the net, least value black and greatest white."""
    train = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)
    values = PREPROCESSING.get(level)(train)(some.float() / 255)
    low, high = values.min().item(), values.max().item()
    return {"strip": strip(as_pixels((values - low) / ((high - low) or 1.0))), "low": low, "high": high}


def as_pixels(values: torch.Tensor) -> np.ndarray:
    """Return pictures (B, C, H, W) in 0..1 as uint8 (B, H, W, C)."""
    return (values.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
