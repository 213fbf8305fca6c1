"""Sheets of pictures, to be looked at."""

from pathlib import Path
from typing import Annotated

import typer

from harness.campaign.project import PREPARED
from harness.core.console import console


def preview(out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("data/preview")) -> None:
    """Write a sheet of pictures per class, to be looked at before training."""
    from harness.data.prepared import Prepared
    from harness.data.preview import preview as write_sheets

    out = out.expanduser()
    paths = write_sheets(Prepared.load(PREPARED), out)
    console.print(f"{len(paths)} sheets in {out}/")
