"""The machines of a Ray cluster; where there is none, this machine through Ray.

Ray shares out cores and GPUs, starts processes and begins a run anew whose process or machine is gone. The code of the
bench travels as a runtime environment; pictures and plugins through Ray's object store, once to every machine.
"""

import hashlib
import logging
import os
import socket
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from harness.core.cores import cores
from harness.core.errors import SettingError
from harness.core.spec import RunSpec
from harness.engines.events import Epoch, Event, Failed, Finished
from harness.engines.local import ATTEMPTS, Checkpoints, begin, work
from harness.source.plugins import GROUP, Plugin, loaded, packages

PACKAGE = Path(__file__).parents[1]
# Between two looks at how far runs are, unless one ends before.
LOOK_SECONDS = 0.5
ANSWER_SECONDS = 10

# Name of a file -> its bytes. As an array they are read where the object store has them, without a copy.
Files = dict[str, np.ndarray]


@dataclass(frozen=True)
class Terms:
    """What a machine must have in common with this one, for a fingerprint to stand for the same numbers on both.

    `digest` and `sizes` in bytes are those of the files that travel, `versions` and `sources` those of installed
    packages and plugins, `card` is the model of the GPU that the fingerprints name.
    """

    digest: str
    sizes: dict[str, int]
    plugins: tuple[Plugin, ...]
    versions: dict[str, str]
    sources: dict[str, str]
    card: str | None

    @classmethod
    def of(cls, files: Files, device: str) -> "Terms":
        """Return those of this process."""
        here = packages()
        sizes = {name: contents.size for name, contents in files.items()}
        return cls(digest_of(files), sizes, loaded(), here["versions"], here["source"], card_of(device))

    def check(self) -> None:
        """Refuse this machine if it differs; SettingError says in what."""
        there = packages()
        wrong = [
            f"{name} {there['versions'][name]} instead of {version}"
            for name, version in self.versions.items()
            if there["versions"].get(name, version) != version
        ]
        # The bench itself has travelled.
        wrong += [
            f"another {name}"
            for name, digest in self.sources.items()
            if name != GROUP and there["source"].get(name) != digest
        ]
        if self.card:
            from harness.training.device import this_card

            model = this_card().model
            wrong += [f"a {model} instead of a {self.card}"] if model != self.card else []
        if wrong:
            raise SettingError(
                f"engine.kind is ray, and {os.uname().nodename} has {', '.join(wrong[:3])}; install the same "
                "requirements.lock on all machines, with the same GPU, or leave that one out of the cluster"
            )


def card_of(device: str) -> str | None:
    """Return the model of the GPU that runs are planned for."""
    if device != "cuda":
        return None
    from harness.engines.card import find_card

    return find_card().model


def packed(prepared: Path) -> Files:
    """Return the files that travel: the prepared pictures, and plugins of the project."""
    paths = {f"prepared/{path.name}": path for path in prepared.iterdir() if path.is_file()}
    paths |= {f"plugins/{one.root.name}": one.root for one in loaded() if not one.installed}
    return {name: np.frombuffer(path.read_bytes(), dtype=np.uint8) for name, path in sorted(paths.items())}


def digest_of(files: Files) -> str:
    """Return what tells files from others."""
    found = hashlib.sha256()
    for name, contents in files.items():
        found.update(f"{name} {contents.size} ".encode())
        found.update(contents.data)
    return found.hexdigest()[:16]


# Of this process: where the files of a digest lie.
UNPACKED: dict[str, Path] = {}


def unpacked(terms: Terms, files: Sequence[Any]) -> Path:
    """Return the folder with the files that a reference stands for; what this machine lacks of them is fetched."""
    if terms.digest not in UNPACKED:
        terms.check()
        folder = Path(tempfile.gettempdir()) / f"convnet-bench-{terms.digest}"
        if lacking := [name for name, size in terms.sizes.items() if size_of(folder / name) != size]:
            contents: Files = ray.get(files[0])
            for name in lacking:
                replace_file(folder / name, contents[name])
        UNPACKED[terms.digest] = folder
    return UNPACKED[terms.digest]


def size_of(path: Path) -> int:
    """Return the bytes of a file, -1 if there is none."""
    return path.stat().st_size if path.is_file() else -1


