"""Stage prepare, and what it would read."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.campaign.project import DRY_SHEET, PREPARED, parameters
from harness.core.console import console, plain_console

if TYPE_CHECKING:
    from harness.core.config import DataParams


def prepare(
    dry: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be read, with a picture of each class; keep nothing.")
    ] = False,
    sheet: Annotated[Path, typer.Option(help="Of a dry run: the file for the pictures.")] = DRY_SHEET,
) -> None:
    """Turn the data source into arrays on disk: splits, a manifest, statistics of the training split."""
    from harness.data.prepare import prepare as prepare_data

    params = parameters().data
    if dry:
        show_dry_run(params, sheet.expanduser())
        return
    manifest = prepare_data(params, PREPARED)
    console.print(f"{PREPARED}: {counts_of(manifest)}, digest {manifest['digest'][:12]}", soft_wrap=True)


def counts_of(manifest: dict[str, Any]) -> str:
    """Return the source and the sizes of the splits."""
    return ", ".join([manifest["source"], *(f"{count} {name}" for name, count in manifest["splits"].items())])


def show_dry_run(params: "DataParams", sheet: Path) -> None:
    """Print what `prepare` would read; SettingError where it would stop."""
    from harness.data.census import remarks, table
    from harness.data.dry_run import dry_run, would_stop
    from harness.data.progress import shown

    with shown() as progress:
        found = dry_run(params, sheet, progress)
    out = plain_console()
    place = f" in {found['root']}" if found["root"] else ""
    out.print(f"would read: {counts_of(found)}, {len(found['classes'])} classes{place}", soft_wrap=True)
    out.print(table(found))
    for line in remarks(found):
        out.print(line, soft_wrap=True)
    out.print(f"a training picture of each class, by number: {sheet}; nothing else was written", soft_wrap=True)
    if error := would_stop(params, found):
        raise error
