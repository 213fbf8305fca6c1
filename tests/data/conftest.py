"""Parameters and small folders of pictures for the tests of data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.core.config import DataParams
from harness.data.prepare import prepare
from harness.data.progress import silent

MakeParams = Callable[..., DataParams]
MakePicture = Callable[..., Path]


@pytest.fixture
def params(tmp_path: Path) -> MakeParams:
    """Build data parameters: 32 pixels, everything there is, from `tmp_path`/raw."""

    def make(**changes: Any) -> DataParams:
        values: dict[str, Any] = {
            "source": "image_folder",
            "root": tmp_path / "raw",
            "image_size": 32,
            "seed": 0,
            "on_bad_image": "fail",
            "train_images": None,
            "validation_images": None,
            "test_images": None,
        }
        return DataParams(**(values | changes))

    return make


@pytest.fixture
def picture(tmp_path: Path) -> MakePicture:
    """Write a picture of random pixels below `tmp_path`/raw, different for every name."""

    def write(name: str, mode: str = "RGB", size: int = 32) -> Path:
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (size, size) if mode == "L" else (size, size, len(mode))
        pixels = np.random.default_rng(list(name.encode())).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels, mode=mode).save(path)
        return path

    return write


@pytest.fixture
def folder(picture: MakePicture, tmp_path: Path) -> Path:
    """Two classes of 20 PNG files each, as one pool."""
    for name in ("cat", "dog"):
        for number in range(20):
            picture(f"{name}/{number:02}.png")
    return tmp_path / "raw"


@pytest.fixture
def run_prepare(tmp_path: Path) -> Callable[[DataParams], dict[str, Any]]:
    """Run `prepare` into `tmp_path`/prepared without a progress bar."""
    return lambda params: prepare(params, tmp_path / "prepared", silent)
