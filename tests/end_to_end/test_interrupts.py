"""Training stopped in every way that DVC offers to run it: what is finished is never trained again."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.conftest import heed_interrupts
from tests.end_to_end.test_pipeline import ENVIRONMENT, dvc, fresh_copy, git

WAYS = {
    "repro": ["repro", "train"],
    "experiment": ["exp", "run", "train"],
    "temporary copy": ["exp", "run", "--temp", "train"],
}


def cached(folder: Path) -> int:
    """How many records the cache holds."""
    cache = folder / ".dvc" / "cache" / "records"
    return len(list(cache.iterdir())) if cache.is_dir() else 0


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fresh_copy(tmp_path_factory.mktemp("interrupted"), studies=["dropout"])
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("seeds: null", "seeds: 2", 1))
    dvc(folder, "repro", "prepare")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "prepared")
    return folder


def forget(folder: Path) -> None:
    """Undo all training, what DVC itself remembers of it included."""
    git(folder, "checkout", "--force", "HEAD")
    for path in (".dvc/cache/records", ".dvc/cache/runs", "data/runs"):
        shutil.rmtree(folder / path, ignore_errors=True)


def trained(folder: Path, *command: str) -> int:
    """How many runs a command of DVC says that it trains."""
    done = subprocess.run(["dvc", *command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"\d+ of (\d+) runs", done.stdout + done.stderr)
    assert "runs recorded" in done.stdout + done.stderr
    return int(found[-1]) if found else 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill"])
@pytest.mark.parametrize("way", WAYS)
def test_the_same_command_goes_on_with_what_is_missing(way: str, how: signal.Signals, project: Path) -> None:
    forget(project)
    command = ["dvc", *WAYS[way]]
    # As Ctrl-C does, the whole group is told.
    first = subprocess.Popen(
        command, cwd=project, env=ENVIRONMENT, start_new_session=True, preexec_fn=heed_interrupts,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    while cached(project) < 4 and first.poll() is None:
        time.sleep(0.02)
    assert first.poll() is None
    family = psutil.Process(first.pid).children(recursive=True)
    os.killpg(first.pid, how)
    for process in family if how == signal.SIGKILL else ():
        if process.is_running():
            process.kill()
    said = first.communicate(timeout=60)[0].decode()
    psutil.wait_procs(family, timeout=20)
    kept = cached(project)
    assert 4 <= kept < 26, said
    assert trained(project, *WAYS[way]) == 26 - kept
    assert cached(project) == 26


def test_other_commands_of_dvc_lose_nothing_either(project: Path) -> None:
    """Follows the tests above, whose records it finds."""
    dvc(project, "repro", "train")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "trained")
    git(project, "checkout", "-q", "HEAD~1")
    # The commit before has no results: DVC says so, and removes those that are there.
    subprocess.run(["dvc", "checkout", "--force"], cwd=project, env=ENVIRONMENT, capture_output=True)
    assert not (project / "data" / "runs").exists()
    dvc(project, "gc", "--workspace", "--force")
    assert cached(project) == 26
    git(project, "checkout", "-q", "-")
    assert trained(project, "repro", "--force", "train") == 0
    # The output of the stage holds the records of its plan, no fewer and no more.
    dvc(project, "exp", "run", "-S", "seeds=1", "train")
    assert len(list((project / "data" / "runs").iterdir())) == 13
    assert cached(project) == 26
