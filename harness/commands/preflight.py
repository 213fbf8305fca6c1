"""Stage preflight: data and recipe, checked before a long training."""

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from harness.campaign.project import PREFLIGHT, PREPARED, parameters, recipe_spec
from harness.core.console import complain, console, plain_console

COLOURS = {"passed": "green", "look": "yellow", "failed": "red"}


def preflight(
    keep_going: Annotated[bool, typer.Option(help="Exit with 0 even if a check fails; the report shows it.")] = False,
) -> None:
    """Check data and recipe before a long training; exits with 1 if a check fails, with 0 if one is worth a look."""
    from harness.data.prepared import Prepared
    from harness.procedures.preflight import preflight as check
    from harness.procedures.store import write
    from harness.training.split import load_run_data

    params = parameters()
    spec = recipe_spec(params, params.data.seed)
    with console.status("checking data and recipe"):
        result = check(spec, load_run_data(Prepared.load(PREPARED), spec.device))
    write(PREFLIGHT, result)
    tell(result["checks"])
    if result["state"] == "failed" and not keep_going:
        sys.exit(1)


def tell(checks: Sequence[dict[str, Any]]) -> None:
    """Print every check with its state, and what to do about those that did not pass, failed ones last."""
    from rich.table import Table
    from rich.text import Text

    table = Table("", "check", "found", "expected", show_lines=True)
    for one in checks:
        mark = Text(one["state"], COLOURS[one["state"]])
        table.add_row(mark, one["title"], one["found"], one["expected"])
    plain_console().print(table)
    for state, words in (("look", "look at this:"), ("failed", "failed:")):
        for one in checks:
            if one["state"] == state:
                complain(words, f"{one['title']}. {one['remedy']}", COLOURS[state])
