"""Stage report."""

from pathlib import Path
from typing import Annotated

import typer

from harness.campaign.project import REPORTS, RUNS, parameters
from harness.core.console import console, counted
from harness.core.errors import SettingError
from harness.core.records import Store


def report(
    single: Annotated[str | None, typer.Option(help="Only the page of this study, as one file to mail.")] = None,
    pdf: Annotated[str | None, typer.Option(help="Only the figures of this study, as PDF in one archive.")] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Where that file goes; <study>.html or <study>-figures.zip in this folder if not said."),
    ] = None,
) -> None:
    """Render reports/index.html and a page per study from the records.

    Try this: python -m harness report --single activation
    """
    from harness.report.render import render, write_pdfs, write_single

    uri = parameters().tracking.uri
    if single is not None and pdf is not None:
        raise SettingError("--single and --pdf write one file each; call the command twice")
    if pdf is not None:
        to = to or Path(f"{pdf}-figures.zip")
        console.print(f"{write_pdfs(Store(RUNS), pdf, to)} figures as PDF: {to}", soft_wrap=True)
        return
    if single is not None:
        to = to or Path(f"{single}.html")
        write_single(Store(RUNS), single, to, uri)
        console.print(f"one file, {to.stat().st_size / 1e6:.1f} MB: {to}", soft_wrap=True)
        return
    result = render(Store(RUNS), REPORTS, uri, counted("pages"))
    console.print("\n".join(result.lines), soft_wrap=True)
