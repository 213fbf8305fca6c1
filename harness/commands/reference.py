"""A report kept as what others are compared with."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from harness.campaign.project import REPORTS
from harness.core.console import console
from harness.core.errors import SettingError


def reference(
    folder: Annotated[
        Path, typer.Argument(help="Where it is kept, such as docs/reference/cifar10; replaced as a whole.")
    ],
    title: Annotated[str, typer.Option(help="What it is called beside verdicts, such as CIFAR-10.")],
) -> None:
    """Keep this report, with its tables and verdicts, as a reference that other reports are set beside.

    Try this: python -m harness reference docs/reference/cifar10 --title CIFAR-10
    """
    from harness.analysis.outcomes import FILE, Outcomes

    if not (REPORTS / FILE).is_file():
        raise SettingError(f"there is no {REPORTS / FILE} yet; run `dvc repro` first")
    if folder.exists() and not (folder / FILE).is_file():
        raise SettingError(f"{folder} holds something else than a reference; name another folder, or remove it first")
    found = Outcomes.read(REPORTS / FILE)
    titled = found.model_copy(update={"about": found.about.model_copy(update={"title": title})})
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(REPORTS, folder)
    titled.write(folder / FILE)
    console.print(f"{folder}: {len(found.studies)} studies, {found.about.runs} runs; {folder / FILE}", soft_wrap=True)
