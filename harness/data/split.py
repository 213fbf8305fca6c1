"""Which pictures are trained on, validated on and tested on: stratified, seeded, chosen before anything is read."""

from collections.abc import Mapping

import numpy as np

from harness.core.config import DataParams
from harness.core.errors import SettingError
from harness.core.seeding import derive
from harness.data.random_bits import random_order
from harness.data.sources import SPLITS, Indices, Labels, Source, Split

# Of the pictures there are, for a split that neither the source nor a setting gives a size.
DEFAULT_SHARE = 10


def caps_of(params: DataParams) -> dict[Split, int | None]:
    """Return the sizes that the settings ask for; None means all there are."""
    return {
        "train": params.train_images,
        "validation": params.validation_images,
        "test": params.test_images,
    }


def split_source(source: Source, params: DataParams) -> dict[Split, tuple[Split, Indices]]:
    """Return for each split the part that it is drawn from and its places there, in random order.

    The same seed with a larger size adds pictures to a split and takes none away, as long as the other
    splits drawn from that part keep their sizes.
    """
    caps = caps_of(params)
    check_caps(caps, source)
    chosen: dict[Split, tuple[Split, Indices]] = {}
    for home, part in source.parts.items():
        members: list[Split] = [split for split in SPLITS if split == home]
        if home == "train":
            members += [split for split in SPLITS if split not in source.parts]
        sizes = fit_sizes(len(part.labels), {split: caps[split] for split in members}, home)
        picked = draw(part.labels, sizes, home, derive(params.seed, f"split:{home}"))
        chosen |= {split: (home, places) for split, places in picked.items()}
    for split, (home, places) in chosen.items():
        check_classes(split, source.parts[home].labels[places], source)
    return chosen


def check_caps(caps: Mapping[Split, int | None], source: Source) -> None:
    """Refuse a size that can't hold every class once."""
    for split, cap in caps.items():
        if cap is not None and cap < len(source.classes):
            raise SettingError(
                f"data.{split}_images is {cap}, fewer than the {len(source.classes)} classes; "
                f"ask for at least {len(source.classes)}"
            )


def check_classes(split: Split, labels: Labels, source: Source) -> None:
    """Refuse a split that lacks a class."""
    counts = np.bincount(labels, minlength=len(source.classes))
    missing = [name for name, count in zip(source.classes, counts, strict=True) if count == 0]
    if missing:
        others = f" (nor of {len(missing) - 1} more classes)" if len(missing) > 1 else ""
        raise SettingError(
            f"no picture of class {missing[0]!r}{others} is left for the {split} split; "
            f"add pictures of it or raise data.{split}_images"
        )


def fit_sizes(count: int, caps: Mapping[Split, int | None], home: Split) -> dict[Split, int]:
    """Return how many of `count` pictures each split gets.

    A split without a cap gets a tenth, the part's own split what remains. Where the caps ask for more
    than there is, all shrink in proportion.
    """
    sizes = {split: count // DEFAULT_SHARE if cap is None else cap for split, cap in caps.items() if split != home}
    own = caps[home]
    if own is None:
        # Where the others ask for everything, the part's own split asks for as much, and all shrink.
        rest = count - sum(sizes.values())
        own = rest if rest > 0 else count
    sizes[home] = own
    asked = sum(sizes.values())
    return sizes if asked <= count else {split: size * count // asked for split, size in sizes.items()}


def draw(labels: Labels, sizes: Mapping[Split, int], home: Split, seed: int) -> dict[Split, Indices]:
    """Return disjoint stratified samples of the given sizes.

    Within a class the part's own split takes from the end of a random order and the others from its start:
    a change of one size then moves no picture from one split to another.
    """
    order = random_order(derive(seed, "choice"), len(labels))
    queue = order[np.argsort(labels[order], kind="stable")]
    left = np.bincount(labels)
    start = np.cumsum(left) - left
    picked: dict[Split, Indices] = {}
    for split in sorted(sizes, key=lambda split: split == home):
        take = apportion(left, sizes[split])
        first = start + left - take if split == home else start
        runs = [queue[a : a + k] for a, k in zip(first, take, strict=True)]
        places = np.sort(np.concatenate(runs))
        # Shuffled by rank in a fixed order of the whole part, so that classes mix.
        rank = np.argsort(random_order(derive(seed, "order"), len(labels)))
        picked[split] = places[np.argsort(rank[places])]
        start, left = (start, left - take) if split == home else (start + take, left - take)
    return picked


def apportion(counts: Labels, size: int) -> Labels:
    """Share `size` among classes in proportion to `counts`, whole numbers by largest remainder."""
    total = max(int(counts.sum()), 1)
    shares = counts * size // total
    remainders = counts * size % total
    extra = np.argsort(-remainders, kind="stable")[: size - int(shares.sum())]
    shares[extra] += 1
    return shares