def replace_file(path: Path, contents: np.ndarray) -> None:
    """Write a file that others read, or write too, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(contents.data)
    partial.replace(path)


class RayEngine:
    """Tasks of a Ray cluster while its `with` block lasts; at most `workers` at once, None: as many as have room.

    A run takes as many cores as it has threads, and on a GPU a whole one, or its share where there are more
    `workers` than GPUs.
    """

    def __init__(self, prepared: Path, workers: int | None, checkpoints: Checkpoints | None = None) -> None:
        self.prepared, self.workers = prepared.resolve(), workers
        # Where machines share no disk, a run that goes on elsewhere begins anew.
        self.checkpoints = checkpoints and replace(checkpoints, folder=checkpoints.folder.resolve())
        self.terms: tuple[Any, list[Any]] | None = None
        self.running: dict[Any, RunSpec] = {}

    @staticmethod
    def default_workers(device: str) -> int | None:
        """Return None: as many as the cluster has room for, which may grow."""
        return None

    @staticmethod
    def warm_up() -> None:
        """Do nothing: machines begin when they are given something."""

    def __enter__(self) -> "RayEngine":
        join()
        # Beside this process: another machine may go, and would take the queue with it.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self.queue = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        return self

    def __exit__(self, *_: object) -> None:
        for task in self.running:
            ray.cancel(task, force=True)
        self.queue.shutdown(force=True)
        ray.shutdown()

    def execute(self, specs: Sequence[RunSpec]) -> Iterator[Event]:
        """Yield the events of all runs, in the order in which they become known.

        Memory that ran out may be a neighbour's doing: such a run is tried once more with a machine for itself.
        """
        queue, again, alone = deque(specs), deque[RunSpec](), set[str]()
        self.largest = {
            name: max(node["Resources"].get(name, 0) for node in ray.nodes() if node["Alive"])
            for name in ("CPU", "GPU")
        }
        while queue or again or self.running:
            while queue and len(self.running) < (self.workers or len(specs)):
                self.start(queue.popleft())
            if not self.running:
                alone.add(again[0].fingerprint)
                self.start(again.popleft(), alone=True)
            ended, _ = ray.wait(list(self.running), timeout=LOOK_SECONDS)
            # A run has told of all its epochs before it ends.
            yield from self.queue.get_nowait_batch(self.queue.qsize())
            for task in ended:
                spec = self.running.pop(task)
                event = outcome(task, spec)
                crowded = isinstance(event, Finished) and event.result.status == "out of memory"
                if crowded and spec.fingerprint not in alone:
                    again.append(spec)
                else:
                    yield event

    def start(self, spec: RunSpec, alone: bool = False) -> None:
        """Hand a run to the cluster, which trains it as soon as there is room."""
        needed = self.needs(spec)
        if lacking := [name for name, count in needed.items() if count > self.largest[name]]:
            raise SettingError(
                f"engine.kind is ray, and no machine of the cluster has {needed[lacking[0]]:g} {lacking[0]} for a run; "
                "`ray status` shows what there is, engine.threads and engine.device say what is needed"
            )
        if alone:
            needed = {name: self.largest[name] if count else 0 for name, count in needed.items()}
        if self.terms is None:
            luggage = packed(self.prepared)
            # In a list: a task gets the reference, not all that it stands for.
            self.terms = ray.put(Terms.of(luggage, spec.device)), [ray.put(luggage)]
        task = ray.remote(train).options(num_cpus=needed["CPU"], num_gpus=needed["GPU"], max_retries=ATTEMPTS - 1)
        terms, files = self.terms
        self.running[task.remote(spec, terms, files, self.checkpoints, self.queue)] = spec

    def needs(self, spec: RunSpec) -> dict[str, float]:
        """Return the cores and the share of a GPU that a run takes."""
        gpus = ray.cluster_resources().get("GPU", 0) if spec.device == "cuda" else 0
        share = min(1.0, gpus / self.workers) if self.workers and gpus else 1.0
        return {"CPU": spec.threads, "GPU": share if spec.device == "cuda" else 0}


def join() -> None:
    """Join the cluster that RAY_ADDRESS names or that was started on this machine; else start one, of this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    how: dict[str, Any] = {
        "runtime_env": {"py_modules": [str(PACKAGE)]},
        "log_to_driver": False,
        "logging_level": logging.ERROR,
    }
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition("://")[2].rpartition(":")
    try:
        if host:
            # Ray itself would ask for minutes.
            socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()
        ray.init(address="auto", **how)
    except (OSError, ValueError) as problem:
        if address:
            raise SettingError(
                f"engine.kind is ray, and no cluster answers at RAY_ADDRESS={address} ({problem}); see `ray status` "
                "there, or unset it to use this machine alone"
            ) from problem
        ray.init(num_cpus=cores(), include_dashboard=False, **how)


def outcome(task: Any, spec: RunSpec) -> Event:
    """Return how a run has ended; SettingError if a machine can't train it as this one would."""
    try:
        return ray.get(task)
    except RayTaskError as problem:
        if isinstance(problem.cause, SettingError):
            raise problem.cause from None
        return Failed(spec, str(problem))
    except RayError as problem:
        return Failed(spec, f"Ray lost it {ATTEMPTS} times: {' '.join(str(problem).split())}", lost=True)


def train(spec: RunSpec, terms: Terms, files: Sequence[Any], checkpoints: Checkpoints | None, queue: Queue) -> Event:
    """Train a run on this machine of the cluster, the body of a task; its epochs go into the queue."""
    folder = unpacked(terms, files)
    plugins = [one if one.installed else replace(one, root=folder / "plugins" / one.root.name) for one in terms.plugins]
    line = Line(spec, queue)
    begin(plugins, work, line, folder / "prepared", checkpoints)
    assert line.last is not None
    return line.last


class Line:
    """What a worker has for a connection here: it gives one run, and takes what there is to tell of it."""

    def __init__(self, spec: RunSpec, queue: Queue) -> None:
        self.specs, self.queue = [spec], queue
        self.last: Event | None = None

    def recv(self) -> RunSpec:
        """Return the run, once."""
        if not self.specs:
            raise EOFError
        return self.specs.pop()

    def send(self, event: Event) -> None:
        """Pass an epoch on at once; what comes last is the result of the task."""
        if isinstance(event, Epoch):
            self.queue.put(event)
        else:
            self.last = event
