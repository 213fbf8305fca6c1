"""What is read against what lies there, class by class, each difference with its reason."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.config import DataParams
from harness.data.reading import Reading
from harness.data.sources import SPLITS, Indices, Labels, Split
from harness.data.split import caps_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# Split -> the part that it is drawn from, and its places there.
Chosen = dict[Split, tuple[Split, Indices]]
NOT_ASKED, LEFT_OUT = "not asked for", "left out"
FEW = 3  # files that are named one by one; of more the first is, and their number


def census(reading: Reading, chosen: Chosen, labels: Mapping[Split, Labels]) -> dict[str, Any]:
    """Return what a manifest says of the pictures by number; `labels` are those of the pictures kept.

    `unread` counts for each class what lies there and isn't read, by why; what lies there is the sum of all.
    """
    source, params = reading.source, reading.params
    classes = source.classes
    return {
        "source": params.source,
        "classes": list(classes),
        "splits": {split: len(labels[split]) for split in SPLITS},
        "per_class": {split: np.bincount(labels[split], minlength=len(classes)).tolist() for split in SPLITS},
        "unread": unread(reading, chosen),
        "skipped": reading.skipped,
        "repeated": reading.repeated,
        "notes": [*source.notes, *shortages(chosen, params)],
    }


def unread(reading: Reading, chosen: Chosen) -> dict[str, dict[str, int]]:
    """Return class -> why -> how many pictures or files aren't read, without those of which there are none."""
    source = reading.source
    count = len(source.classes)
    spare = np.zeros(count, dtype=np.int64)
    if not source.made:
        for home, part in source.parts.items():
            taken = [part.labels[places] for where, places in chosen.values() if where == home]
            spare += np.bincount(part.labels, minlength=count) - np.bincount(np.concatenate(taken), minlength=count)
    found = {
        name: {NOT_ASKED: int(extra), LEFT_OUT: reading.lost[name], **source.passed.get(name, {})}
        for name, extra in zip(source.classes, spare, strict=True)
    }
    return {name: left for name, whys in found.items() if (left := {why: n for why, n in whys.items() if n})}


def shortages(chosen: Chosen, params: DataParams) -> list[str]:
    """Return a line for every split that is smaller than asked for."""
    return [
        f"data.{split}_images is {cap}, but only {len(chosen[split][1])} pictures are there for the {split} split"
        for split, cap in caps_of(params).items()
        if cap is not None and len(chosen[split][1]) < cap
    ]


def show(manifest: Mapping[str, Any], console: "Console") -> None:
    """Print what the user should know: a table where what is read isn't what lies there, and remarks."""
    if manifest["unread"]:
        console.print(table(manifest))
    for line in remarks(manifest):
        console.print(line, soft_wrap=True)


def table(manifest: Mapping[str, Any]) -> "Table":
    """Return a row for every class, numbered from 1: what lies there, what is read, what isn't and why."""
    from rich.table import Table

    unread = manifest["unread"]
    whys = list(dict.fromkeys(why for left in unread.values() for why in left))
    made = Table("", "class", "there", *SPLITS, *whys)
    for column in (0, *range(2, 3 + len(SPLITS) + len(whys))):
        made.columns[column].justify = "right"
    for number, name in enumerate(manifest["classes"]):
        read = [manifest["per_class"][split][number] for split in SPLITS]
        left = [unread.get(name, {}).get(why, 0) for why in whys]
        made.add_row(str(number + 1), name, *(f"{count:,}" for count in (sum(read) + sum(left), *read, *left)))
    return made


def remarks(manifest: Mapping[str, Any]) -> list[str]:
    """Return what else the user should know, a line each."""
    skipped = manifest["skipped"]
    pairs = manifest["repeated"]
    lines = [*manifest["notes"]]
    if pairs:
        lines.append(f"{len(pairs)} pictures are in two splits, as in the published data")
    if skipped:
        lines.append(f"{len(skipped):,} {'file' if len(skipped) == 1 else 'files'} left out:")
    return [*lines, *by_reason(skipped)]


def by_reason(skipped: list[dict[str, str]]) -> Iterator[str]:
    """Yield a line for every file left out, or for all with the same reason where they are many."""
    files: dict[str, list[str]] = {}
    for entry in skipped:
        files.setdefault(entry["reason"], []).append(entry["file"])
    for reason, names in files.items():
        if len(names) > FEW:
            yield f"  {names[0]} and {len(names) - 1:,} more: {reason}"
        else:
            yield from (f"  {name}: {reason}" for name in names)
