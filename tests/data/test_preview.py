"""Contact sheets: one per class, every pixel kept."""

from pathlib import Path

import numpy as np
from PIL import Image

from harness.data.prepared import Prepared
from harness.data.preview import GAP, preview


def test_a_sheet_per_class(params, run_prepare, tmp_path: Path) -> None:
    counts = {"train_images": 200, "validation_images": 10, "test_images": 10}
    run_prepare(params(source="synthetic", **counts))
    data = Prepared.load(tmp_path / "prepared")
    paths = preview(data, tmp_path / "preview")
    assert [path.name for path in paths] == [f"{name}.png" for name in data.classes]
    page = np.asarray(Image.open(paths[3]))
    first = data.images("train")[np.flatnonzero(data.labels("train") == 3)[0]]
    scale = (page.shape[0] - GAP) // 8 // 32
    assert np.array_equal(page[GAP : GAP + 32 * scale : scale, GAP : GAP + 32 * scale : scale], first)


def test_grey_pictures_have_grey_sheets(params, run_prepare, picture, tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(10):
            picture(f"{name}/{number}.png", mode="L")
    run_prepare(params())
    paths = preview(Prepared.load(tmp_path / "prepared"), tmp_path / "preview")
    assert Image.open(paths[0]).mode == "L"
