"""What would be trained."""

from typing import TYPE_CHECKING

import typer

from harness.campaign.project import PREPARED, current_plan, parameters, worker_count
from harness.campaign.project import runs as store
from harness.core.console import console, plain_console

if TYPE_CHECKING:
    from rich.table import Table

    from harness.core.config import Params
    from harness.planning.plan import Plan


def plan() -> None:
    """Print what `train` would do: arms, runs, duplicates folded, and the time, measured by a short trial."""
    from harness.analysis.power import least_effect
    from harness.campaign.progress import duration
    from harness.campaign.reasons import why
    from harness.campaign.trial import estimate
    from harness.data.prepared import Prepared
    from harness.engines.door import engine_of
    from harness.training.split import load_run_data

    params = parameters()
    engine = engine_of(params.engine.kind)
    current = current_plan(params)
    plain_console().print(overview(current, params))
    folded = len(list(current.all_runs)) - len(current.distinct)
    ensembles = sum(bool(spec.members) for spec in current.distinct.values())
    typer.echo(
        f"{len(current.distinct) - ensembles + current.waiting} runs ({folded} duplicates folded), "
        f"{len(current.pending) + current.waiting} to train"
    )
    if ensembles:
        typer.echo(f"{ensembles} ensembles follow from the records of their members")
    if current.waiting:
        typer.echo(f"{current.waiting} of them follow once tuning has chosen their settings")
    for line in [*why(current, store()), *current.remarks]:
        typer.echo(line)
    # On a GPU more of them pay, how many is seen when they train.
    workers = worker_count(params, current) or 1
    data = load_run_data(Prepared.load(PREPARED), current.target.device)
    with console.status("measuring a few steps of each kind of run"):
        seconds = estimate(list(current.pending.values()) + current.stand_ins, data) / workers
    by_default = engine.default_workers(current.target.device) or "as many as pay off"
    typer.echo(
        f"about {duration(seconds)} with {workers} worker(s) on {current.target.device}, "
        f"{current.target.precision} (by default {by_default} workers)"
        + (", without the time of probes" if any(spec.probes for spec in current.pending.values()) else "")
    )
    effect = least_effect(params.seeds)
    typer.echo(
        "one seed gives no interval: nothing can be settled"
        if effect is None
        else f"with {params.seeds} seeds a difference must be {effect:.1f} times as large as its spread over seeds to "
        "be found four times in five, by its own seeds alone; what the grid shows of that spread makes it less"
    )


def overview(current: "Plan", params: "Params") -> "Table":
    """Return a row a study: its arms, seeds, runs, and those to train."""
    from rich.table import Table

    table = Table("study", "arms", "seeds", "runs", "to train")
    for study in current.studies:
        arms = [planned for planned in current.arms if planned.arm.study == study.name]
        runs = {spec.fingerprint for planned in arms for spec in planned.all_runs}
        table.add_row(
            study.name,
            str(len(arms)),
            str(study.seeds_in(params.profile, params.seeds)),
            str(len(runs) + sum(p.waiting for p in arms)),
            str(len(runs & set(current.pending)) + sum(p.waiting for p in arms)),
        )
    return table
