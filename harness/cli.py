"""The command line: one command per stage of the pipeline, and a few to look around."""

import atexit
import os
import sys
import threading
from typing import NoReturn

import typer

from harness.commands.audit import audit
from harness.commands.cache import cache
from harness.commands.check import check
from harness.commands.compare import compare
from harness.commands.grade import grade
from harness.commands.installed import installed
from harness.commands.new import new
from harness.commands.plan import plan
from harness.commands.preflight import preflight
from harness.commands.prepare import prepare
from harness.commands.preview import preview
from harness.commands.procedures import procedures
from harness.commands.reference import reference
from harness.commands.report import report
from harness.commands.rerun import rerun
from harness.commands.result import result
from harness.commands.search import search
from harness.commands.show import show
from harness.commands.surfaces import surfaces
from harness.commands.track import track
from harness.commands.train import train
from harness.core.console import complain
from harness.core.errors import SettingError

app = typer.Typer(
    help="Which training choices matter for a ConvNet, by how much, and how sure are we?\n\n"
    "`dvc repro` runs prepare, preflight, train, report and track in order, and only what has changed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
COMMANDS = (
    new,
    check,
    prepare,
    preview,
    plan,
    train,
    show,
    rerun,
    cache,
    track,
    preflight,
    search,
    audit,
    surfaces,
    procedures,
    report,
    compare,
    reference,
    result,
    grade,
    installed,
)
for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2, an interrupt is 130."""
    try:
        app()
    except SettingError as error:
        complain("error:", str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def program() -> NoReturn:
    """Be `main` as a program of its own, which ends as any other but for one thing: what was imported stays as it is.

    To take torch apart, object by object, would take 1 to 2 seconds more.
    """
    try:
        main()
        code = 0
    except SystemExit as end:
        if not isinstance(end.code, int | None):
            raise
        code = end.code or 0
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
