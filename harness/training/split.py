"""The prepared pictures as tensors on the training device, moved there once."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from harness.data.prepared import Prepared
from harness.seeding import generator


@dataclass(frozen=True)
class Split:
    """Pictures (N, H, W, C) uint8 and labels (N,) int64 of one split, on one device."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def pictures(self, index: torch.Tensor | slice) -> torch.Tensor:
        """Return (B, C, H, W) float32 in 0..1, in channels-last layout, which convolutions read faster."""
        return self.images[index].permute(0, 3, 1, 2).to(torch.float32).div_(255)

    def subset(self, share: float, seed: int) -> "Split":
        """Return `share` of every class, drawn by `seed`; a smaller share is part of a larger one."""
        if share >= 1:
            return self
        order = torch.randperm(len(self), generator=generator(seed, "subset"))
        labels = self.labels.cpu()[order]
        keep = []
        for label in labels.unique():
            members = order[labels == label]
            keep.append(members[: max(1, round(share * len(members)))])
        index = torch.cat(keep).sort().values.to(self.labels.device)
        return Split(self.images[index], self.labels[index])


@dataclass(frozen=True)
class RunData:
    """What every run of a worker shares: the splits, and what the data is called."""

    train: Split
    validation: Split
    test: Split
    classes: list[str]
    image_size: tuple[int, int, int]
    digest: str


def load_run_data(prepared: Prepared, device: str) -> RunData:
    """Return the splits on `device`; on a CPU they stay memory-mapped, shared by all workers."""

    def split(name: Literal["train", "validation", "test"]) -> Split:
        return Split(to_tensor(prepared.images(name), device), to_tensor(prepared.labels(name), device))

    height, width, channels = prepared.image_size
    return RunData(
        split("train"),
        split("validation"),
        split("test"),
        list(prepared.classes),
        (height, width, channels),
        prepared.digest,
    )


def to_tensor(array: np.ndarray, device: str) -> torch.Tensor:
    """Wrap an array without a copy, or copy it to a GPU without waiting."""
    with warnings.catch_warnings():
        # A read-only map is what is wanted: nothing here writes to pictures.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        tensor = torch.from_numpy(array)
    return tensor if device == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
