"""What lies in a folder of pictures: splits, classes, files; and what is passed over, counted."""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import SettingError
from harness.data.sources import Split

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
LITTER = {
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "#recycle", "$recycle.bin",
    "system volume information", "lost+found",
}  # fmt: skip
# Why files of a class aren't read, as tables say it.
PASSED_OVER = "hidden, litter"
SEEN = "linked again"


@dataclass
class Listing:
    """The files of one class, the folders that hold them (links resolved), and how much was passed over, by why."""

    files: list[Path] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    passed: Counter[str] = field(default_factory=Counter)


def ignored(name: str) -> bool:
    """Say whether a file or folder is hidden or litter."""
    return name.startswith(".") or name.lower() in LITTER


def shown(path: Path | str) -> str:
    """Return a path as text that can be printed, whatever bytes its name has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def entries(folder: Path) -> list[Path]:
    """Return what lies right in `folder`, by name; SettingError where that may not be seen."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(error) from error


def unreadable(error: OSError) -> SettingError:
    """Return the error for a folder that can't be looked into: its pictures would be lost without a word."""
    return SettingError(f"{shown(error.filename)} can't be read ({error.strerror}); allow it, or move it away")


def visible_folders(folder: Path) -> list[Path]:
    """Return the folders right below `folder`, hidden ones and litter left out, by name."""
    return [path for path in entries(folder) if path.is_dir() and not ignored(path.name)]


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
        if any(split_of(name) == "train" for name in inside[0]):
            one = shown(holders[0].name)
            remedy = f"put the splits outside and the classes inside, train/{one}/* instead of {one}/train/*"
        else:
            remedy = "if they are splits, call them train, validation and test"
        raise SettingError(f"{names} in {shown(root)} hold folders of equal names ({some} ...): {remedy}")
    return {"train": root}


def remarks(root: Path, folders: dict[Split, Path], classes: Iterable[str]) -> list[str]:
    """Return what a user should know of a root and its splits, a line each: what isn't read, and what may be meant."""
    lines = []
    if root not in folders.values():
        lines += unread(root, set(folders.values()))
    for folder in folders.values():
        lines += unread(folder, set(visible_folders(folder)))
    alike = Counter(" ".join(name.casefold().split()) for name in classes)
    for name in (name for name, count in alike.items() if count > 1):
        same = ", ".join(repr(one) for one in classes if " ".join(one.casefold().split()) == name)
        lines.append(f"classes {same} differ in capitals or spaces alone; if they are one, put them into one folder")
    return [*lines, *nested(folders)]


def unread(folder: Path, read: set[Path]) -> list[str]:
    """Return a line for the files, the folders and the litter right in `folder` that aren't read, each with names."""
    rest = [path for path in entries(folder) if path not in read]
    kinds = {
        f"hidden or litter in {shown(folder)}, passed over": [path for path in rest if ignored(path.name)],
        f"outside of the classes in {shown(folder)}, not read": [path for path in rest if not ignored(path.name)],
    }
    lines = []
    for words, paths in kinds.items():
        names = ", ".join(named(path) for path in paths[:3]) + (" ..." if len(paths) > 3 else "")
        lines += [f"{len(paths):,} {words}: {names}"] if paths else []
    return lines


def named(path: Path) -> str:
    """Return the name of a file, or of a folder with how many files it holds."""
    if not path.is_dir() or ignored(path.name):
        return shown(path.name)
    return f"{shown(path.name)}/ ({len(list_files(path).files):,} files)"


def nested(folders: dict[Split, Path]) -> list[str]:
    """Return a remark for each class whose pictures lie in folders of its own."""
    return [
        f"{shown(path)} is one class, its folders {', '.join(shown(inside.name) for inside in inner[:3])} included"
        for folder in folders.values()
        for path in visible_folders(folder)
        if (inner := visible_folders(path))
    ]


def list_classes(folder: Path) -> dict[str, Listing]:
    """Return the files of every class folder, at any depth, by name; SettingError for one that can't be a class."""
    classes: dict[str, Listing] = {}
    for path in visible_folders(folder):
        name = unicodedata.normalize("NFC", path.name)
        if shown(path.name) != path.name:
            raise SettingError(f"the name of {shown(path)} is not UTF-8; rename the folder")
        if name in classes:
            raise SettingError(
                f"{path} is there twice, its name in two Unicode forms; put the pictures into one of them"
            )
        classes[name] = list_files(path)
        for other in (other for other in classes if other != name and classes[other].folders & classes[name].folders):
            raise SettingError(
                f"{path} and the class {other!r} lead to the same folder through a link; give its pictures one label"
            )
        if not classes[name].files:
            raise SettingError(f"{path} is empty; put pictures of the class there or remove the folder")
    if not classes:
        raise SettingError(f"{shown(folder)} has no class folders; {LAYOUT} of PNG or JPEG files")
    return classes


def list_files(folder: Path) -> Listing:
    """Return every file below `folder` but hidden ones and litter, in an order that no file system decides.

    Links to folders are followed, each folder once.
    """

    def fail(error: OSError) -> None:
        raise unreadable(error)

    found = Listing()
    for parent, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(parent)
        if real in found.folders:
            folders.clear()
            found.passed[SEEN] += 1
            continue
        found.folders.add(real)
        for name in filter(ignored, folders):
            found.passed[PASSED_OVER] += sum(len(inside) for _, _, inside in os.walk(Path(parent, name)))
        folders[:] = sorted(name for name in folders if not ignored(name))
        kept = [Path(parent, name) for name in names if not ignored(name)]
        found.files += kept
        found.passed[PASSED_OVER] += len(names) - len(kept)
    found.files.sort(key=lambda path: path.relative_to(folder).as_posix())
    return found
