"""Processes of this machine: one per core on a CPU; on a GPU as many as train the most together."""

import multiprocessing
import os
import signal
import tempfile
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from multiprocessing import forkserver, util
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.cores import cores
from harness.core.spec import RunSpec
from harness.engines.events import Epoch, Event, Failed, Finished
from harness.source.plugins import Plugin, loaded, register

if TYPE_CHECKING:
    from harness.engines.pace import Pace, Try
    from harness.training.checkpoint import Checkpoint
    from harness.training.recipe import Recipe

# A run whose process dies is tried once more: the kernel may have killed a neighbour's memory.
ATTEMPTS = 2
# Bytes of the folder of temporary files: the name of a socket in it may have 107.
LONGEST_FOLDER = 64
# Processes on one GPU: so many are tried, each for some seconds, until more of them no longer train this much more.
COUNTS, TRY_SECONDS, PAYS = (1, 2, 4, 8), 1.0, 1.1


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
    """A pool of processes that lives as long as its `with` block; `workers` None lets it find out how many pay.

    Leaving the block, also by an interrupt, ends the processes at once; runs in them are lost.
    """

    def __init__(self, prepared: Path, workers: int | None, checkpoints: Checkpoints | None = None) -> None:
        self.prepared, self.workers, self.checkpoints = prepared, workers, checkpoints
        self.pool: list[Worker] = []

    @staticmethod
    def default_workers(device: str) -> int | None:
        """Return the number of processes that use this machine well; None: to be measured when they start."""
        return None if device == "cuda" else cores()

    @staticmethod
    def warm_up() -> None:
        """Let the server import what takes seconds."""
        start_server()

    def __enter__(self) -> "LocalEngine":
        start_server()
        return self

    def __exit__(self, *_: object) -> None:
        self.shrink(0)

    def shrink(self, count: int) -> None:
        """End all processes but the first ones."""
        for worker in self.pool[count:]:
            worker.stop()
        del self.pool[count:]

    def grow(self, count: int) -> None:
        """Start processes until there are so many."""
        while len(self.pool) < count:
            self.pool.append(Worker(self.prepared, self.checkpoints))

    def execute(self, specs: Sequence[RunSpec]) -> Iterator[Event]:
        """Yield the events of all runs, in the order in which they happen.

        What may be a neighbour's doing (memory that ran out, a process that died, a GPU that failed) is no result: such
        a run is tried once more when all others are through, in the only process there is.
        """
        if self.workers is None and specs:
            self.workers = self.processes_that_pay(specs[0])
        queue, again = deque(specs), deque[RunSpec]()
        self.grow(min(self.workers or 1, len(specs)))
        while True:
            for worker in self.pool:
                if worker.spec is None and queue:
                    worker.start(queue.popleft())
            busy = {worker.connection: worker for worker in self.pool if worker.spec is not None}
            if not busy and again:
                self.shrink(1)
                self.pool[0].start(again.popleft(), attempt=ATTEMPTS)
                continue
            if not busy:
                return
            for connection in wait(list(busy)):
                worker = busy[connection]  # type: ignore[index]
                assert worker.spec is not None
                spec, last = worker.spec, worker.attempt == ATTEMPTS
                event = worker.next_event()
                if not last and self.blames_neighbours(event):
                    again.append(spec)
                else:
                    yield event

    def blames_neighbours(self, event: Event) -> bool:
        """Say whether what has happened to a run may not happen to it alone."""
        if isinstance(event, Finished):
            return event.result.status == "out of memory" and len(self.pool) > 1
        return isinstance(event, Failed) and event.lost

    def processes_that_pay(self, spec: RunSpec) -> int:
        """Return how many processes take the most steps of a run a second together, trying for some seconds."""
        from harness.engines.pace import Try

        best, most, room = 1, 0.0, 1
        for count in COUNTS:
            if count > min(room, cores()):
                break
            self.grow(count)
            # All must be ready before any is timed.
            ready = self.ask_all(Try(spec, 0.0)) and self.ask_all(Try(spec, TRY_SECONDS))
            if not ready or (together := sum(one.steps_per_second for one in ready)) < PAYS * most:
                break
            best, most, room = count, together, count + min(one.room for one in ready)
        self.shrink(best)
        return best

    def ask_all(self, wanted: "Try") -> "list[Pace]":
        """Return the answers of all processes; none if one of them fails, and then all are replaced."""
        from harness.engines.pace import Pace

        for worker in self.pool:
            worker.send(wanted)
        answers = [worker.receive() for worker in self.pool]
        paces = [answer for answer in answers if isinstance(answer, Pace)]
        if len(paces) == len(answers):
            return paces
        for worker in self.pool:
            worker.restart()
        return []


