"""How many cores this process may use, which is often fewer than the machine has."""

import os
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path

# What batch systems call the cores of a job: Slurm, PBS, Grid Engine, LSF.
JOB_CORES = ("SLURM_CPUS_PER_TASK", "NCPUS", "NSLOTS", "LSB_DJOB_NUMPROC")


def cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use: of the machine, of its container, of its job; 1 at least."""
    limits = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    limits += [int(value) for name in JOB_CORES if (value := os.environ.get(name, "")).isdigit()]
    limits += [ceil(quota) for quota in container_quotas(root)]
    return max(1, min(limits))


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
