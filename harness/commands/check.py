"""What the bench's tests ask of its own levels, asked of those from outside."""

import sys

import typer

from harness.campaign.project import parameters
from harness.core.config import PARAMS
from harness.core.console import complain, console


def check() -> None:
    """Try every level, probe and data source of the plugins on a tiny net: a line each, exits with 1 if one fails.

    A level must train, to equal results twice, with finite gradients and without disturbing the luck of others; a probe
    must change nothing; a data source must give the same pictures twice.
    """
    from harness.campaign.check import checks
    from harness.source.plugins import loaded

    params = parameters()
    if not loaded():
        typer.echo(f"nothing to check: there are no plugins in {PARAMS}, and no installed package brings any")
        return
    failed = False
    with console.status("training tiny nets"):
        for what, problem in checks(params):
            if problem is None:
                typer.echo(f"passed: {what}")
            else:
                failed = True
                complain("failed:", f"{what}: {problem}")
    sys.exit(1 if failed else 0)
