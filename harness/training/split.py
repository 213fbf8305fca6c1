"""The prepared pictures as tensors on the training device, moved there once."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from harness.core.seeding import generator
from harness.data.prepared import Prepared


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
        return self.part(self.first_of_each(lambda members: max(1, round(share * members)), seed))

    def few(self, per_class: int, seed: int) -> "Split":
        """Return `per_class` pictures of every class, or all there are, drawn by `seed` as in `subset`."""
        return self.part(self.first_of_each(lambda members: per_class, seed))

    def first_of_each(self, count: Callable[[int], int], seed: int) -> torch.Tensor:
        """Return the indices (M,), rising, of the first `count(members)` of every class in a drawn order."""
        order = torch.randperm(len(self), generator=generator(seed, "subset"))
        labels = self.labels.cpu()[order]
        members = [order[labels == label] for label in labels.unique()]
        return torch.cat([m[: count(len(m))] for m in members]).sort().values

    def part(self, index: torch.Tensor) -> "Split":
        """Return the pictures at the rising indices (M,)."""
        if len(index) == len(self):
            # Nothing left out: on a CPU a copy would no longer be shared with the other workers.
            return self
        index = index.to(self.labels.device)
        return Split(self.images[index], self.labels[index])

    def of_classes(self, labels: Sequence[int]) -> "Split":
        """Return the pictures of these classes, numbered anew in the order given."""
        places = torch.full((int(self.labels.max()) + 1,), -1, dtype=torch.int64)
        for place, label in enumerate(labels):
            places[label] = place
        numbers = places.to(self.labels.device)[self.labels]
        index = (numbers >= 0).nonzero().squeeze(1)
        return Split(self.images[index], numbers[index])

    def with_wrong_labels(self, share: float, classes: int, seed: int) -> "Split":
        """Return the pictures with `share` of them labelled as another class, any of them alike.

        Both which and how come from `seed`; the mistakes of a smaller share are among those of a larger one.
        """
        if share == 0:
            return self
        luck = generator(seed, "label noise")
        order = torch.randperm(len(self), generator=luck)[: round(share * len(self))]
        offsets = torch.randint(1, classes, (len(self),), generator=luck)
        labels = self.labels.cpu().clone()
        labels[order] = (labels[order] + offsets[order]) % classes
        return Split(self.images, labels.to(self.labels.device))


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
