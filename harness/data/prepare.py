"""A source becomes arrays on disk: choose, read, check, measure, then make it visible at once."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from harness.core.config import DataParams
from harness.core.console import plain_console
from harness.data.census import Chosen, census, show
from harness.data.prepared import MANIFEST
from harness.data.progress import Report, shown
from harness.data.reading import READING_ORDER, Reading, good_pictures, nothing_read
from harness.data.sources import SPLITS, Images, Indices, Labels, Part, Source, Split, open_source
from harness.data.split import check_classes, split_source


def prepare(params: DataParams, out: Path, progress: Report | None = None) -> dict[str, Any]:
    """Write the splits and their manifest to the folder `out` and return the manifest.

    A reader finds the old folder, no manifest, or the new folder; never a mixture. `progress` is called
    with (split, done, total); None draws a bar. Raises SettingError for anything that the user can mend.
    """
    if progress is None:
        with shown() as progress:
            manifest = prepare(params, out, progress)
        show(manifest, plain_console(stderr=True))
        return manifest
    source = open_source(params)
    chosen = split_source(source, params)
    partial = out / ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        manifest = write_splits(source, chosen, params, partial, progress)
        publish(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def publish(partial: Path, out: Path) -> None:
    """Move every file of `partial` to `out`, the manifest first away and last back."""
    (out / MANIFEST).unlink(missing_ok=True)
    for path in sorted(partial.iterdir(), key=lambda path: path.name == MANIFEST):
        os.replace(path, out / path.name)


def write_splits(
    source: Source,
    chosen: Chosen,
    params: DataParams,
    folder: Path,
    progress: Report,
) -> dict[str, Any]:
    """Read every split into `folder`, check it, and write the manifest beside it."""
    reading = Reading(params, source)
    for split in READING_ORDER:
        home, places = chosen[split]
        part = source.parts[home]
        kept = write_images(folder / f"{split}_images.npy", reading, split, part, places, progress)
        labels = part.labels[places[kept]]
        check_classes(split, labels, source)
        np.save(folder / f"{split}_labels.npy", labels)
    manifest = describe(reading, chosen, folder)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def write_images(path: Path, reading: Reading, split: Split, part: Part, places: Indices, progress: Report) -> Indices:
    """Write the readable pictures at `places` to `path`; return which of them those are."""
    array: Images | None = None
    kept: list[int] = []
    for good, images in good_pictures(reading, split, part, places, progress):
        if array is None:
            array = open_memmap(path, "w+", np.uint8, (len(places), *images.shape[1:]))
        array[len(kept) : len(kept) + len(good)] = images
        kept += good
    if array is None:
        raise nothing_read(split)
    if len(kept) < len(places):
        shrink(path, array, len(kept))
    return np.array(kept, dtype=np.int64)


def shrink(path: Path, array: Images, count: int) -> None:
    """Rewrite `path` with the first `count` pictures of `array` alone."""
    shorter = open_memmap(path.with_suffix(".shorter"), "w+", np.uint8, (count, *array.shape[1:]))
    for start in range(0, count, 1024):
        shorter[start : start + 1024] = array[start : min(start + 1024, count)]
    shorter.flush()
    os.replace(path.with_suffix(".shorter"), path)


def describe(reading: Reading, chosen: Chosen, folder: Path) -> dict[str, Any]:
    """Return the manifest of the arrays in `folder`."""
    images = {split: np.load(folder / f"{split}_images.npy", mmap_mode="r") for split in SPLITS}
    labels = {split: np.load(folder / f"{split}_labels.npy") for split in SPLITS}
    classes = reading.source.classes
    mean, std = channel_statistics(images["train"])
    return census(reading, chosen, labels) | {
        "digest": content_digest(images, labels, classes),
        "image_size": list(images["train"].shape[1:]),
        "coloured": is_coloured(images["train"]),
        "mean": mean,
        "std": std,
        "seed": reading.params.seed,
    }


def channel_statistics(images: Images) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation per channel of uint8 (n, height, width, channels), in 0..1 units.

    Counted in integers, so that no order of summation can change a digit.
    """
    counts = np.zeros((images.shape[-1], 256), dtype=np.int64)
    for chunk in chunks(images):
        for channel in range(images.shape[-1]):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    values = np.arange(256)
    total = counts.sum(axis=1)
    mean = (counts @ values) / total
    variance = (counts @ values**2) / total - mean**2
    # A channel of one constant value must not make users divide by zero.
    std = np.maximum(np.sqrt(np.maximum(variance, 0)), 1.0)
    return (mean / 255).tolist(), (std / 255).tolist()


def is_coloured(images: Images) -> bool:
    """Say whether uint8 (n, height, width, channels) has a pixel whose channels differ; grey may be stored as RGB."""
    return any((chunk != chunk[..., :1]).any() for chunk in chunks(images))


def content_digest(images: dict[Split, Images], labels: dict[Split, Labels], classes: tuple[str, ...]) -> str:
    """Return 32 hex digits over all that a run can see: class names, pictures, labels, split by split."""
    digest = hashlib.sha256(json.dumps(classes).encode())
    for split in SPLITS:
        digest.update(f"{split} {images[split].shape}".encode())
        for chunk in chunks(images[split]):
            digest.update(np.ascontiguousarray(chunk).data)
        digest.update(labels[split].astype("<i8").tobytes())
    return digest.hexdigest()[:32]


def chunks(images: Images, count: int = 1024) -> Iterator[Images]:
    """Yield a large mapped array in pieces that fit in memory."""
    for start in range(0, len(images), count):
        yield images[start : start + count]
