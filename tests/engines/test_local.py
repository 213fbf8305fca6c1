import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import RunResult, RunSpec
from harness.data.prepared import Prepared
from harness.engines import local
from harness.engines.card import find_card
from harness.engines.events import Epoch, Failed, Finished
from harness.engines.local import Checkpoints, LocalEngine
from harness.training.loop import run
from harness.training.split import RunData
from tests.conftest import ROOT, heed_interrupts, shared
from tests.engines.rated import rated
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


def times_seen(folder: Path, what: object) -> int:
    """Note that something was seen, and say how often it was before."""
    seen = len(list(folder.glob(f"{what}-*")))
    (folder / f"{what}-{seen}").touch()
    return seen


def unlucky(connection: Connection, folder: Path, _: object) -> None:
    """A worker whose GPU fails under the first try of seed 1, and under every one of seed 3."""
    while True:
        spec = connection.recv()
        if (times_seen(folder, f"seed{spec.seed}") == 0 and spec.seed == 1) or spec.seed == 3:
            connection.send(Failed(spec, "the GPU failed", lost=True))
            time.sleep(60)  # what it is left with is no use, and it may hang
        connection.send(Finished(spec, SimpleNamespace(status="done")))  # type: ignore[arg-type]


def crowded(connection: Connection, folder: Path, _: object) -> None:
    """A worker that runs out of memory under the first try of seed 1, and under every one of seed 3."""
    while True:
        spec = connection.recv()
        full = (times_seen(folder, f"seed{spec.seed}") == 0 and spec.seed == 1) or spec.seed == 3
        status = "out of memory" if full else "done"
        connection.send(Finished(spec, SimpleNamespace(status=status)))  # type: ignore[arg-type]


@pytest.mark.parametrize("worker", [unlucky, crowded])
def test_what_a_neighbour_may_have_done_is_tried_once_more_alone(
    worker: object, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "work", worker)
    events, processes = [], []
    with LocalEngine(tmp_path, 3) as engine:
        for event in engine.execute([spec(seed=seed) for seed in range(6)]):
            events.append(event)
            processes.append(len(multiprocessing.active_children()))
    ended = {event.spec.seed: event for event in events}
    assert len(events) == 6 and set(list(ended)[-2:]) == {1, 3}
    assert processes[-2:] == [1, 1], "all others have ended"
    assert all(isinstance(ended[seed], Finished) for seed in (0, 1, 2, 4, 5))
    if worker is unlucky:
        assert isinstance(ended[3], Failed)
    else:
        assert isinstance(ended[3], Finished) and ended[3].result.status == "out of memory"
    assert {seed: len(list(tmp_path.glob(f"seed{seed}-*"))) for seed in range(4)} == {0: 1, 1: 2, 2: 1, 3: 2}


def test_memory_that_runs_out_without_a_neighbour_is_a_result_at_once(
    spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "work", crowded)
    with LocalEngine(tmp_path, 1) as engine:
        list(engine.execute([spec(seed=3)]))
    assert len(list(tmp_path.glob("seed3-*"))) == 1


@pytest.mark.parametrize(
    ("problem", "lost", "words"),
    [
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), True, "the GPU failed"),
        (torch.AcceleratorError("CUDA error: CUDA-capable device(s) is/are busy or unavailable"), True, "busy"),
        (RuntimeError("shapes do not match"), False, "Traceback"),
    ],
)
def test_a_worker_says_whether_it_can_go_on(
    problem: Exception, lost: bool, words: str, spec: Spec, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise problem

    # It takes what it needs when it starts, so that this process can play the worker.
    monkeypatch.setattr("harness.training.search.execute", fail)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    ours, its = multiprocessing.Pipe()
    ours.send(spec())
    answers: list[Failed] = []
    monkeypatch.setattr(type(its), "send", lambda self, answer: answers.append(answer) or ours.close())
    local.work(its, prepared.folder, None)
    assert answers[0].lost == lost
    assert words in answers[0].problem and str(problem) in answers[0].problem


@pytest.mark.parametrize(("room", "too_many", "found"), [(7, 99, 4), (1, 99, 2), (0, 99, 1), (7, 4, 2), (7, 1, 1)])
def test_so_many_processes_as_pay_share_a_gpu(
    room: int, too_many: int, found: int, spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "room").write_text(str(room))
    (tmp_path / "too_many").write_text(str(too_many))
    (tmp_path / "pids").mkdir()
    monkeypatch.setattr(local, "work", rated)
    monkeypatch.setattr(local, "cores", lambda: 16)
    with LocalEngine(tmp_path, None) as engine:
        assert engine.processes_that_pay(spec()) == found
        assert len(engine.pool) == found
        assert len(list(engine.execute([spec(seed=seed) for seed in range(8)]))) == 8


def test_real_processes_are_timed_and_train_on(spec: Spec, prepared: Prepared, run_data: RunData) -> None:
    with LocalEngine(prepared.folder, None) as engine:
        done = [event for event in engine.execute([spec()]) if isinstance(event, Finished)]
        assert engine.workers in (1, 2, 4, 8)
    assert numbers(done[0].result) == numbers(run(spec(), run_data))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_can_t_be_used_is_told_in_one_line() -> None:
    with pytest.raises(SettingError, match=r"^the GPU failed.*(CUDA error|NVIDIA driver)"):
        find_card()


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
    training.wait(timeout=shared(5))
    _, left = psutil.wait_procs(children, timeout=shared(5))
    # Where nobody collects orphans, the dead stay listed.
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in left)
    assert time.monotonic() - started < shared(5)
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
