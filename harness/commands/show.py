"""What a record says."""

from typing import Annotated

import typer

from harness.campaign.project import parameters, runs
from harness.core.console import plain_console


def show(
    run: Annotated[str, typer.Argument(help="The beginning of a fingerprint, or words of a name: 'relu seed 0'.")],
) -> None:
    """Print the record of one run: what it was, what came out, and where it was made.

    Try this: python -m harness show 'activation plain relu seed 0'
    """
    from rich.table import Table

    from harness.campaign.rerun import find, names_of
    from harness.quantities import quantity

    parameters()
    store = runs()
    plan = store.read_plan()
    names = names_of(plan)
    record = store.read(find(store, run, names))
    out = plain_console(soft_wrap=True)
    out.print(record.fingerprint, *names.get(record.fingerprint, ["of no present plan"]), sep="\n  ")
    out.print(
        f"{record.status}, seed {record.seed}, data {record.data_digest[:12]}"
        + (f": {record.error}" if record.error else "")
    )
    if record.probes:
        out.print(f"watched by {', '.join(record.probes)}")
    if record.members:
        out.print(f"averages the runs {', '.join(print_ for _, print_ in record.members)}")
    settings = Table("setting", "value", "in the recipe", title="Settings")
    for name, value in record.settings.items():
        own = plan["base"].get(name)
        settings.add_row(name, f"{value}", "" if value == own else f"{own}")
    metrics = Table("metric", "value", title="Results")
    for name, number in record.metrics.items():
        metrics.add_row(name, quantity(name).value(number))
    made = Table("", "", title="Made with", show_header=False)
    for name, value in record.environment.items():
        made.add_row(name, f"{value}")
    for table in (settings, metrics, made):
        out.print(table)
