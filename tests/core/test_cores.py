import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.cores import JOB_CORES, cores
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of 64 cores, without a batch system."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    for name in JOB_CORES:
        monkeypatch.delenv(name, raising=False)


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("DOT", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_without_limits_it_is_what_the_process_may_run_on(tmp_path: Path) -> None:
    assert cores(tmp_path) == 64


@pytest.mark.parametrize(("limit", "found"), [("150000 100000", 2), ("max 100000", 64), ("50000 100000", 1), ("", 64)])
def test_a_container_of_the_second_version(tmp_path: Path, limit: str, found: int) -> None:
    write(tmp_path, proc__self__cgroup="0::/\n", sys__fs__cgroup__cpuDOTmax=limit)
    assert cores(tmp_path) == found


def test_a_limit_above_counts_too(tmp_path: Path) -> None:
    write(
        tmp_path,
        proc__self__cgroup="0::/user/job\n",
        sys__fs__cgroup__user__cpuDOTmax="300000 100000",
        sys__fs__cgroup__user__job__cpuDOTmax="max 100000",
    )
    assert cores(tmp_path) == 3


@pytest.mark.parametrize(("quota", "found"), [("400000", 4), ("-1", 64)])
def test_a_container_of_the_first_version(tmp_path: Path, quota: str, found: int) -> None:
    write(
        tmp_path,
        proc__self__cgroup="4:memory:/x\n1:cpu,cpuacct:/docker/f00\n0::/\n",
        sys__fs__cgroup__cpu__cpuDOTcfs_quota_us=quota,
        sys__fs__cgroup__cpu__cpuDOTcfs_period_us="100000",
    )
    assert cores(tmp_path) == found


@pytest.mark.parametrize("name", JOB_CORES)
def test_a_job_of_a_batch_system(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "8")
    assert cores(tmp_path) == 8
    monkeypatch.setenv(name, "many")
    assert cores(tmp_path) == 64


POOL = """
from multiprocessing import get_context
from harness.core.cores import process_pool
if __name__ == "__main__":
    with process_pool(2, get_context("spawn")) as pool:
        print(type(pool).__name__, list(pool.map(abs, [-1, -2])))
        try:
            pool.submit(int, "x").result()
        except ValueError:
            print("as ever")
"""


@pytest.mark.parametrize(("size", "kind"), [("64k", "ProcessPoolExecutor"), ("4k", "InTurn")])
def test_work_is_done_without_shared_memory(size: str, kind: str, tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    # A namespace of its own, in which anyone may mount.
    alone = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size={size} tmpfs /dev/shm"
    if subprocess.run([*alone, mount], capture_output=True).returncode:
        pytest.skip("this system lets nobody mount")
    command = [*alone, f'{mount} && exec "$@"', "sh", sys.executable, str(script)]
    done = subprocess.run(command, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.stdout == f"{kind} [1, 2]\nas ever\n", done.stderr
