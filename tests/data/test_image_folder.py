"""Folders of pictures: what is read, and one clear line for everything that can be wrong with them."""

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.core.errors import SettingError
from harness.data import image_folder as module
from harness.data.prepared import Prepared

ARCHIVE = Path(__file__).parents[2].parent / "shared" / "data" / "cifar10-images.tar.xz"


def test_png_files_come_back_bit_by_bit(params, run_prepare, folder: Path, tmp_path: Path) -> None:
    run_prepare(params())
    data = Prepared.load(tmp_path / "prepared")
    written = {np.asarray(Image.open(path)).tobytes(): path.parent.name for path in folder.rglob("*.png")}
    for split in ("train", "validation", "test"):
        for image, label in zip(data.images(split), data.labels(split), strict=True):
            assert written.pop(image.tobytes()) == data.classes[label]
    assert not written


def test_only_the_chosen_files_are_decoded(params, run_prepare, folder: Path, monkeypatch) -> None:
    opened: list[Path] = []
    real = module.decode
    monkeypatch.setattr(module, "decode", lambda path, size: opened.append(path) or real(path, size))
    run_prepare(params(train_images=4, validation_images=2, test_images=2))
    assert len(opened) == 8


def test_train_and_test_folders(params, run_prepare, picture) -> None:
    for split, count in (("train", 10), ("test", 5)):
        for name in ("a", "b"):
            for number in range(count):
                picture(f"{split}/{name}/{number}.png")
    assert run_prepare(params())["splits"] == {"train": 18, "validation": 2, "test": 10}


def test_a_class_may_be_called_train(params, run_prepare, picture) -> None:
    for name in ("train", "bus"):
        for number in range(10):
            picture(f"{name}/{number}.png")
    assert run_prepare(params())["classes"] == ["bus", "train"]


def test_other_sizes_kinds_and_names_are_read(params, run_prepare, folder: Path, picture) -> None:
    picture("cat/LARGE.JPG", size=90)
    picture("cat/clear.png", mode="RGBA")
    picture("dog/nested/deep/Ünïcode.jpeg", size=8)
    with Image.open(picture("dog/palette.png")) as image:
        image.quantize(16).save(folder / "dog" / "palette.png")
    for name in (".DS_Store", "Thumbs.db", ".hidden/x.png"):
        (folder / "cat" / name).parent.mkdir(exist_ok=True)
        (folder / "cat" / name).write_bytes(b"litter")
    manifest = run_prepare(params())
    assert sum(manifest["splits"].values()) == 44
    assert manifest["image_size"] == [32, 32, 3]


def test_grey_pictures_keep_one_channel(params, run_prepare, picture) -> None:
    for name in ("a", "ä"):
        for number in range(10):
            picture(f"{name}/{number}.png", mode="L")
    manifest = run_prepare(params())
    assert manifest["image_size"] == [32, 32, 1]
    assert manifest["classes"] == ["a", "ä"]


def test_a_missing_root(params, run_prepare) -> None:
    with pytest.raises(SettingError, match=r"data.root .*raw is missing or no folder; expected <class>"):
        run_prepare(params())


def test_an_empty_root(params, run_prepare, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(SettingError, match=r"raw has no class folders; expected"):
        run_prepare(params())


def test_an_empty_class(params, run_prepare, folder: Path) -> None:
    (folder / "cow").mkdir()
    with pytest.raises(SettingError, match=r"cow is empty; put pictures"):
        run_prepare(params())


def test_only_one_class(params, run_prepare, picture) -> None:
    picture("cat/1.png")
    with pytest.raises(SettingError, match=r"only one class, 'cat'.* is data.root the right folder"):
        run_prepare(params())


def test_a_class_absent_from_a_split(params, run_prepare, picture) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "test/a/2.png"):
        picture(name)
    with pytest.raises(SettingError, match=r"class 'b' is in .*train but not in .*test"):
        run_prepare(params())


def spoil(folder: Path, kind: str) -> Path:
    """Damage one file of the class cat."""
    path = folder / "cat" / "07.png"
    whole = path.read_bytes()
    path.write_bytes({"truncated": whole[:900], "empty": b"", "text": b"not a picture"}[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "words"), [("truncated", "damaged"), ("empty", "file is empty"), ("text", "neither PNG nor JPEG")]
)
def test_a_bad_file_is_named_or_skipped(params, run_prepare, folder: Path, kind: str, words: str) -> None:
    path = spoil(folder, kind)
    with pytest.raises(
        SettingError, match=rf"07\.png: .*{words}.*; replace or remove it, or set data.on_bad_image"
    ) as e:
        run_prepare(params())
    assert "\n" not in str(e.value)
    manifest = run_prepare(params(on_bad_image="skip"))
    assert sum(manifest["splits"].values()) == 39
    assert [entry["file"] for entry in manifest["skipped"]] == [str(path)]


