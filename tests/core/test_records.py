import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import SettingError
from harness.core.records import Store, cache_folder, discard
from harness.core.spec import RunResult, RunSpec
from harness.training.search import execute
from harness.training.split import RunData
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
        probes=["gap"],
        members=[],
        arrays={"test_probabilities": np.eye(3, dtype=np.float16)},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.write(result())
    read = store.read("f0")
    assert {**vars(read), "arrays": {}} == {**vars(result()), "arrays": {}}
    assert np.array_equal(store.arrays("f0")["test_probabilities"], np.eye(3))


def test_an_older_format_is_read_and_a_later_one_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    # Written before records had a format.
    shutil.copytree(Path(__file__).parents[1] / "samples" / "format-1", tmp_path / "runs" / "old")
    read = store.read("old")
    assert (read.status, read.seed, read.settings["activation"]) == ("done", 0, "relu")
    assert read.probes is None and read.members is None, "it doesn't say"
    store.write(result("new"))
    path = tmp_path / "runs" / "new" / "record.json"
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
    with pytest.raises(SettingError, match="its format is 3, later than 2"):
        store.read("new")


def test_a_record_knows_its_run(spec: Callable[..., RunSpec], run_data: RunData, tmp_path: Path) -> None:
    watched = replace(spec(dropout=0.25, augmentation={"crop": {"shift": 0.25}}), probes=("gap", "weights"))
    store = Store(tmp_path / "runs")
    store.write(execute(watched, run_data))
    assert store.read(watched.fingerprint).spec == watched


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
from harness.core.records import Store, cache_folder, discard
from tests.core.test_records import result
store = Store(Path(sys.argv[1]))
number = 0
while True:
    store.write(result(f"run{number}"))
    print("written", flush=True)
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


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_cache_gives_back_what_its_store_has_lost(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs", tmp_path / "cache" / "records")
    for name in ("a", "b", "c"):
        store.write(result(name))
    assert names(tmp_path / "runs") == names(tmp_path / "cache" / "records") == {"a", "b", "c"}
    # One file under two names takes its room once.
    assert os.path.samefile(
        tmp_path / "runs" / "a" / "record.json", tmp_path / "cache" / "records" / "a" / "record.json"
    )
    shutil.rmtree(tmp_path / "runs")
    assert store.missing(["a", "b", "c", "d"]) == {"d"}
    assert store.read("a").metrics["test_accuracy"] == 0.5 and store.arrays("a")
    store.settle(["a", "b"])
    assert names(tmp_path / "runs") == {"a", "b"}
    store.settle(["c"])
    assert names(tmp_path / "runs") == {"c"} and store.missing(["a", "b", "c"]) == set()
    assert Store(tmp_path / "runs").missing(["a", "c"]) == {"a"}


def test_records_that_came_from_elsewhere_are_adopted(tmp_path: Path) -> None:
    Store(tmp_path / "runs").write(result("pulled"))
    store = Store(tmp_path / "runs", tmp_path / "cache" / "records")
    store.adopt()
    store.settle([])
    assert store.has("pulled") and names(tmp_path / "runs") == set()


def test_without_a_cache_nothing_is_removed(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.write(result("a"))
    store.adopt()
    store.settle([])
    assert store.has("a")


def test_where_links_cannot_be_the_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("links between file systems")

    monkeypatch.setattr(os, "link", refuse)
    store = Store(tmp_path / "runs", tmp_path / "cache" / "records")
    store.write(result("a"))
    assert (tmp_path / "runs" / "a" / "record.json").read_text() and Store(tmp_path / "runs").arrays("a")


def test_a_record_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(os.readlink(f"/proc/self/fd/{file}")), sync(file))[1])
    monkeypatch.setattr(os, "rename", lambda one, other: (done.append("rename"), rename(one, other))[1])
    Store(tmp_path / "runs").write(result("a"))
    before, after = done[: done.index("rename")], done[done.index("rename") + 1 :]
    assert {Path(path).name for path in before[:2]} == {"record.json", "arrays.npz"} and len(before) == 3
    assert after == [str(tmp_path / "runs")]


def test_what_no_training_used_for_long_is_pruned(tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "records"
    store = Store(tmp_path / "runs", cache)
    for name in ("old", "used"):
        store.write(result(name))
        os.utime(cache / name, (time.time() - 40 * 86400,) * 2)
    store.settle(["used"])
    assert discard(cache, 30) == 1 and names(cache) == {"used"}
    assert discard(tmp_path / "nowhere", 30) == 0


def test_the_cache_is_where_dvc_keeps_its_own(tmp_path: Path) -> None:
    assert cache_folder(tmp_path) is None
    dvc = tmp_path / ".dvc"
    dvc.mkdir()
    assert cache_folder(tmp_path) == dvc / "cache" / "records"
    (dvc / "config").write_text(
        "[core]\n    analytics = false\n[cache]\n    dir = ../shared\n['remote \"x\"']\n    url = /a\n"
    )
    assert cache_folder(tmp_path) == tmp_path / "shared" / "records"
    (dvc / "config.local").write_text("[cache]\n    type = hardlink\n    dir = /elsewhere/c\n")
    assert cache_folder(tmp_path) == Path("/elsewhere/c/records")


def test_worktrees_share_the_cache_of_the_first(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (first / ".dvc").mkdir(parents=True)
    (first / ".dvc" / "config").touch()
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"], ["worktree", "add", "-q", str(second)]):
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *command], cwd=first, check=True, capture_output=True)
    assert cache_folder(second) == cache_folder(first) == first / ".dvc" / "cache" / "records"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{", "it"),
        ("[]", "it"),
        ('{"profile": "quick", "data": {}, "base": {}, "studies": [{"name": "a"}]}', "studies.0."),
    ],
)
def test_a_damaged_plan_is_one_line(text: str, place: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    with pytest.raises(SettingError, match="is missing; run `dvc repro train` first"):
        store.read_plan()
    store.plan_path.write_text(text)
    with pytest.raises(SettingError, match=f"damaged or of another version: {re.escape(place)}") as caught:
        store.read_plan()
    assert "\n" not in str(caught.value)
