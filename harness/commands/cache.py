"""Where finished runs are kept."""

from pathlib import Path
from typing import Annotated

import typer

from harness.core.errors import SettingError
from harness.core.records import CHECKPOINTS, cache_folder, discard


def cache(
    prune: Annotated[
        int | None, typer.Option(metavar="DAYS", help="Remove what no training of the last DAYS used.", min=0)
    ] = None,
) -> None:
    """Say where finished runs are kept, whatever DVC does to data/runs, and how much there is.

    Try this: python -m harness cache --prune 90
    """
    folder = cache_folder(Path())
    if folder is None:
        raise SettingError("there is no .dvc here, so that records lie in data/runs alone; run from a DVC project")
    if prune is not None:
        removed = discard(folder, prune), discard(folder.with_name(CHECKPOINTS), prune)
        typer.echo("records removed: {:,}, checkpoints: {:,}".format(*removed))
    kept = [path for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    size = sum(file.stat().st_size for path in kept for file in path.iterdir())
    typer.echo(f"records in {folder}: {len(kept):,}, {size / 1e6:,.1f} MB")
