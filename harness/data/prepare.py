"""A source becomes arrays on disk: choose, read, check, measure, then make it visible at once."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from harness.config import DataParams
from harness.console import plain_console
from harness.data.prepared import MANIFEST
from harness.data.progress import Report, shown
from harness.data.sources import SPLITS, Images, Indices, Labels, Part, Source, Split, open_source
from harness.data.split import caps_of, check_classes, split_source
from harness.errors import SettingError

# Test first: of two equal pictures, the one that no choice depends on stays.
READING_ORDER: tuple[Split, ...] = ("test", "validation", "train")


def prepare(params: DataParams, out: Path, progress: Report | None = None) -> dict[str, Any]:
    """Write the splits and their manifest to the folder `out` and return the manifest.

    A reader finds the old folder, no manifest, or the new folder; never a mixture. `progress` is called
    with (split, done, total); None draws a bar. Raises SettingError for anything that the user can mend.
    """
    if progress is None:
        with shown() as progress:
            manifest = prepare(params, out, progress)
        for line in remarks(manifest):
            plain_console(stderr=True).print(line, soft_wrap=True)
        return manifest
    source = open_source(params)
    if len(source.classes) < 2:
        raise SettingError(f"data.source {params.source!r} has only one class; a classifier needs two or more")
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


def remarks(manifest: dict[str, Any]) -> list[str]:
    """Return what the user should know about a prepared folder, a line each."""
    skipped = [f"  {entry['file']}: {entry['reason']}" for entry in manifest["skipped"]]
    if skipped:
        skipped.insert(0, f"{len(skipped)} {'file' if len(skipped) == 1 else 'files'} left out:")
    pairs = manifest["repeated"]
    repeated = [f"{len(pairs)} pictures are in two splits, as in the published data"] if pairs else []
    return [*manifest["notes"], *repeated, *skipped]


def shortages(chosen: dict[Split, tuple[Split, Indices]], params: DataParams) -> list[str]:
    """Return a line for every split that is smaller than asked for."""
    return [
        f"data.{split}_images is {cap}, but only {len(chosen[split][1])} pictures are there for the {split} split"
        for split, cap in caps_of(params).items()
        if cap is not None and len(chosen[split][1]) < cap
    ]


def publish(partial: Path, out: Path) -> None:
    """Move every file of `partial` to `out`, the manifest first away and last back."""
    (out / MANIFEST).unlink(missing_ok=True)
    for path in sorted(partial.iterdir(), key=lambda path: path.name == MANIFEST):
        os.replace(path, out / path.name)


@dataclass
class Reading:
    """What is known across splits while they are read."""

    params: DataParams
    source: Source
    # Digest of a picture -> (split, name) of where it was seen first.
    seen: dict[bytes, tuple[Split, str]] = field(default_factory=dict)
    # Where the first picture was, and its channels: all others must have as many.
    first: tuple[str, int] | None = None
    skipped: list[dict[str, str]] = field(default_factory=list)
    repeated: list[dict[str, str]] = field(default_factory=list)


def write_splits(
    source: Source,
    chosen: dict[Split, tuple[Split, Indices]],
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
    manifest = describe(reading, folder, [*source.notes, *shortages(chosen, params)])
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def write_images(path: Path, reading: Reading, split: Split, part: Part, places: Indices, progress: Report) -> Indices:
    """Write the readable pictures at `places` to `path`; return which of them those are."""
    array: Images | None = None
    kept: list[int] = []
    done = 0
    for batch in part.read(places):
        names = [part.name(int(place)) for place in places[done : done + len(batch.images)]]
        good = [i for i in range(len(names)) if usable(reading, split, names[i], batch.images[i], batch.bad.get(i))]
        # A batch of nothing but bad files doesn't know how many channels the pictures have.
        if good and array is None:
            check_channels(reading, names[good[0]], batch.images.shape[3])
            array = open_memmap(path, "w+", np.uint8, (len(places), *batch.images.shape[1:]))
        if good and array is not None:
            array[len(kept) : len(kept) + len(good)] = batch.images[good]
            kept += [done + i for i in good]
        done += len(names)
        progress(split, done, len(places))
    if array is None or not kept:
        raise SettingError(f"no picture of the {split} split could be read; see data.root in params.yaml")
    if len(kept) < len(places):
        shrink(path, array, len(kept))
    return np.array(kept, dtype=np.int64)


def check_channels(reading: Reading, name: str, channels: int) -> None:
    """Refuse a split of grey pictures beside one of coloured ones."""
    reading.first = reading.first or (name, channels)
    if channels != reading.first[1]:
        raise SettingError(
            f"{name} has {channels} channels, but {reading.first[0]} has {reading.first[1]}; "
            "convert all pictures to grey or all to colour"
        )


def usable(reading: Reading, split: Split, name: str, image: Images, reason: str | None) -> bool:
    """Say whether a picture can be kept; a bad one is an error or goes on the list of skipped ones."""
    if reason is None:
        first_split, first_name = reading.seen.setdefault(hashlib.sha256(image.data).digest(), (split, name))
        if first_split == split:
            return True
        if reading.source.fixed:
            reading.repeated.append({"file": name, "same_as": first_name})
            return True
        reason = f"the same picture as {first_name}, which is in the {first_split} split"
        remedy = "remove one of the two"
    else:
        remedy = "replace or remove it"
    if reading.params.on_bad_image == "fail":
        raise SettingError(f"{name}: {reason}; {remedy}, or set data.on_bad_image: skip")
    reading.skipped.append({"file": name, "reason": reason})
    return False


def shrink(path: Path, array: Images, count: int) -> None:
    """Rewrite `path` with the first `count` pictures of `array` alone."""
    shorter = open_memmap(path.with_suffix(".shorter"), "w+", np.uint8, (count, *array.shape[1:]))
    for start in range(0, count, 1024):
        shorter[start : start + 1024] = array[start : min(start + 1024, count)]
    shorter.flush()
    os.replace(path.with_suffix(".shorter"), path)


def describe(reading: Reading, folder: Path, notes: list[str]) -> dict[str, Any]:
    """Return the manifest of the arrays in `folder`."""
    images = {split: np.load(folder / f"{split}_images.npy", mmap_mode="r") for split in SPLITS}
    labels = {split: np.load(folder / f"{split}_labels.npy") for split in SPLITS}
    classes = reading.source.classes
    mean, std = channel_statistics(images["train"])
    return {
        "source": reading.params.source,
        "digest": content_digest(images, labels, classes),
        "classes": list(classes),
        "splits": {split: len(labels[split]) for split in SPLITS},
        "per_class": {split: np.bincount(labels[split], minlength=len(classes)).tolist() for split in SPLITS},
        "image_size": list(images["train"].shape[1:]),
        "mean": mean,
        "std": std,
        "seed": reading.params.seed,
        "skipped": reading.skipped,
        "repeated": reading.repeated,
        "notes": notes,
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
