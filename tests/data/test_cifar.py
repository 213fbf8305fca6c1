"""CIFAR without a network, and from an archive that is already there."""

import hashlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import SettingError

datasets = pytest.importorskip("torchvision.datasets")


@pytest.mark.parametrize("name", ["CIFAR10", "CIFAR100"])
def test_no_network_is_one_line_with_both_ways_out(params, run_prepare, monkeypatch, name: str) -> None:
    # A port that nothing listens on refuses at once.
    monkeypatch.setattr(getattr(datasets, name), "url", "http://127.0.0.1:9/archive.tar.gz")
    with pytest.raises(SettingError, match=r"put the official .*-python.tar.gz there, or use data.source") as caught:
        run_prepare(params(source=name.lower()))
    assert "\n" not in str(caught.value)


def test_an_archive_in_the_root_is_read(params, run_prepare, monkeypatch, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    inner = tmp_path / "cifar-10-batches-py"
    inner.mkdir()
    batches = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    contents = {
        name: {"data": rng.integers(0, 256, (40, 3072), dtype=np.uint8), "labels": [*range(10)] * 4} for name in batches
    }
    contents["batches.meta"] = {"label_names": [f"class {number}" for number in range(10)]}
    md5 = {}
    for name, content in contents.items():
        (inner / name).write_bytes(pickle.dumps(content))
        md5[name] = hashlib.md5((inner / name).read_bytes()).hexdigest()
    root = tmp_path / "raw"
    root.mkdir()
    archive = root / datasets.CIFAR10.filename
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(inner, inner.name)
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(datasets.CIFAR10, "train_list", [[name, md5[name]] for name in batches[:5]])
    monkeypatch.setattr(datasets.CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5["batches.meta"]}
    monkeypatch.setattr(datasets.CIFAR10, "meta", meta)
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:9/archive.tar.gz")
    manifest = run_prepare(params(source="cifar10", image_size=16))
    assert manifest["splits"] == {"train": 180, "validation": 20, "test": 40}
    assert manifest["image_size"] == [16, 16, 3]


def test_a_damaged_archive_is_named_with_its_checksum(params, run_prepare, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.CIFAR10, "url", "http://127.0.0.1:9/archive.tar.gz")
    archive = tmp_path / "raw" / datasets.CIFAR10.filename
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(b"the first half of it")
    with pytest.raises(SettingError, match="is damaged or another file: its MD5 is") as caught:
        run_prepare(params(source="cifar10"))
    assert str(archive) in str(caught.value) and datasets.CIFAR10.tgz_md5 in str(caught.value)
    assert archive.read_bytes() == b"the first half of it"
