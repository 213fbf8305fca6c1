"""Whole grids with settings of their own, each in a clone of this repository; what a clone has trained stays there."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.analysis.outcomes import FILE, Outcomes
from harness.campaign.project import REPORTS, RUNS
from harness.core.records import Store

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Grid:
    """A grid by name; `changes` are of params.yaml, as `dvc exp run -S` takes them."""

    name: str
    changes: tuple[str, ...] = ()

    def train(self, work: Path) -> "Trained":
        """Train what is missing of this commit's grid in `work/<name>`, and report."""
        folder = work / self.name
        if folder.is_dir():
            git(folder, "fetch", "--quiet", str(ROOT), "HEAD")
            git(folder, "reset", "--quiet", "--hard", "FETCH_HEAD")
        else:
            git(work, "clone", "--quiet", str(ROOT), str(folder))
        settings = [part for change in self.changes for part in ("-S", change)]
        # The environment of this process, whichever the shell has.
        paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        command = ["dvc", "exp", "run", "report", *settings]
        print(f"== {self.name}: {' '.join(command)}", flush=True)
        subprocess.run(command, cwd=folder, env=os.environ | {"PATH": paths}, check=True)
        return Trained(folder)


@dataclass(frozen=True)
class Trained:
    """What a grid left in its clone."""

    folder: Path

    @property
    def outcomes(self) -> Outcomes:
        """Its effects and verdicts."""
        return Outcomes.read(self.folder / REPORTS / FILE)

    @property
    def store(self) -> Store:
        """Its records."""
        return Store(self.folder / RUNS)


def git(folder: Path, *arguments: str) -> None:
    """Call git in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def table(header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """Return a table of Markdown."""
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def paragraphs(*texts: str) -> str:
    """Return a page of Markdown."""
    return "\n\n".join(texts) + "\n"


def number(value: float) -> str:
    """Return a number with two digits, or a dash where there is none."""
    return "-" if value != value else f"{value:.2f}"


def described(outcomes: Outcomes) -> str:
    """Return in a line what a grid rests on."""
    about = outcomes.about
    commits = ", ".join(dict.fromkeys(str(one.get("commit", "?"))[:7] for one in about.environments))
    return f"{about.budget} {about.runs} runs; seeds {about.seeds[0]} on; commit {commits}."
