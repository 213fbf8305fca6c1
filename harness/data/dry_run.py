"""What `prepare` would read, without writing it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.config import DataParams
from harness.core.errors import SettingError
from harness.data.census import census
from harness.data.preview import contact_sheet
from harness.data.progress import Report
from harness.data.reading import READING_ORDER, Reading, good_pictures, nothing_read
from harness.data.sources import TO_FETCH, Images, Labels, Split, open_source, register_sources
from harness.data.split import check_classes, split_source


def dry_run(params: DataParams, sheet: Path, progress: Report) -> dict[str, Any]:
    """Read every picture that `prepare` would, unreadable ones left out, and return its counts and where they lie.

    Writes one training picture of each class to `sheet`, as runs would see it, and nothing else. Raises SettingError
    as `prepare` does, and where a data set would have to be fetched first.
    """
    register_sources()
    missing = TO_FETCH[params.source](params) if params.source in TO_FETCH else None
    if missing:
        raise SettingError(f"a dry run fetches nothing: prepare would {missing} in data.root {params.root}; run it")
    source = open_source(params)
    chosen = split_source(source, params)
    reading = Reading(params.model_copy(update={"on_bad_image": "skip"}), source)
    labels: dict[Split, Labels] = {}
    examples: dict[int, Images] = {}
    for split in READING_ORDER:
        home, places = chosen[split]
        part = source.parts[home]
        kept: list[int] = []
        for good, images in good_pictures(reading, split, part, places, progress):
            kept += good
            if split == "train":
                for label, image in zip(part.labels[places[good]].tolist(), images, strict=True):
                    examples.setdefault(label, image)
        if not kept:
            raise nothing_read(split)
        labels[split] = part.labels[places[kept]]
        check_classes(split, labels[split], source)
    contact_sheet(np.stack([examples[label] for label in sorted(examples)]), sheet)
    return census(reading, chosen, labels) | {"root": None if source.made else str(params.root)}


def would_stop(params: DataParams, found: Mapping[str, Any]) -> SettingError | None:
    """Return the error that `prepare` would end with, or None."""
    if params.on_bad_image == "skip" or not found["skipped"]:
        return None
    first = found["skipped"][0]
    return SettingError(
        f"prepare would stop at {first['file']}: {first['reason']}; replace or remove what is left out here, "
        "or set data.on_bad_image: skip"
    )
