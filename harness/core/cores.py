"""How many cores this process may use, which is often fewer than the machine has."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from math import ceil
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
# What batch systems call the cores of a job: Slurm, PBS, Grid Engine, LSF.
JOB_CORES = ("SLURM_CPUS_PER_TASK", "NCPUS", "NSLOTS", "LSB_DJOB_NUMPROC")


def cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use: of the machine, of its container, of its job; 1 at least."""
    limits = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    limits += [int(value) for name in JOB_CORES if (value := os.environ.get(name, "")).isdigit()]
    limits += [ceil(quota) for quota in container_quotas(root)]
    return max(1, min(limits))


class InTurn(Executor):
    """An executor of this process: what is submitted is done before `submit` returns."""

    def submit(self, call: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Call it, and return what came of it."""
        future: Future[T] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def process_pool(
    processes: int, context: BaseContext, begin: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> Executor:
    """Return a pool of processes, each of which calls `begin` first, as this one has.

    Where the system has no room for its locks, as in a full /dev/shm, it is this process.
    """
    try:
        return ProcessPoolExecutor(processes, context, begin, arguments)
    except (OSError, ImportError, NotImplementedError):
        return InTurn()


def container_quotas(root: Path) -> Iterator[float]:
    """Yield the cores that control groups of Linux grant, of either version, this process's own and those above."""
    groups = root / "sys" / "fs" / "cgroup"
    try:
        lines = (root / "proc" / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, own = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = groups / "cpu" if controllers else groups
        place = top / own.lstrip("/")
        for folder in (place, *place.parents):
            if top not in (folder, *folder.parents):
                break
            with suppress(OSError, ValueError):
                if controllers:
                    quota = int((folder / "cpu.cfs_quota_us").read_text())
                    period = int((folder / "cpu.cfs_period_us").read_text())
                else:
                    # "max" where there is no limit, which is no number.
                    quota, period = map(int, (folder / "cpu.max").read_text().split())
                if quota > 0 and period > 0:
                    yield quota / period
