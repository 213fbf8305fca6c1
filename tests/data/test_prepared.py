"""Reading a prepared folder, and saying what to do where there is none."""

from pathlib import Path

import pytest

from harness.core.errors import SettingError
from harness.data.prepared import Prepared

SMALL = {"source": "synthetic", "image_size": 8, "train_images": 10, "validation_images": 10, "test_images": 10}


def test_a_missing_folder_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"no prepared data in .*nowhere; run `dvc repro prepare` first"):
        Prepared.load(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["{", "{}", "[]"])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(SettingError, match=r"manifest.json is damaged"):
        Prepared.load(tmp_path)


def test_a_damaged_array_is_named(params, run_prepare, tmp_path: Path) -> None:
    run_prepare(params(**SMALL))
    path = tmp_path / "prepared" / "train_images.npy"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(SettingError, match=r"train_images.npy is missing or damaged"):
        Prepared.load(tmp_path / "prepared").images("train")
