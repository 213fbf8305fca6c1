"""What lies on disk after `prepare`: arrays mapped into memory, and the manifest that describes them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import SettingError
from harness.data.sources import Images, Labels, Split

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Prepared:
    """A prepared folder. `mean` and `std` are per channel, of pixels in 0..1, of the training split alone."""

    folder: Path
    digest: str
    classes: tuple[str, ...]
    image_size: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    manifest: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path) -> "Prepared":
        """Read the manifest of `folder`; SettingError where `prepare` hasn't finished there."""
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            height, width, channels = manifest["image_size"]
            for needed in ("splits", "per_class", "coloured"):
                manifest[needed]
            return cls(
                folder=Path(folder),
                digest=manifest["digest"],
                classes=tuple(manifest["classes"]),
                image_size=(height, width, channels),
                mean=tuple(manifest["mean"]),
                std=tuple(manifest["std"]),
                manifest=manifest,
            )
        except FileNotFoundError as error:
            raise SettingError(f"no prepared data in {folder}; run `dvc repro prepare` first") from error
        # Half a file, or one of another program or version.
        except (ValueError, KeyError, TypeError) as error:
            raise SettingError(f"{folder / MANIFEST} is damaged; run `dvc repro --force prepare`") from error

    def images(self, split: Split) -> Images:
        """Return uint8 (n, height, width, channels), read-only, mapped rather than read."""
        return self._array(f"{split}_images.npy")

    def labels(self, split: Split) -> Labels:
        """Return int64 (n,), read-only, mapped rather than read."""
        return self._array(f"{split}_labels.npy")

    def _array(self, name: str) -> Any:
        try:
            return np.load(self.folder / name, mmap_mode="r")
        except (FileNotFoundError, ValueError) as error:
            path = self.folder / name
            raise SettingError(f"{path} is missing or damaged; run `dvc repro --force prepare`") from error
