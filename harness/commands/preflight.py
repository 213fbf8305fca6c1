"""Data and recipe, checked before a long training."""

import sys
from typing import Annotated

import typer

from harness.campaign.project import PREFLIGHT, PREPARED, parameters, recipe_spec
from harness.console import complain, console, plain_console


def preflight(
    keep_going: Annotated[bool, typer.Option(help="Exit with 0 even if a check fails; the report shows it.")] = False,
) -> None:
    """Check data and recipe before a long training; exits with 1 if a check fails."""
    from rich.table import Table
    from rich.text import Text

    from harness.data.prepared import Prepared
    from harness.procedures.preflight import preflight as check
    from harness.procedures.store import write
    from harness.training.split import load_run_data

    params = parameters()
    spec = recipe_spec(params, params.data.seed)
    with console.status("checking data and recipe"):
        result = check(spec, load_run_data(Prepared.load(PREPARED), spec.device))
    write(PREFLIGHT, result)
    table = Table("", "check", "found", "expected", show_lines=True)
    for one in result["checks"]:
        mark = Text("passed", "green") if one["passed"] else Text("failed", "red")
        table.add_row(mark, one["title"], one["found"], one["expected"])
    plain_console().print(table)
    for one in result["checks"]:
        if not one["passed"]:
            complain(f"{one['title']}: failed.", one["remedy"])
    if not (result["passed"] or keep_going):
        sys.exit(1)
