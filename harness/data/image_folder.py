"""Pictures in folders: `root/<class>/*`, or `root/{train,validation,test}/<class>/*`."""

import os
import re
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.config import DataParams
from harness.cores import cores
from harness.data.decode import BadImageError, channel_count, decode
from harness.data.sources import SOURCE, Batch, Images, Indices, Part, Source, Split
from harness.errors import SettingError

PICTURES_PER_BATCH = 512
LAYOUT = "expected <class>/* or {train,test}/<class>/*"
# What people call the folders of the splits, "set" and marks left out: `Training_Set`, `test-images`.
SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
# Files and folders that operating systems and archives leave behind, besides the hidden ones.
LITTER = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "system volume information", "lost+found"}


@SOURCE.level("image_folder")
def image_folder(params: DataParams) -> Source:
    """Return the pictures below `data.root`; only names are read until pixels are asked for."""
    root = params.root
    if not root.is_dir():
        raise SettingError(f"data.root {root} is missing or no folder; {LAYOUT} of PNG or JPEG files there")
    folders = split_folders(root)
    listed = {split: list_classes(folder) for split, folder in folders.items()}
    classes = common_classes(listed, folders)
    notes = [f"only {', '.join(sorted(f.name for f in folders.values()))} of {root} are read"] * stray(root, folders)
    notes += nested(folders)
    return Source(
        tuple(classes),
        {split: Files.listed(files, classes, params.image_size).part() for split, files in listed.items()},
        tuple(notes),
    )


def ignored(name: str) -> bool:
    """Say whether a file or folder is hidden or litter."""
    return name.startswith(".") or name.lower() in LITTER


def shown(path: Path | str) -> str:
    """Return a path as text that can be printed, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders right below `folder`, hidden ones and litter left out, by name."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not ignored(path.name))


def split_of(name: str) -> Split | None:
    """Return the split that a folder is named after; None for another name."""
    words = re.sub(r"[\W_]+", " ", name.lower()).split()
    plain = "".join(word for word in words if word not in ("set", "images", "data"))
    return SPLIT_FOLDERS.get(plain.removesuffix("set"))


def split_folders(root: Path) -> dict[Split, Path]:
    """Return the folder of each split; a root without a folder of folders for training is one pool.

    SettingError where two folders are named after one split, or unknown names seem to be those of splits.
    """
    found: dict[Split, Path] = {}
    # A class may be called "train": only a folder of folders is taken for a split.
    holders = [path for path in visible_folders(root) if visible_folders(path)]
    for path in holders:
        if (split := split_of(path.name)) is None:
            continue
        if split in found:
            raise SettingError(
                f"{shown(found[split])} and {shown(path)} are both named after the {split} split; keep one"
            )
        found[split] = path
    if "train" in found:
        return found
    inside = [{folder.name for folder in visible_folders(path)} for path in holders]
    if len(holders) > 1 and all(names == inside[0] for names in inside):
        names = ", ".join(shown(path.name) for path in holders)
        some = ", ".join(sorted(map(shown, inside[0]))[:3])
        raise SettingError(
            f"{names} in {shown(root)} hold folders of equal names ({some} ...): "
            "if they are splits, call them train, validation and test"
        )
    return {"train": root}


def stray(root: Path, folders: dict[Split, Path]) -> bool:
    """Say whether `root` has folders that aren't read."""
    return root not in folders.values() and len(visible_folders(root)) > len(folders)


def nested(folders: dict[Split, Path]) -> list[str]:
    """Return a remark for each class whose pictures lie in folders of its own."""
    return [
        f"{shown(path)} is one class, its folders {', '.join(shown(inside.name) for inside in inner[:3])} included"
        for folder in folders.values()
        for path in visible_folders(folder)
        if (inner := visible_folders(path))
    ]


def list_classes(folder: Path) -> dict[str, list[Path]]:
    """Return the files of every class folder, at any depth, by name; SettingError for one that can't be a class."""
    classes: dict[str, list[Path]] = {}
    for path in visible_folders(folder):
        name = unicodedata.normalize("NFC", path.name)
        if shown(path.name) != path.name:
            raise SettingError(f"the name of {shown(path)} is not UTF-8; rename the folder")
        if name in classes:
            raise SettingError(
                f"{path} is there twice, its name in two Unicode forms; put the pictures into one of them"
            )
        classes[name] = list_files(path)
        if not classes[name]:
            raise SettingError(f"{path} is empty; put pictures of the class there or remove the folder")
    if not classes:
        raise SettingError(f"{shown(folder)} has no class folders; {LAYOUT} of PNG or JPEG files")
    return classes


def list_files(folder: Path) -> list[Path]:
    """Return every file below `folder` but hidden ones and litter, in an order that no file system decides.

    Links to folders are followed, each folder once.
    """
    files, seen = [], set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not ignored(name))
        files += [Path(parent, name) for name in names if not ignored(name)]
    return sorted(files, key=lambda path: path.relative_to(folder).as_posix())


def common_classes(listed: dict[Split, dict[str, list[Path]]], folders: dict[Split, Path]) -> list[str]:
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
    def listed(cls, files: dict[str, list[Path]], classes: list[str], size: int) -> "Files":
        """Flatten the files of each class, in the order of `classes`."""
        pairs = [(path, number) for number, name in enumerate(classes) for path in files[name]]
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