@dataclass
class Worker:
    """A process and the pipe to it."""

    prepared: Path
    checkpoints: Checkpoints | None
    spec: RunSpec | None = None
    attempt: int = 1

    def __post_init__(self) -> None:
        self.launch()

    def launch(self) -> None:
        """Start the process while the parent goes on."""
        start_server()
        context = multiprocessing.get_context("forkserver")
        self.connection, remote = context.Pipe()
        self.process: ForkServerProcess = context.Process(
            target=begin, args=(loaded(), work, remote, self.prepared, self.checkpoints), daemon=True
        )
        self.process.start()
        # Only the child must hold this end, so that its death is seen as the end of the pipe.
        remote.close()

    def start(self, spec: RunSpec, attempt: int = 1) -> None:
        """Hand a run over."""
        self.spec, self.attempt = spec, attempt
        self.send(spec)

    def send(self, what: object) -> None:
        """Hand something over; if the process is gone, reading from it will tell."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(what)

    def receive(self) -> object | None:
        """Return what the process says next; None if it is gone."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None

    def next_event(self) -> Event:
        """Return what has happened to the run; a process that died or lost its GPU is replaced."""
        spec, event = self.spec, self.receive()
        assert spec is not None
        if event is None:
            self.restart()
            hint = "if the machine ran out of memory, lower engine.workers"
            event = Failed(spec, f"its process died {ATTEMPTS} times ({self.last_exit}); {hint}", lost=True)
        elif isinstance(event, Failed) and event.lost:
            self.restart()
        if not isinstance(event, Epoch):
            self.spec = None
        return event  # type: ignore[return-value]

    def restart(self) -> None:
        """Replace a process that can't go on."""
        self.stop()
        code = self.process.exitcode
        self.last_exit = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        self.launch()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.connection.close()
        self.process.terminate()
        self.process.join(timeout=2)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def begin(plugins: Sequence[Plugin], body: Callable[..., None], *arguments: Any) -> None:
    """Load what the parent has loaded, and work; apart, since a fingerprint has the source of plugins, not of this."""
    register(plugins)
    body(*arguments)


def work(connection: Connection, prepared: Path, checkpoints: Checkpoints | None) -> None:
    """Train the runs that come through the pipe until it closes; the body of a worker process."""
    # The terminal interrupts the whole group; the parent decides what ends when.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from harness.data.prepared import Prepared
    from harness.probes import Observer
    from harness.training.device import leave_room, lost_card
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
            # A run, or what else there is to do with the data.
            spec: Any = connection.recv()
        except (EOFError, OSError):
            return
        try:
            data = data or load_run_data(Prepared.load(prepared), spec.device)
            if isinstance(spec, RunSpec):
                kept = checkpoints.of(spec) if checkpoints else None
                answer: object = Finished(spec, execute(spec, data, [Report(spec)], kept))
            else:
                answer = spec(data)
            leave_room(spec.device)
        except (BrokenPipeError, ConnectionResetError):
            # The parent is gone: nobody waits for this run.
            return
        except Exception as problem:
            words = lost_card(problem)
            answer = Failed(spec, "\n".join(filter(None, [words, traceback.format_exc()])), lost=words is not None)
        connection.send(answer)
