"""Stops training in all ways that DVC offers to run it, and watches whether anything finished is trained again.

python -m tests.end_to_end.interrupts --times 100     # at random moments, in a copy that holds 13 very short runs
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from tests.conftest import heed_interrupts
from tests.end_to_end.test_pipeline import ENVIRONMENT, dvc, fresh_copy, git

# What is called in turn; of the last one each command waits for the one before.
WAYS = {
    "repro": [["repro", "train"]],
    "experiment": [["exp", "run", "train"]],
    "temporary copy": [["exp", "run", "--temp", "train"]],
    "queue": [["exp", "run", "--queue", "train"], ["queue", "start"]],
    "two at once": [
        ["exp", "run", "--queue", "-S", "recipe.epochs=2", "train"],
        ["exp", "run", "--queue", "-S", "recipe.epochs=3", "train"],
        ["queue", "start", "-j", "2"],
    ],
}
QUEUED = ("queue", "two at once")
RUNS = 13
# Written by every Python process: a record under a name that was there before comes of a run that was trained again.
AUDIT = """
import os, sys

def note(event, arguments):
    if event == "os.rename" and os.path.basename(os.path.dirname(os.fspath(arguments[1]))) == "records":
        with open(os.environ["RECORDED"], "a") as log:
            log.write("again\\n" if os.path.isdir(arguments[1]) else "new\\n")

sys.addaudithook(note)
"""


def project_in(folder: Path) -> Path:
    """Commit a copy whose runs are short, with all that comes before training done."""
    project = fresh_copy(folder / "project", studies=["dropout"])
    dvc(project, "repro", "preflight")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "prepared")
    git(project, "branch", "--force", "-M", "main")
    return project


def cached(project: Path) -> int:
    """How many records the cache holds."""
    cache = project / ".dvc" / "cache" / "records"
    return sum(not name.startswith(".") for name in os.listdir(cache)) if cache.is_dir() else 0


def total(way: str) -> int:
    """How many runs there are to train."""
    return 2 * RUNS if way == "two at once" else RUNS


def forget(project: Path) -> None:
    """Undo all training, what DVC itself remembers of it included."""
    git(project, "checkout", "--force", "HEAD")
    for path in (".dvc/cache/records", ".dvc/cache/checkpoints", ".dvc/cache/runs", "data/runs", ".dvc/tmp/exps"):
        shutil.rmtree(project / path, ignore_errors=True)


class Training:
    """Training begun in one of the ways."""

    def __init__(self, project: Path, way: str) -> None:
        self.project, self.queued = project, way in QUEUED
        self.mark = f"{time.time_ns()}"
        (hooks := project.parent / "hooks").mkdir(exist_ok=True)
        (hooks / "sitecustomize.py").write_text(AUDIT)
        (log := project.parent / "recorded").touch()
        own = {"PYTHONPATH": str(hooks), "RECORDED": str(log), "INTERRUPTS": self.mark}
        # Compiled once, not in every process.
        own["PYTHONDONTWRITEBYTECODE"] = ""
        *before, last = WAYS[way]
        for command in before:
            dvc(project, *command)
        with (project.parent / "said").open("w") as said:
            self.process = subprocess.Popen(
                ["dvc", *last], cwd=project, env=ENVIRONMENT | own, start_new_session=True,
                preexec_fn=heed_interrupts, stdout=said, stderr=said,
            )  # fmt: skip
        if self.queued:
            # It returns before its workers have begun.
            self.process.wait()
            deadline = time.monotonic() + 20
            while not self.family and time.monotonic() < deadline:
                time.sleep(0.05)

    @property
    def family(self) -> list[psutil.Process]:
        """All that was started and still goes on, those that went their own way included."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("INTERRUPTS") == self.mark:
                    found.append(process)
        return found

    @property
    def goes_on(self) -> bool:
        """Whether anything still works."""
        if not self.queued:
            return self.process.poll() is None
        if not self.family:
            # A process that just begins another program can't be recognised for a moment.
            time.sleep(0.2)
        return bool(self.family)

    def stop(self, how: signal.Signals) -> None:
        """Send a signal to all, as Ctrl-C does, and return once they are gone."""
        family = self.family
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        _, left = psutil.wait_procs(family, timeout=30)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)
        self.process.wait()
        if self.queued:
            # What DVC takes to be running still.
            shutil.rmtree(self.project / ".dvc" / "tmp" / "exps", ignore_errors=True)


def recorded(project: Path) -> Counter[str]:
    """How many records were written, new and again, by all trainings so far."""
    log = project.parent / "recorded"
    return Counter(log.read_text().split() if log.is_file() else ())


def interrupt(project: Path, way: str, how: signal.Signals, luck: random.Random) -> bool:
    """Begin to train, stop at a random moment, and return whether that was before the end."""
    # Killed in the midst of an experiment, DVC leaves its changes and no branch.
    git(project, "checkout", "--force", "main")
    before = cached(project)
    if before >= total(way):
        forget(project)
        before = 0
    training = Training(project, way)
    more = luck.randrange(total(way) - before)
    deadline = time.monotonic() + 120
    while cached(project) < before + more and training.goes_on and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(luck.uniform(0, 1 if more else 10))
    alive = training.goes_on
    training.stop(how)
    return alive


def main() -> None:
    """Interrupt, and say how many records were written and how many of them for a second time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    luck = random.Random(chosen.seed)
    with tempfile.TemporaryDirectory() as folder:
        project = project_in(Path(folder))
        done: Counter[str] = Counter()
        while done.total() < chosen.times:
            way = list(WAYS)[done.total() % len(WAYS)]
            how = luck.choice([signal.SIGINT, signal.SIGKILL])
            if interrupt(project, way, how, luck):
                done[way] += 1
            counts = recorded(project)
            print(f"{done.total():3} {way}, {how.name}: {counts['new']} new, {counts['again']} again", flush=True)
        print(f"{done.total()} interrupts: {dict(done)}; records {counts['new']}, trained again {counts['again']}")


if __name__ == "__main__":
    main()
