"""Pictures of a source, one batch after another: those that can be kept, and why the others can't."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from harness.core.config import DataParams
from harness.core.errors import SettingError
from harness.data.progress import Report
from harness.data.sources import Images, Indices, Part, Source, Split

# Test first: of two equal pictures, the one that no choice depends on stays.
READING_ORDER: tuple[Split, ...] = ("test", "validation", "train")


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
    # How many of each class are on that list.
    lost: Counter[str] = field(default_factory=Counter)
    repeated: list[dict[str, str]] = field(default_factory=list)


def good_pictures(
    reading: Reading, split: Split, part: Part, places: Indices, progress: Report
) -> Iterator[tuple[list[int], Images]]:
    """Yield which of `places` can be kept, as numbers from 0, and their pictures, a batch at a time."""
    done = 0
    for batch in part.read(places):
        here = places[done : done + len(batch.images)]
        names = [part.name(int(place)) for place in here]
        good = [i for i in range(len(names)) if usable(reading, split, names[i], batch.images[i], batch.bad.get(i))]
        bad = np.delete(part.labels[here], good)
        reading.lost.update(reading.source.classes[label] for label in bad)
        # A batch of nothing but bad files doesn't know how many channels the pictures have.
        if good:
            check_channels(reading, names[good[0]], batch.images.shape[3])
            yield [done + i for i in good], batch.images[good]
        done += len(names)
        progress(split, done, len(places))


def nothing_read(split: Split) -> SettingError:
    """Return the error for a split without a readable picture."""
    return SettingError(f"no picture of the {split} split could be read; see data.root in params.yaml")


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
