"""Processes of this machine: one per core on a CPU, one on a GPU."""

import multiprocessing
import os
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cores import cores
from harness.engines.events import Epoch, Event, Failed, Finished
from harness.spec import RunSpec

if TYPE_CHECKING:
    from harness.training.checkpoint import Checkpoint
    from harness.training.recipe import Recipe

# A run whose process dies is tried once more: the kernel may have killed a neighbour's memory.
ATTEMPTS = 2
# Bytes of the folder of temporary files: the name of a socket in it may have 107.
LONGEST_FOLDER = 64


def default_workers(device: str) -> int:
    """Return the number of processes that use this machine well."""
    return 1 if device == "cuda" else cores()


def start_server() -> None:
    """Start the server that workers are forked from: what it imports takes seconds, in which the caller can go on."""
    # A fork of this process would inherit its threads; one of a server that has imported torch, and
    # done nothing else, starts at once: the import takes longer than many a run.
    multiprocessing.set_forkserver_preload(["harness.engines.preload"])
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER:
        usual, tempfile.tempdir = tempfile.tempdir, "/tmp"
        # Asked once, it stays.
        util.get_temp_dir()
        tempfile.tempdir = usual
    forkserver.ensure_running()


@dataclass(frozen=True)
class Checkpoints:
    """Where the state of a run is kept while it trains, and how often, so that one that was cut off can go on."""

    folder: Path
    minutes: float

    def of(self, spec: RunSpec) -> "Checkpoint":
        """Return the checkpoint of one run, which need not be there."""
        from harness.training.checkpoint import Checkpoint

        return Checkpoint(self.folder / spec.fingerprint, self.minutes * 60)


class LocalEngine:
    """A pool of processes that lives as long as its `with` block.

    Leaving the block, also by an interrupt, ends the processes at once; runs in them are lost.
    """

    def __init__(self, prepared: Path, workers: int, checkpoints: Checkpoints | None = None) -> None:
        self.prepared, self.workers, self.checkpoints = prepared, workers, checkpoints
        self.pool: list[Worker] = []

    def __enter__(self) -> "LocalEngine":
        start_server()
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.pool:
            worker.stop()

    def execute(self, specs: Sequence[RunSpec]) -> Iterator[Event]:
        """Yield the events of all runs, in the order in which they happen."""
        queue = deque((spec, 1) for spec in specs)
        while len(self.pool) < min(self.workers, len(specs)):
            self.pool.append(Worker(self.prepared, self.checkpoints))
        while True:
            for worker in self.pool:
                if worker.task is None and queue:
                    worker.start(*queue.popleft())
            busy = {worker.connection: worker for worker in self.pool if worker.task is not None}
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                assert worker.task is not None
                spec, attempt = worker.task
                try:
                    event = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    worker.restart()
                    if attempt < ATTEMPTS:
                        queue.appendleft((spec, attempt + 1))
                    else:
                        yield Failed(spec, f"its process died {ATTEMPTS} times ({worker.last_exit}); {MEMORY_HINT}")
                    continue
                if not isinstance(event, Epoch):
                    worker.task = None
                yield event


MEMORY_HINT = "if the machine ran out of memory, lower engine.workers"


@dataclass
class Worker:
    """A process and the pipe to it."""

    prepared: Path
    checkpoints: Checkpoints | None
    task: tuple[RunSpec, int] | None = None
    last_exit: str = ""

    def __post_init__(self) -> None:
        self.launch()

    def launch(self) -> None:
        """Start the process while the parent goes on."""
        start_server()
        context = multiprocessing.get_context("forkserver")
        self.connection, remote = context.Pipe()
        self.process: ForkServerProcess = context.Process(
            target=work, args=(remote, self.prepared, self.checkpoints), daemon=True
        )
        self.process.start()
        # Only the child must hold this end, so that its death is seen as the end of the pipe.
        remote.close()

    def start(self, spec: RunSpec, attempt: int) -> None:
        """Hand a run over."""
        self.task = (spec, attempt)
        # If the process is gone, reading from it will tell, and the run is tried again.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(spec)

    def restart(self) -> None:
        """Replace a process that died."""
        self.stop()
        code = self.process.exitcode
        self.last_exit = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        self.task = None
        self.launch()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.connection.close()
        self.process.terminate()
        self.process.join(timeout=2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def work(connection: Connection, prepared: Path, checkpoints: Checkpoints | None) -> None:
    """Train the runs that come through the pipe until it closes; the body of a worker process."""
    # The terminal interrupts the whole group; the parent decides what ends when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from harness.data.prepared import Prepared
    from harness.probes import Observer
    from harness.training.search import execute
    from harness.training.split import RunData, load_run_data

    class Report(Observer):
        """Tells the parent of every epoch."""

        def __init__(self, spec: RunSpec) -> None:
            self.spec, self.begun, self.epoch = spec, 0, inf

        def after_epoch(self, recipe: "Recipe", point: dict[str, float]) -> None:
            self.begun += point["epoch"] <= self.epoch
            self.epoch = point["epoch"]
            searching = recipe.spec.settings.search != self.spec.settings.search
            connection.send(Epoch(self.spec, point, self.begun if searching else None))

    data: RunData | None = None
    while True:
        try:
            spec: RunSpec = connection.recv()
        except (EOFError, OSError):
            return
        try:
            data = data or load_run_data(Prepared.load(prepared), spec.device)
            kept = checkpoints.of(spec) if checkpoints else None
            event: Event = Finished(spec, execute(spec, data, [Report(spec)], kept))
        except (BrokenPipeError, ConnectionResetError):
            # The parent is gone: nobody waits for this run.
            return
        except Exception:
            event = Failed(spec, traceback.format_exc())
        connection.send(event)
