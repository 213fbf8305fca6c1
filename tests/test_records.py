import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness.errors import SettingError
from harness.records import Store
from harness.spec import RunResult
from tests.conftest import ROOT


def result(fingerprint: str = "f0", accuracy: float = 0.5) -> RunResult:
    return RunResult(
        fingerprint=fingerprint,
        status="done",
        settings={"depth": 3},
        seed=1,
        data_digest="d",
        metrics={"test_accuracy": accuracy, "epochs_to_target": None},
        curves={"epoch": [1, 2], "train_loss": [2.3, None]},
        per_class_accuracy={"a": 0.5},
        environment={"torch": "2"},
        arrays={"test_probabilities": np.eye(3, dtype=np.float16)},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.write(result())
    read = store.read("f0")
    assert {**vars(read), "arrays": {}} == {**vars(result()), "arrays": {}}
    assert np.array_equal(store.arrays("f0")["test_probabilities"], np.eye(3))


def test_a_record_is_never_changed(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.write(result(accuracy=0.5))
    store.write(result(accuracy=0.9))
    assert store.read("f0").metrics["test_accuracy"] == 0.5
    assert os.listdir(tmp_path) == ["runs"]


def test_missing(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.write(result("a"))
    assert store.missing(["a", "b"]) == {"b"}


def test_damage_and_absence_say_what_to_do(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    with pytest.raises(SettingError, match="dvc repro"):
        store.read("nowhere")
    with pytest.raises(SettingError, match="dvc repro train"):
        store.read_plan()
    store.write(result("a"))
    (tmp_path / "runs" / "a" / "record.json").write_text('{"status": "do')
    with pytest.raises(SettingError, match="damaged"):
        store.read("a")


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    with pytest.raises(ValueError, match="JSON"):
        store.write(result(accuracy=float("nan")))
    assert not store.has("f0")


WRITER = """
import sys
from pathlib import Path
from harness.records import Store
from tests.test_records import result
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
number = 0
while True:
    store.write(result(f"run{number}"))
    number += 1
"""


def test_a_killed_writer_leaves_whole_records_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "runs")]
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert writer.stdout is not None
    writer.stdout.readline()
    time.sleep(0.2)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    found = list((tmp_path / "runs").iterdir())
    assert found
    for folder in found:
        assert json.loads((folder / "record.json").read_text())["status"] == "done"
        assert (folder / "arrays.npz").is_file()
