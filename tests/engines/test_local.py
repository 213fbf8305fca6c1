import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.data.prepared import Prepared
from harness.engines.events import Epoch, Failed, Finished
from harness.engines.local import Checkpoints, LocalEngine
from harness.records import Store
from harness.spec import RunResult, RunSpec
from harness.training.loop import run
from harness.training.split import RunData
from tests.conftest import ROOT, heed_interrupts
from tests.training.test_loop import numbers

Spec = Callable[..., RunSpec]


def results(specs: Sequence[RunSpec], prepared: Prepared, workers: int) -> dict[str, RunResult]:
    with LocalEngine(prepared.folder, workers) as engine:
        return {e.spec.fingerprint: e.result for e in engine.execute(specs) if isinstance(e, Finished)}


def test_neither_workers_nor_order_nor_process_change_a_result(
    spec: Spec, prepared: Prepared, run_data: RunData
) -> None:
    specs = [
        spec(seed=seed, **changes) for seed in (0, 1) for changes in ({}, {"dropout": 0.5}, {"augmentation": "all"})
    ]
    here = {s.fingerprint: numbers(run(s, run_data)) for s in specs}
    for order, workers in ((specs[::-1], 1), (specs[::2] + specs[1::2], 3)):
        assert {name: numbers(result) for name, result in results(order, prepared, workers).items()} == here


def test_events_and_bugs_are_told_while_the_pool_goes_on(spec: Spec, prepared: Prepared) -> None:
    # A width that no study could have: the net can't be built.
    broken = replace(spec(), settings=spec().settings.changed(width=-1), fingerprint="broken")
    with LocalEngine(prepared.folder, 2) as engine:
        first = list(engine.execute([spec(epochs=3)]))
        assert len(multiprocessing.active_children()) == 1, "no more processes than runs"
        second = list(engine.execute([broken]))
        third = list(engine.execute([spec(seed=1, epochs=1)]))
    assert not multiprocessing.active_children()
    assert [type(event) for event in first] == [Epoch, Epoch, Epoch, Finished]
    assert [event.point["epoch"] for event in first if isinstance(event, Epoch)] == [1, 2, 3]
    assert [type(event) for event in second] == [Failed]
    assert isinstance(second[0], Failed)
    assert "Traceback" in second[0].problem
    assert [type(event) for event in third] == [Epoch, Finished]


def test_a_killed_process_loses_nothing(spec: Spec, prepared: Prepared, run_data: RunData) -> None:
    long = spec(epochs=30)
    finished = []
    with LocalEngine(prepared.folder, 1) as engine:
        for event in engine.execute([long]):
            if isinstance(event, Epoch) and event.point["epoch"] == 2 and not finished:
                finished.append(None)
                os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
            if isinstance(event, Finished):
                finished.append(numbers(event.result))
    assert finished[-1] == numbers(run(long, run_data))


def test_a_killed_process_is_followed_by_one_that_goes_on(
    spec: Spec, prepared: Prepared, run_data: RunData, tmp_path: Path
) -> None:
    long = spec(epochs=30)
    epochs, killed = [], False
    with LocalEngine(prepared.folder, 1, Checkpoints(tmp_path, minutes=1e-6)) as engine:
        for event in engine.execute([long]):
            if isinstance(event, Finished):
                result = event.result
            elif isinstance(event, Epoch):
                epochs.append(event.point["epoch"])
                if event.point["epoch"] >= 10 and not killed:
                    killed = True
                    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
    assert 1 not in epochs[10:], "begun anew"
    assert numbers(result) == numbers(run(long, run_data))
    store = Store(tmp_path / "runs")
    assert list(tmp_path.iterdir()) == [tmp_path / long.fingerprint]
    store.checkpoints = tmp_path
    store.write(result)
    assert not (tmp_path / long.fingerprint).exists(), "a record makes it superfluous"


def test_a_run_that_kills_its_process_every_time_is_given_up(spec: Spec, prepared: Prepared) -> None:
    last: object = None
    with LocalEngine(prepared.folder, 1) as engine:
        for event in engine.execute([spec(epochs=30)]):
            last = event
            if isinstance(event, Epoch) and event.point["epoch"] == 1:
                os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
    assert isinstance(last, Failed)
    assert "SIGKILL" in last.problem
    assert "engine.workers" in last.problem


ENDLESS = """
import pickle, sys
from pathlib import Path
from harness.engines.local import LocalEngine

if __name__ == "__main__":
    with LocalEngine(Path(sys.argv[1]), 2) as engine:
        for event in engine.execute(pickle.loads(bytes.fromhex(sys.argv[2]))):
            print("event", flush=True)
"""


@pytest.fixture
def training(tmp_path: Path, spec: Spec, prepared: Prepared) -> subprocess.Popen[bytes]:
    """A process that trains two long runs, seen after its first epoch."""
    import pickle

    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    specs = pickle.dumps([spec(seed=seed, epochs=100_000) for seed in (0, 1)]).hex()
    command = [sys.executable, str(script), str(prepared.folder), specs]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_its_parent(training: subprocess.Popen[bytes], kind: signal.Signals) -> None:
    children = psutil.Process(training.pid).children(recursive=True)
    assert len(children) >= 2
    started = time.monotonic()
    training.send_signal(kind)
    training.wait(timeout=5)
    _, left = psutil.wait_procs(children, timeout=5)
    # Where nobody collects orphans, the dead stay listed.
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in left)
    assert time.monotonic() - started < 5
    training.communicate()


LONG_FOLDER = """
import sys
from pathlib import Path
from harness.engines.local import LocalEngine
if __name__ == "__main__":
    with LocalEngine(Path(sys.argv[1]), 1) as engine:
        print(list(engine.execute([])))
"""


def test_temporary_files_may_lie_in_a_folder_of_a_long_name(prepared: Prepared, tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    script = tmp_path / "script.py"
    script.write_text(LONG_FOLDER)
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(script), str(prepared.folder)], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
