"""What is read is counted against what lies there; a dry run shows it and writes one sheet of pictures."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.config import DataParams
from harness.core.errors import SettingError
from harness.data.census import remarks
from harness.data.dry_run import dry_run, would_stop
from harness.data.prepare import prepare
from harness.data.preview import ROWS
from harness.data.progress import silent


def lies_there(folder: Path) -> int:
    """Files below a folder, counted by another way than the bench does."""
    return sum(path.is_file() for path in folder.rglob("*"))


@pytest.fixture
def littered(folder: Path) -> Path:
    """Two classes, each with things of its own that aren't read."""
    for name in (".DS_Store", "Thumbs.db", "__MACOSX/._1.png", "__MACOSX/deep/._2.png", "notes.txt"):
        (folder / "cat" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cat" / name).write_bytes(b"litter")
    (folder / "dog" / "07.png").write_bytes(b"")
    Image.new("RGB", (8, 8)).save(folder / "dog" / "web.webp")
    for name in ("labels.csv", "loose.png"):
        (folder / name).write_bytes(b"x")
    (folder / "__MACOSX").mkdir()
    return folder


def there_and_read(manifest: dict, number: int) -> tuple[int, int]:
    name = manifest["classes"][number]
    read = sum(counts[number] for counts in manifest["per_class"].values())
    return read + sum(manifest["unread"].get(name, {}).values()), read


def test_every_file_is_read_or_counted(params, run_prepare, littered: Path) -> None:
    manifest = run_prepare(params(on_bad_image="skip"))
    assert manifest["unread"] == {"cat": {"hidden, litter": 4, "left out": 1}, "dog": {"left out": 2}}
    for number, name in enumerate(manifest["classes"]):
        assert there_and_read(manifest, number)[0] == lies_there(littered / name)
    said = "\n".join(remarks(manifest))
    assert f"1 hidden or litter in {littered}, passed over: __MACOSX" in said
    assert f"2 outside of the classes in {littered}, not read: labels.csv, loose.png" in said
    assert "3 files left out:" in said and "web.webp: this is WEBP, neither PNG nor JPEG" in said


def test_what_is_not_asked_for_is_counted_by_class(params, run_prepare, folder: Path) -> None:
    manifest = run_prepare(params(train_images=6, validation_images=4, test_images=4))
    assert manifest["unread"] == {"cat": {"not asked for": 13}, "dog": {"not asked for": 13}}
    assert run_prepare(params())["unread"] == {}


def test_generated_pictures_lie_nowhere(params, run_prepare) -> None:
    asked = {"train_images": 20, "validation_images": 10, "test_images": 10}
    assert run_prepare(params(source="synthetic", **asked))["unread"] == {}


def test_folders_beside_the_splits_are_said(params, run_prepare, picture, tmp_path: Path) -> None:
    for name in ("train/a", "train/b", "test/a", "test/b", "extra"):
        for number in range(10):
            picture(f"{name}/{number}.png")
    (tmp_path / "raw" / "train" / "readme.txt").write_text("x")
    notes = run_prepare(params())["notes"]
    assert f"1 outside of the classes in {tmp_path / 'raw'}, not read: extra/ (10 files)" in notes
    assert f"1 outside of the classes in {tmp_path / 'raw' / 'train'}, not read: readme.txt" in notes


def test_a_folder_linked_again_is_counted(params, run_prepare, folder: Path) -> None:
    (folder / "cat" / "loop").symlink_to(folder / "cat")
    assert run_prepare(params())["unread"] == {"cat": {"linked again": 1}}


def test_real_preparing_shows_the_table(params, littered: Path, tmp_path: Path, capsys) -> None:
    prepare(params(on_bad_image="skip"), tmp_path / "prepared")
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]] for line in capsys.readouterr().err.splitlines() if "│" in line
    ]
    assert [row for row in rows if row[1] == "cat"] == [["1", "cat", "25", "16", "2", "2", "1", "4"]]
    assert [row[:3] for row in rows if row[1] == "dog"] == [["2", "dog", "21"]]


def test_many_files_of_one_kind_are_one_line(params, run_prepare, folder: Path) -> None:
    for number in range(7):
        (folder / "cat" / f"{number}.txt").write_text("x")
    lines = remarks(run_prepare(params(on_bad_image="skip")))
    assert lines[0] == "7 files left out:" and len(lines) == 2
    assert lines[1].endswith("and 6 more: this is neither PNG nor JPEG")


def files_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


Dry = Callable[..., DataParams]


def test_a_dry_run_counts_as_prepare_does_and_writes_the_sheet_alone(
    params, run_prepare, littered: Path, tmp_path: Path
) -> None:
    before = files_below(tmp_path)
    sheet = tmp_path / "sheet.png"
    found = dry_run(params(), sheet, silent)
    assert files_below(tmp_path) - before == {sheet}
    stop = would_stop(params(), found)
    assert stop is not None and "prepare would stop at" in str(stop) and "data.on_bad_image: skip" in str(stop)
    manifest = run_prepare(params(on_bad_image="skip"))
    assert would_stop(params(on_bad_image="skip"), found) is None
    assert {name: found[name] for name in found if name != "root"} == {
        name: manifest[name] for name in found if name != "root"
    }


def test_the_sheet_shows_a_picture_of_each_class_as_it_is_read(params, picture, tmp_path: Path) -> None:
    classes = ROWS + 3
    for number in range(classes):
        for name in range(4):
            path = picture(f"{number:02}/{name}.png")
            # One colour for a class, and what the pictures of a class don't share in the corner.
            pixels = np.full((32, 32, 3), 20 * number, dtype=np.uint8)
            pixels[0, 0] = name
            Image.fromarray(pixels).save(path)
    sheet = tmp_path / "new" / "sheet.png"
    dry_run(params(train_images=2 * classes, validation_images=classes, test_images=classes), sheet, silent)
    page = np.asarray(Image.open(sheet))
    wide, tall = page.shape[1] // ROWS, page.shape[0] // 2
    for number in range(classes):
        row, column = divmod(number, ROWS)
        assert (page[row * tall + tall // 2, column * wide + wide // 2] == 20 * number).all()


def test_a_dry_run_fetches_nothing(params, tmp_path: Path) -> None:
    before = files_below(tmp_path)
    with pytest.raises(
        SettingError, match=r"prepare would download cifar-10-python.tar.gz .* and unpack it in data.root"
    ):
        dry_run(params(source="cifar10"), tmp_path / "sheet.png", silent)
    assert files_below(tmp_path) == before
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "cifar-10-python.tar.gz").write_bytes(b"archive")
    with pytest.raises(SettingError, match=r"prepare would unpack cifar-10-python.tar.gz"):
        dry_run(params(source="cifar10"), tmp_path / "sheet.png", silent)


def test_a_dry_run_ends_as_prepare_would(params, folder: Path, tmp_path: Path) -> None:
    os.mkdir(folder / "cow")
    with pytest.raises(SettingError, match=r"cow is empty; put pictures"):
        dry_run(params(), tmp_path / "sheet.png", silent)
    assert not (tmp_path / "sheet.png").exists()