def test_skipped_files_are_shown(params, folder: Path, tmp_path: Path, capsys) -> None:
    from harness.data.prepare import prepare

    spoil(folder, "empty")
    prepare(params(on_bad_image="skip"), tmp_path / "prepared")
    shown = " ".join(capsys.readouterr().err.split())
    assert "1 file left out" in shown
    assert "07.png" in shown


def test_a_class_lost_by_skipping(params, run_prepare, picture, tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/1.png", "train/a/2.png", "train/b/2.png", "test/a/2.png", "test/b/3.png"):
        picture(name)
    (tmp_path / "raw" / "test" / "b" / "3.png").write_bytes(b"")
    with pytest.raises(SettingError, match=r"no picture of class 'b' is left for the test split"):
        run_prepare(params(on_bad_image="skip", validation_images=2))


def test_grey_among_coloured_files_are_counted(params, run_prepare, folder: Path, picture) -> None:
    for number in range(5):
        picture(f"dog/grey{number}.png", mode="L")
    with pytest.raises(SettingError, match=r"5 of 45 pictures are grey, the others colour: .*grey\d.png"):
        run_prepare(params())


def test_a_grey_split_beside_a_coloured_one(params, run_prepare, picture) -> None:
    for split, mode in (("train", "RGB"), ("test", "L")):
        for name in ("a", "b"):
            for number in range(10):
                picture(f"{split}/{name}/{number}.png", mode=mode)
    with pytest.raises(SettingError, match=r"train.*png has 3 channels, but .*test.*png has 1; convert all"):
        run_prepare(params())


def test_the_same_picture_in_two_splits(params, run_prepare, picture, tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("a", "b"):
            for number in range(10):
                picture(f"{split}/{name}/{number}.png")
    leaked = tmp_path / "raw" / "train" / "b" / "leak.png"
    Image.open(tmp_path / "raw" / "test" / "a" / "4.png").save(leaked, compress_level=0)
    with pytest.raises(
        SettingError, match=r"train.b.leak.png: the same picture as .*test.a.4.png, which is in the test"
    ):
        run_prepare(params(validation_images=2))
    manifest = run_prepare(params(validation_images=2, on_bad_image="skip"))
    assert manifest["skipped"][0]["file"] == str(leaked)


def test_real_photographs(params, run_prepare, tmp_path: Path) -> None:
    if not ARCHIVE.exists():
        pytest.skip(f"{ARCHIVE.name} is not beside the repository")
    with tarfile.open(ARCHIVE) as tar:
        for member in tar:
            if member.isfile():
                tar.extract(member, tmp_path / "all", filter="data")
                if len(list((tmp_path / "all").rglob("*.jpg"))) >= 200:
                    break
    # The archive may open with one class alone: halves of it stand for two.
    files = sorted((tmp_path / "all").rglob("*.jpg"))
    for number, path in enumerate(files):
        target = tmp_path / "raw" / ("first" if number < 100 else "second") / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    manifest = run_prepare(params())
    assert manifest["splits"] == {"train": 160, "validation": 20, "test": 20}
    assert all(0.2 < value < 0.8 for value in manifest["mean"])


@pytest.mark.parametrize(
    ("train", "test"),
    [("training", "testing"), ("Training_Set", "test-set"), ("trainset", "testset"), ("train_images", "TEST images")],
)
def test_splits_have_many_names(train: str, test: str, params, run_prepare, picture) -> None:
    for split, count in ((train, 10), (test, 5)):
        for name in "012":
            for number in range(count):
                picture(f"{split}/{name}/{number}.png")
    manifest = run_prepare(params())
    assert manifest["classes"] == ["0", "1", "2"] and manifest["splits"]["test"] == 15


def test_folders_that_look_like_splits_are_no_classes(params, run_prepare, picture) -> None:
    for split in ("part1", "part2"):
        for name in "012":
            for number in range(5):
                picture(f"{split}/{name}/{number}.png")
    with pytest.raises(SettingError, match=r"part1, part2 in .* hold folders of equal names .* call them train"):
        run_prepare(params())


def test_two_folders_for_one_split_are_refused(params, run_prepare, picture) -> None:
    for split in ("train", "val", "valid"):
        for name in "ab":
            for number in range(5):
                picture(f"{split}/{name}/{number}.png")
    with pytest.raises(SettingError, match=r"val and .*valid are both named after the validation split"):
        run_prepare(params())


def test_litter_of_archives_is_no_class(params, run_prepare, picture) -> None:
    for name in ("a", "b", "__MACOSX", "@eaDir", "a/__MACOSX", "b/.hidden"):
        for number in range(10):
            picture(f"{name}/{number}.png")
    manifest = run_prepare(params())
    assert manifest["classes"] == ["a", "b"] and sum(manifest["splits"].values()) == 20


def test_one_name_in_two_unicode_forms_loses_no_picture(params, run_prepare, picture) -> None:
    for name in ("caf\u00e9", "cafe\u0301", "b"):
        for number in range(10):
            picture(f"{name}/{number}.png")
    with pytest.raises(SettingError, match="two Unicode forms"):
        run_prepare(params())


def test_names_that_are_not_utf8(params, run_prepare, folder: Path, capsys) -> None:
    root = folder
    first = next(path for path in sorted(root.iterdir()) if path.is_dir())
    bad = os.fsencode(first) + b"/caf\xe9.png"
    with open(bad, "wb") as file:
        file.write(b"not a picture")
    with pytest.raises(SettingError) as caught:
        run_prepare(params())
    assert "caf\\xe9.png" in str(caught.value)
    str(caught.value).encode("utf-8")
    os.remove(bad)
    os.rename(first, os.fsencode(root) + b"/caf\xe9")
    with pytest.raises(SettingError, match=r"caf\\xe9 is not UTF-8; rename the folder"):
        run_prepare(params())


def test_linked_folders_are_read_once(params, run_prepare, picture, tmp_path: Path) -> None:
    for name in ("a", "b"):
        for number in range(10):
            picture(f"{name}/{number}.png")
    root = params().root
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for number in range(5):
        os.rename(root / "a" / f"{number}.png", elsewhere / f"{number}.png")
    (root / "a" / "linked").symlink_to(elsewhere)
    (root / "a" / "loop").symlink_to(root / "a")
    manifest = run_prepare(params())
    assert sum(manifest["splits"].values()) == 20
    assert any("is one class, its folders linked" in note for note in manifest["notes"])


def test_a_folder_with_two_labels_is_refused(params, run_prepare, folder: Path) -> None:
    (folder / "cat" / "more").symlink_to(folder / "dog")
    with pytest.raises(SettingError, match=r"dog and the class 'cat' lead to the same folder"):
        run_prepare(params())


def test_splits_inside_of_the_classes_are_refused(params, run_prepare, picture) -> None:
    for name in ("cat/train", "cat/test", "dog/train", "dog/test"):
        for number in range(5):
            picture(f"{name}/{number}.png")
    with pytest.raises(SettingError, match=r"put the splits outside and the classes inside, train/cat/\* instead of"):
        run_prepare(params())


def test_a_folder_that_may_not_be_seen_is_named(params, run_prepare, folder: Path, monkeypatch) -> None:
    inner = folder / "cat" / "inner"
    inner.mkdir()
    real = os.scandir

    def refuse(path):
        if os.fspath(path) == os.fspath(inner):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(SettingError, match=r"cat/inner can't be read \(Permission denied\); allow it"):
        run_prepare(params())


def test_a_pipe_is_no_picture(params, run_prepare, folder: Path) -> None:
    os.mkfifo(folder / "cat" / "pipe.png")
    with pytest.raises(SettingError, match=r"pipe\.png: this is no file; replace or remove it"):
        run_prepare(params())


def test_another_format_is_named(params, run_prepare, folder: Path) -> None:
    Image.new("RGB", (9, 9)).save(folder / "cat" / "07.png", "WEBP")
    with pytest.raises(SettingError, match=r"07\.png: this is WEBP, neither PNG nor JPEG"):
        run_prepare(params())


def test_names_that_differ_in_capitals_are_said(params, run_prepare, picture) -> None:
    for name in ("Cat", "cat", "dog"):
        for number in range(10):
            picture(f"{name}/{number}.png")
    notes = run_prepare(params())["notes"]
    assert any(note.startswith("classes 'Cat', 'cat' differ in capitals or spaces alone") for note in notes)
