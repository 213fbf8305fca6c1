"""A bench of one's own."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.core.errors import SettingError


def new(folder: Annotated[Path, typer.Argument(metavar="DIR", help="It must be new or empty.")]) -> None:
    """Write a bench into a folder: parameters, a pipeline, a study, and a level of one's own to change.

    Try this: harness new my-bench && cd my-bench && dvc repro
    """
    from harness.bench import files

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingError(f"{folder} is there already and isn't empty; name a new folder")
    for name, text in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    start_repository(folder)
    typer.echo(
        f"{folder}: put what you want to know into plugins/my_levels.py and experiments/my_study.yaml, then run there\n"
        "  harness check   # are your levels sound?\n"
        "  dvc repro       # train, and write reports/index.html"
    )


def start_repository(folder: Path) -> None:
    """Make the folder one of DVC; of git too, where there is git and no repository around it."""
    how = ["--no-scm"]
    if shutil.which("git"):
        asked = ["git", "rev-parse", "--is-inside-work-tree"]
        inside = subprocess.run(asked, cwd=folder, capture_output=True).returncode == 0
        if not inside:
            subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
        how = ["--subdir"] if inside else []
    # DVC refuses a folder of its own that is there already, and removes it if forced to.
    kept, away = folder / ".dvc", folder / ".dvc-kept"
    kept.rename(away)
    ignored = (folder / ".dvcignore").read_text(encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", *how], cwd=folder, check=True)
    shutil.copytree(away, kept, dirs_exist_ok=True)
    shutil.rmtree(away)
    (folder / ".dvcignore").write_text(ignored, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dvc", "config", "core.analytics", "false"], cwd=folder, check=True)
