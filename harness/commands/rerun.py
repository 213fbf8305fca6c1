"""One run, trained again."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from harness.campaign.project import PREPARED, engine, parameters, runs
from harness.core.console import complain, console, plain_console

if TYPE_CHECKING:
    from harness.core.config import Params
    from harness.core.spec import RunResult, RunSpec


def rerun(
    run: Annotated[str, typer.Argument(help="The beginning of a fingerprint, or words of a name: 'relu seed 0'.")],
) -> None:
    """Train one recorded run again, and say whether it is equal to the bit; exits with 1 if it isn't.

    The record stays as it is. Times and memory aren't compared.

    Try this: python -m harness rerun 'activation plain relu seed 0'
    """
    from dataclasses import replace

    from rich.table import Table

    from harness.campaign.ensemble import average
    from harness.campaign.rerun import differences, find, names_of
    from harness.core.errors import SettingError
    from harness.data.prepared import Prepared

    params = parameters()
    store = runs()
    names = names_of(store.read_plan())
    fingerprint = find(store, run, names)
    record = replace(store.read(fingerprint), arrays=store.arrays(fingerprint))
    prepared = Prepared.load(PREPARED)
    if record.data_digest != prepared.digest:
        raise SettingError(
            f"run {fingerprint} was trained on the data {record.data_digest[:12]}, and {PREPARED} holds "
            f"{prepared.digest[:12]}; set data in params.yaml as it was, and run `python -m harness prepare`"
        )
    if record.probes is None:
        raise SettingError(
            f"the record of run {fingerprint} is older than 2 and doesn't say what watched it; run `dvc repro`"
        )
    title = (names.get(fingerprint) or [fingerprint])[0]
    spec = record.spec
    if spec.members:
        members = [replace(store.read(one), arrays=store.arrays(one)) for _, one in record.members or ()]
        result = average(spec, members, prepared.labels("test"), prepared.classes)
    else:
        result = trained(params, spec, title, prepared.manifest["splits"]["train"])
    table = Table("", "in the record", "now")
    for name, then, now in differences(record, result):
        table.add_row(name, f"{then}", f"{now}")
    if not table.row_count:
        typer.echo(f"{title}: equal to the bit")
        return
    for name in sorted(set(record.environment) & set(result.environment)):
        if record.environment[name] != result.environment[name]:
            table.add_row(f"made with {name}", f"{record.environment[name]}", f"{result.environment[name]}")
    plain_console().print(table)
    complain("not equal:", f"{title}; if nothing above says why, the code has changed since")
    sys.exit(1)


def trained(params: "Params", spec: "RunSpec", title: str, epoch_images: int) -> "RunResult":
    """Return what a run gives now; exits with 1 if it meets a bug."""
    from harness.campaign.progress import TrainingProgress
    from harness.engines.card import find_card
    from harness.engines.events import Failed, Finished

    if spec.device == "cuda":
        # Says in one line what is wrong with a GPU that is missing.
        find_card()
    name = {spec.fingerprint: title}
    with engine(params, 1) as worker, TrainingProgress(name, epoch_images, console) as progress:
        for event in worker.execute([spec]):
            progress.show(event)
    match event:
        case Finished(result=result):
            return result
        case Failed(problem=problem):
            complain("run failed:", f"{title}\n{problem}")
    sys.exit(1)
