"""What `prepare` leaves on disk, and what it refuses."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import SettingError
from harness.data import prepare as prepare_module
from harness.data.prepare import channel_statistics, prepare
from harness.data.prepared import Prepared
from harness.data.progress import silent
from harness.data.sources import SOURCE, SPLITS

SMALL = {"source": "synthetic", "train_images": 60, "validation_images": 20, "test_images": 30}


def test_arrays_and_manifest_agree(params, run_prepare, tmp_path: Path) -> None:
    manifest = run_prepare(params(**SMALL))
    data = Prepared.load(tmp_path / "prepared")
    assert manifest["splits"] == {"train": 60, "validation": 20, "test": 30}
    for split, count in manifest["splits"].items():
        images, labels = data.images(split), data.labels(split)
        assert (images.shape, images.dtype, images.flags.c_contiguous) == ((count, 32, 32, 3), np.uint8, True)
        assert (labels.shape, labels.dtype) == ((count,), np.int64)
        assert len(set(np.bincount(labels))) == 1
        assert not images.flags.writeable
    assert data.classes == tuple(manifest["classes"])
    assert data.image_size == (32, 32, 3)
    assert len(data.digest) >= 16
    assert json.loads((tmp_path / "prepared" / "manifest.json").read_text()) == manifest


def test_the_same_settings_give_the_same_bytes(params, run_prepare, tmp_path: Path) -> None:
    run_prepare(params(**SMALL))
    first = {path.name: path.read_bytes() for path in (tmp_path / "prepared").iterdir()}
    shutil.rmtree(tmp_path / "prepared")
    run_prepare(params(**SMALL))
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "prepared").iterdir()}


def test_the_digest_follows_the_pixels(params, run_prepare) -> None:
    digests = {run_prepare(params(**SMALL | change))["digest"] for change in ({}, {"seed": 1}, {"train_images": 70})}
    assert len(digests) == 3


def test_statistics_are_those_of_the_training_split(params, run_prepare, tmp_path: Path) -> None:
    run_prepare(params(**SMALL))
    data = Prepared.load(tmp_path / "prepared")
    train = data.images("train") / 255
    assert np.allclose(data.mean, train.mean(axis=(0, 1, 2)), atol=1e-12)
    assert np.allclose(data.std, train.std(axis=(0, 1, 2)), atol=1e-12)
    assert not np.allclose(data.mean, (data.images("test") / 255).mean(axis=(0, 1, 2)), atol=1e-5)


def test_a_constant_channel_can_be_divided_by() -> None:
    _, std = channel_statistics(np.full((3, 4, 4, 1), 7, dtype=np.uint8))
    assert std[0] > 0


def test_a_crash_leaves_the_old_folder_or_none(params, run_prepare, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "prepared"
    old = run_prepare(params(**SMALL))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prepare_module, "describe", crash)
        with pytest.raises(KeyboardInterrupt):
            run_prepare(params(**SMALL | {"seed": 1}))
    assert Prepared.load(out).digest == old["digest"]
    with monkeypatch.context() as patch:
        patch.setattr(prepare_module.os, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            run_prepare(params(**SMALL | {"seed": 1}))
    with pytest.raises(SettingError, match="no prepared data"):
        Prepared.load(out)
    assert run_prepare(params(**SMALL)) == old


def test_an_unknown_source_offers_the_nearest(params, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"unknown data.source 'cifar_10' in params.yaml; did you mean 'cifar10'\?"):
        prepare(params(source="cifar_10"), tmp_path / "prepared", silent)


def test_every_source_registers_itself(params, tmp_path: Path) -> None:
    assert {"synthetic", "image_folder", "cifar10", "cifar100"} <= set(SOURCE.names)


def test_progress_reaches_the_end_of_every_split(params, tmp_path: Path) -> None:
    calls: dict[str, tuple[int, int]] = {}
    prepare(params(**SMALL), tmp_path / "prepared", lambda what, done, total: calls.update({what: (done, total)}))
    assert calls == {"train": (60, 60), "validation": (20, 20), "test": (30, 30)}
    assert set(calls) == set(SPLITS)


def test_without_a_terminal_there_are_plain_lines(params, tmp_path: Path, capsys) -> None:
    prepare(params(**SMALL), tmp_path / "prepared")
    assert "train: 60 of 60 pictures" in capsys.readouterr().err
