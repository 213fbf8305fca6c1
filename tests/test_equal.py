import shutil
import subprocess
import sys
from pathlib import Path

from harness.core.records import Store
from tests.conftest import ROOT
from tests.report.made_up import Bench


def grid(folder: Path) -> Store:
    bench = Bench(folder / "data")
    bench.study("activation", "activation", {"relu": 0.7, "tanh": 0.6}, "relu")
    return bench.save()


def compared(one: Path, other: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "benchmarks" / "equal.py", one, other]
    return subprocess.run(command, capture_output=True, text=True)


def test_what_differs_between_the_runs_of_two_grids_is_named(tmp_path: Path) -> None:
    stores = [grid(tmp_path / name) for name in ("before", "after")]
    same = compared(tmp_path / "before", tmp_path / "after")
    assert same.returncode == 0 and same.stdout.startswith("6 runs in both (6 and 6), 6 of one fingerprint; 0 differ")

    path = next(one for one in stores[1].root.iterdir() if not one.name.startswith("."))
    record = stores[1].read(path.name)
    record.arrays = stores[1].arrays(path.name)
    record.metrics["test_accuracy"] += 1e-9
    record.metrics["train_seconds"] += 1
    shutil.rmtree(path)
    stores[1].write(record)
    changed = compared(tmp_path / "before", tmp_path / "after")
    assert changed.returncode == 1
    assert f"{path.name} and {path.name}: test_accuracy\n" in changed.stdout
    assert "; 1 differ" in changed.stdout
