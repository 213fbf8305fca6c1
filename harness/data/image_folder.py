"""Pictures in folders: `root/<class>/*`, or `root/{train,validation,test}/<class>/*`."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.core.config import DataParams
from harness.core.cores import cores
from harness.core.errors import SettingError
from harness.data.decode import BadImageError, channel_count, decode
from harness.data.folders import LAYOUT, Listing, list_classes, remarks, shown, split_folders
from harness.data.sources import SOURCE, Batch, Images, Indices, Part, Source, Split

PICTURES_PER_BATCH = 512


@SOURCE.level("image_folder")
def image_folder(params: DataParams) -> Source:
    """Return the pictures below `data.root`; only names are read until pixels are asked for."""
    root = params.root
    if not root.is_dir():
        raise SettingError(f"data.root {root} is missing or no folder; {LAYOUT} of PNG or JPEG files there")
    folders = split_folders(root)
    listed = {split: list_classes(folder) for split, folder in folders.items()}
    classes = common_classes(listed, folders)
    passed = {name: sum((found[name].passed for found in listed.values()), Counter()) for name in classes}
    return Source(
        tuple(classes),
        {split: Files.listed(found, classes, params.image_size).part() for split, found in listed.items()},
        tuple(remarks(root, folders, classes)),
        passed=passed,
    )


def common_classes(listed: dict[Split, dict[str, Listing]], folders: dict[Split, Path]) -> list[str]:
    """Return the class names, sorted; SettingError where a split lacks one, or there are too few."""
    every = sorted(set().union(*listed.values()))
    for split, classes in listed.items():
        for name in every:
            if name not in classes:
                other = next(folders[s] for s in listed if name in listed[s])
                here = folders[split]
                raise SettingError(f"class {name!r} is in {other} but not in {here}; add it, or remove it there")
    if len(every) < 2:
        folder = next(iter(folders.values()))
        raise SettingError(
            f"{folder} has only one class, {every[0]!r}, and a classifier needs two; is data.root the right folder?"
        )
    return every


@dataclass(frozen=True)
class Files:
    """The files of one part with their labels."""

    paths: list[Path]
    labels: list[int]
    size: int

    @classmethod
    def listed(cls, found: dict[str, Listing], classes: list[str], size: int) -> "Files":
        """Flatten the files of each class, in the order of `classes`."""
        pairs = [(path, number) for number, name in enumerate(classes) for path in found[name].files]
        return cls([path for path, _ in pairs], [number for _, number in pairs], size)

    def part(self) -> Part:
        """Return the part that reads these files."""
        return Part(np.array(self.labels, dtype=np.int64), self.read, lambda place: shown(self.paths[place]))

    def read(self, places: Indices) -> Iterator[Batch]:
        """Yield the decoded files, in threads: Pillow lets go of the interpreter while it decodes."""
        channels: int | None = None
        with ThreadPoolExecutor(cores()) as pool:
            for start in range(0, len(places), PICTURES_PER_BATCH):
                decoded = list(pool.map(self.decode, places[start : start + PICTURES_PER_BATCH].tolist()))
                found = {image.shape[2] for image in decoded if not isinstance(image, str)}
                channels = channels or min(found, default=None)
                if found - {channels}:
                    raise self.mixed()
                yield self.batch(decoded, channels or 3)

    def decode(self, place: int) -> Images | str:
        """Return the picture, or why there is none."""
        try:
            return decode(self.paths[place], self.size)
        except BadImageError as error:
            return str(error)

    def batch(self, decoded: list[Images | str], channels: int) -> Batch:
        """Stack pictures, black ones standing in for the bad."""
        images = np.zeros((len(decoded), self.size, self.size, channels), dtype=np.uint8)
        bad = {}
        for place, image in enumerate(decoded):
            if isinstance(image, str):
                bad[place] = image
            else:
                images[place] = image
        return Batch(images, bad)

    def mixed(self) -> SettingError:
        """Return the error for grey among coloured pictures, counted from the headers of all files."""
        kinds: dict[int, list[Path]] = {1: [], 3: []}
        for path in self.paths:
            # Damaged files are no matter here.
            with suppress(Exception):
                kinds[channel_count(path)].append(path)
        (few, rare), (many, usual) = sorted(kinds.items(), key=lambda kind: len(kind[1]))
        word = {1: "grey", 3: "colour"}
        some = ", ".join(shown(path) for path in rare[:3]) + (" ..." if len(rare) > 3 else "")
        return SettingError(
            f"{len(rare)} of {len(rare) + len(usual)} pictures are {word[few]}, the others {word[many]}: {some}; "
            f"convert them to {word[many]} or remove them"
        )
