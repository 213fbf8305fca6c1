"""Whose a tracked run is: a project, a branch, a process. Stores are shared, and nobody may touch what others write."""

import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Where `dvc exp run --temp` and its queue make copies, which speak for the project around them.
TEMPORARY = os.sep + os.path.join(".dvc", "tmp", "exps") + os.sep
NO_GIT = "none"


@dataclass(frozen=True)
class Owner:
    """Who writes. `branch` is empty while no branch is checked out, as in every experiment of DVC."""

    project: str
    branch: str

    @classmethod
    def of(cls, folder: Path, store: Path | None) -> "Owner":
        """Return the owner of what is trained in `folder`; `store` is the folder of the database, None for a server.

        Seen from the database, the project is the same after both were moved.
        """
        home = str(folder.resolve()).partition(TEMPORARY)[0]
        git = ("git", "branch", "--show-current")
        try:
            branch = subprocess.run(git, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            branch = NO_GIT
        return cls(os.path.relpath(home, store.resolve()) if store else f"{socket.gethostname()}:{home}", branch)

    @property
    def tags(self) -> dict[str, str]:
        """What is written to every run."""
        return {"project": self.project, "branch": self.branch, "process": process()}

    def shares_project(self, tags: Mapping[str, str]) -> bool:
        """Say whether a run is of this project, on whatever branch."""
        return tags.get("project") == self.project

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Say whether a run is of this project and branch."""
        return self.shares_project(tags) and tags.get("branch", "") == self.branch

    def may_adopt(self, tags: Mapping[str, str]) -> bool:
        """Say whether a run is of an experiment of this project, which a branch takes over when it plans it."""
        return self.shares_project(tags) and not tags.get("branch")


def process() -> str:
    """Return what tells this process from all others: host, number, start in seconds."""
    import psutil

    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def is_alive(tags: Mapping[str, str]) -> bool | None:
    """Say whether another process of this host still writes a run; None for those of other hosts."""
    import psutil

    host, _, numbers = tags.get("process", "").partition(" ")
    if host != socket.gethostname():
        return None
    number, start = map(int, numbers.split())
    try:
        # The start is counted from that of the machine, whose clock may have been set since.
        return number != os.getpid() and abs(psutil.Process(number).create_time() - start) < 5
    except psutil.NoSuchProcess:
        return False
