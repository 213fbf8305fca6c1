"""CIFAR-10 and CIFAR-100: the official archives, found in `data.root` or downloaded, by torchvision's checksums."""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tarfile import TarError
from typing import Any

import numpy as np

from harness.core.config import DataParams
from harness.core.errors import SettingError
from harness.data.decode import fit
from harness.data.sources import SOURCE, TO_FETCH, Batch, Images, Indices, Part, Source, Split

PICTURES_PER_BATCH = 512


@SOURCE.level("cifar10")
def cifar10(params: DataParams) -> Source:
    """60,000 photographs of 10 classes (Krizhevsky, "Learning multiple layers of features from tiny images", 2009)."""
    return official(params, "CIFAR10")


@SOURCE.level("cifar100")
def cifar100(params: DataParams) -> Source:
    """60,000 photographs of 100 classes, from the same report."""
    return official(params, "CIFAR100")


def to_fetch(name: str, params: DataParams) -> str | None:
    """Say what would have to be fetched or unpacked before a data set could be read."""
    from torchvision import datasets

    kind = getattr(datasets, name)
    try:
        kind(root=str(params.root), train=True, download=False)
    except RuntimeError:
        there = (params.root / kind.filename).is_file()
        return f"unpack {kind.filename}" if there else f"download {kind.filename} (about 170 MB) and unpack it"
    return None


TO_FETCH |= {"cifar10": partial(to_fetch, "CIFAR10"), "cifar100": partial(to_fetch, "CIFAR100")}


def official(params: DataParams, name: str) -> Source:
    """Return a data set of torchvision; SettingError where it is neither there nor to be had."""
    # Two seconds of import that the other sources don't need.
    from torchvision import datasets

    kind = getattr(datasets, name)
    opened = {split: open_archive(kind, params, train=split == "train") for split in ("train", "test")}
    parts: dict[Split, Part] = {
        "train": part(opened["train"], f"{name} train", params.image_size),
        "test": part(opened["test"], f"{name} test", params.image_size),
    }
    return Source(tuple(opened["train"].classes), parts, fixed=True)


def open_archive(kind: Any, params: DataParams, train: bool) -> Any:
    """Return the data set, from `data.root` where its checksums fit, else downloaded there."""
    try:
        params.root.mkdir(parents=True, exist_ok=True)
        return kind(root=str(params.root), train=train, download=True)
    # No network, a proxy's error page, a full disk and a wrong checksum come as OSError or RuntimeError.
    except (OSError, RuntimeError, EOFError, TarError) as error:
        archive = params.root / kind.filename
        if archive.is_file() and (found := checksum(archive)) != kind.tgz_md5:
            raise SettingError(
                f"{archive} is damaged or another file: its MD5 is {found}, that of the official one {kind.tgz_md5}; "
                "delete it, and download it again"
            ) from error
        raise SettingError(
            f"{kind.__name__} is not in data.root {params.root} and can't be downloaded ({first_line(error)}); "
            f"connect to the network, or put the official {kind.filename} there, "
            "or use data.source: image_folder or synthetic"
        ) from error


def checksum(path: Path) -> str:
    """Return the MD5 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def first_line(error: Exception) -> str:
    """Return what happened on one line."""
    return (str(error) or type(error).__name__).strip().splitlines()[0]


def part(dataset: Any, name: str, size: int) -> Part:
    """Return one half of a data set whose `data` is uint8 (n, 32, 32, 3)."""
    labels = np.array(dataset.targets, dtype=np.int64)
    return Part(labels, partial(read, dataset.data, size), lambda place: f"{name} picture {place}")


def read(data: Images, size: int, places: Indices) -> Iterator[Batch]:
    """Yield the pictures at `places`, resized where the size differs."""
    from PIL import Image

    for start in range(0, len(places), PICTURES_PER_BATCH):
        images = data[places[start : start + PICTURES_PER_BATCH]]
        if images.shape[1:3] != (size, size):
            images = np.stack([fit(Image.fromarray(image), size) for image in images])
        yield Batch(images)
