"""Training stopped in every way that DVC offers to run it: what is finished is never trained again."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.end_to_end.interrupts import RUNS, WAYS, Training, cached, forget, project_in, recorded, total
from tests.end_to_end.test_pipeline import ENVIRONMENT, dvc, git


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_in(tmp_path_factory.mktemp("interrupted"))


# One stands for the rest, which `make test-all` tries; test_pipeline.py kills `repro`.
QUICK = {("experiment", signal.SIGINT)}
HOWS = [
    pytest.param(way, how, id=f"{way} by {how.name}", marks=() if (way, how) in QUICK else pytest.mark.slow)
    for way in WAYS
    for how in (signal.SIGINT, signal.SIGKILL)
]
# Nothing of this takes half as long, however busy the machine.
MOST_SECONDS = 300


@pytest.mark.parametrize(("way", "how"), HOWS)
def test_the_same_command_goes_on_with_what_is_missing(way: str, how: signal.Signals, project: Path) -> None:
    forget(project)
    before = recorded(project)
    first = Training(project, way)
    while cached(project) < 4 and first.goes_on:
        time.sleep(0.02)
    assert first.goes_on
    first.stop(how)
    kept = cached(project)
    assert 4 <= kept < total(way)
    second = Training(project, way)
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline and second.goes_on and not (second.queued and cached(project) == total(way)):
        time.sleep(0.1)
    # DVC's workers would wait for further work.
    second.stop(signal.SIGKILL)
    assert cached(project) == total(way)
    # Nothing was even tried twice.
    assert recorded(project) - before == {"new": total(way)}


@pytest.mark.slow
def test_other_commands_of_dvc_lose_nothing_either(project: Path) -> None:
    forget(project)
    dvc(project, "repro", "train")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "trained")
    git(project, "checkout", "-q", "HEAD~1")
    # The commit before has no results: DVC says so, and removes those that are there.
    subprocess.run(["dvc", "checkout", "--force"], cwd=project, env=ENVIRONMENT, capture_output=True)
    assert not (project / "data" / "runs").exists()
    dvc(project, "gc", "--workspace", "--force")
    assert cached(project) == RUNS
    git(project, "checkout", "-q", "main")
    said = dvc(project, "repro", "--force", "train", progress=True)
    assert "runs recorded" in said
    assert not re.search(r"\d+ of \d+ runs", said), "nothing was left to train"
    # The output of the stage holds the records of its plan, no fewer and no more.
    dvc(project, "exp", "run", "-S", "studies=[kernel_size]", "train")
    assert len(list((project / "data" / "runs").iterdir())) == 4
    assert cached(project) == RUNS + 3
