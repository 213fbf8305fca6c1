"""The command line: one command per stage of the pipeline, and a few to look around."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.config import PARAMS, Params, load_params
from harness.console import plain_console
from harness.errors import SettingError
from harness.records import CHECKPOINTS, Store, cache_folder, discard

if TYPE_CHECKING:
    from harness.engines.events import Event
    from harness.engines.local import Checkpoints
    from harness.plan import Plan, Target
    from harness.spec import RunSpec

PREPARED = Path("data/prepared")
RUNS = Path("data/runs")
PREFLIGHT = Path("data/preflight.json")
SURFACES = Path("data/surfaces.json")
TRACKED = Path("data/tracking.json")
REPORTS = Path("reports")

app = typer.Typer(
    help="Which training choices matter for a ConvNet, by how much, and how sure are we?\n\n"
    "`dvc repro` runs prepare, train, track and report in order, and only what has changed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = plain_console(stderr=True)


def main() -> None:
    """Run a command; what the user can mend is one line and exit code 2, an interrupt is 130."""
    try:
        app()
    except SettingError as error:
        complain("error:", str(error))
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


def complain(what: str, problem: str) -> None:
    """Print what is wrong, its first words in red."""
    from rich.text import Text

    console.print(Text.assemble((what, "red"), f" {problem}"), soft_wrap=True)


@app.command()
def prepare() -> None:
    """Turn the data source into arrays on disk: splits, a manifest, statistics of the training split."""
    from harness.data.prepare import prepare as prepare_data

    manifest = prepare_data(load_params().data, PREPARED)
    splits = ", ".join(f"{count} {name}" for name, count in manifest["splits"].items())
    console.print(f"{PREPARED}: {manifest['source']}, {splits}, digest {manifest['digest'][:12]}")


@app.command()
def preview(out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("data/preview")) -> None:
    """Write a sheet of pictures per class, to be looked at before training."""
    from harness.data.prepared import Prepared
    from harness.data.preview import preview as write_sheets

    paths = write_sheets(Prepared.load(PREPARED), out)
    console.print(f"{len(paths)} sheets in {out}/")


@app.command()
def plan() -> None:
    """Print what `train` would do: arms, runs, duplicates folded, and the time, measured by a short trial."""
    from rich.table import Table

    from harness.analysis.statistics import smallest_p
    from harness.data.prepared import Prepared
    from harness.engines.local import default_workers
    from harness.progress import duration
    from harness.training.split import load_run_data
    from harness.trial import estimate

    params = load_params()
    current = current_plan(params)
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
    plain_console().print(table)
    folded = len(list(current.all_runs)) - len(current.distinct)
    typer.echo(
        f"{len(current.distinct) + current.waiting} runs ({folded} duplicates folded), "
        f"{len(current.pending) + current.waiting} to train"
    )
    if current.averages:
        typer.echo(f"{len(current.averages)} ensembles follow from the records of their members")
    if current.waiting:
        typer.echo(f"{current.waiting} of them follow once tuning has chosen their settings")
    workers = worker_count(params, current)
    data = load_run_data(Prepared.load(PREPARED), current.target.device)
    with console.status("measuring a few steps of each kind of run"):
        seconds = estimate(list(current.pending.values()) + current.stand_ins, data) / workers
    typer.echo(
        f"about {duration(seconds)} with {workers} worker(s) on {current.target.device}, "
        f"{current.target.precision} (by default {default_workers(current.target.device)} workers)"
        + (", without the time of probes" if any(spec.probes for spec in current.pending.values()) else "")
    )
    typer.echo(
        f"with {params.seeds} seeds the smallest p-value of an exact sign-flip test is {smallest_p(params.seeds):.3g}"
    )


@app.command()
def train() -> None:
    """Train every run of the plan that has no record yet, in parallel; stop and restart as you like."""
    from harness.data.prepared import Prepared
    from harness.engines.local import LocalEngine, start_server
    from harness.ensemble import record_ensembles

    params = load_params()
    start_server()
    store = runs()
    store.adopt()
    stamp = version_stamp()
    failed: list[str] = []
    current = current_plan(params)
    try:
        with LocalEngine(PREPARED, worker_count(params, current), checkpoints(params, store)) as engine:
            # Runs that tuning must choose first become part of the plan once its trials are recorded.
            while pending := {print_: spec for print_, spec in current.pending.items() if print_ not in failed}:
                train_pending(params, current, engine.execute(list(pending.values())), store, stamp, failed)
                current = current_plan(params)
    except KeyboardInterrupt:
        # An ordinary exit would wait for the thread that imports MLflow, and take torch apart.
        os._exit(130)
    record_ensembles(current.averages.values(), store, Prepared.load(PREPARED), stamp)
    store.settle(print_ for print_ in current.distinct if store.has(print_))
    store.write_plan(current.to_json())
    if failed:
        complain("error:", f"{len(failed)} run(s) failed, see above; all others are kept")
        sys.exit(1)
    console.print(f"{len(current.distinct)} runs recorded in {RUNS}")


def train_pending(
    params: Params,
    current: "Plan",
    events: "Iterator[Event]",
    store: Store,
    stamp: dict[str, Any],
    failed: list[str],
) -> None:
    """Execute runs, keep each result at once, and show how far it is."""
    from harness.engines.events import Epoch, Failed, Finished
    from harness.progress import TrainingProgress
    from harness.tracking import Tracker

    names = current.names
    epoch_images = current.target.data["splits"]["train"]
    tracker = Tracker(params.tracking.uri, current.to_json(), lambda line: console.print(line, soft_wrap=True))
    progress = TrainingProgress({print_: names[print_] for print_ in current.pending}, epoch_images, console)
    try:
        with progress:
            for event in events:
                match event:
                    case Epoch(spec=spec, point=point, trial=None):
                        tracker.epoch(spec.fingerprint, point)
                    case Finished(result=result):
                        result = replace(result, environment=result.environment | stamp)
                        store.write(result)
                        tracker.finished(result)
                    case Failed(spec=spec, problem=problem):
                        failed.append(spec.fingerprint)
                        title = f"{names[spec.fingerprint]} ({spec.fingerprint})"
                        complain("run failed:", f"{title}\n{problem}")
                # Last: nothing that is shown may come between a result and its record.
                progress.show(event)
    except KeyboardInterrupt:
        tracker.close(wait_seconds=1)
        kept = f"stopped; {progress.done} runs of this call are kept, the same command goes on"
        console.print(kept, soft_wrap=True)
        raise
    tracker.close()


@app.command()
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


@app.command()
def track() -> None:
    """Put the records of the current plan into MLflow; what is there already stays as it is."""
    from harness.tracking import track as track_records

    receipt = track_records(Store(RUNS), load_params().tracking.uri, counted("runs"))
    added = receipt.pop("added")
    TRACKED.write_text(json.dumps(receipt, indent=1) + "\n")
    console.print(f"MLflow at {receipt['uri']}: {receipt['runs']} runs, {added} added")


@app.command()
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

    params = load_params()
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


@app.command()
def search(
    how: Annotated[
        str,
        typer.Option(help="grid, random, or coarse_to_fine: few epochs and wide ranges, then longer and narrower."),
    ] = "coarse_to_fine",
    trials: Annotated[int, typer.Option(help="Trainings of the recipe; a square number for a grid.", min=1)] = 9,
    seed: Annotated[int | None, typer.Option(help="Of search and trainings; by default data.seed.", min=0)] = None,
) -> None:
    """Look for a learning rate and an L2 penalty for the recipe; prints what params.yaml should say.

    Every trial trains the recipe of params.yaml on the prepared data. The best is chosen on the validation split;
    nothing is written.

    Try this: python -m harness search --how random --trials 16
    """
    from harness.engines.events import Failed, Finished
    from harness.engines.local import LocalEngine
    from harness.procedures.search import as_choice, as_recipe, best_first
    from harness.progress import TrainingProgress

    params = load_params()
    spec = recipe_spec(params, params.data.seed if seed is None else seed, search=as_choice(how, trials))
    name = {spec.fingerprint: f"search {how}"}
    images = current_target(params).data["splits"]["train"]
    with LocalEngine(PREPARED, 1) as engine, TrainingProgress(name, images, console) as progress:
        for event in engine.execute([spec]):
            progress.show(event)
    match event:
        case Failed(problem=problem):
            complain("search failed:", f"\n{problem}")
            sys.exit(1)
        case Finished(result=result):
            plain_console().print(best_first(result))
            typer.echo(as_recipe(result))
            sys.exit(0 if result.status == "done" else 1)


@app.command()
def surfaces() -> None:
    """Follow every update rule over three surfaces of two weights; writes data/surfaces.json for the report."""
    with console.status("following every update rule over three surfaces"):
        result = followed()
    keep_surfaces(result)


def followed() -> dict[str, Any]:
    """Return the paths over the surfaces; torch is imported only here, by the process that follows them."""
    from harness.procedures.surfaces import surfaces as follow

    return follow()


def keep_surfaces(result: dict[str, Any]) -> None:
    """Write the paths for the report."""
    from harness.procedures.store import write

    write(SURFACES, result)
    rules = len(result["surfaces"][0]["rules"])
    console.print(f"{SURFACES}: {rules} update rules on {len(result['surfaces'])} surfaces")


@app.command()
def procedures() -> None:
    """Run preflight and surfaces, which the report shows beside the studies; a failed check stops nothing."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Side by side: both begin with seconds of imports.
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        following = pool.submit(followed)
        preflight(keep_going=True)
        keep_surfaces(following.result())


@app.command()
def report() -> None:
    """Render reports/index.html and a page per study from the records; attach the pages in MLflow."""
    from harness.report.render import render
    from harness.tracking import attach_pages

    store = Store(RUNS)
    tracking = json.loads(TRACKED.read_text()) if TRACKED.is_file() else None
    render(store, REPORTS, tracking, counted("pages"))
    if tracking:
        attach_pages(REPORTS, tracking["uri"], store.read_plan())
    console.print(f"report: {REPORTS / 'index.html'}")
    if tracking:
        console.print(f"MLflow: mlflow ui --backend-store-uri {tracking['uri']}", soft_wrap=True)


def runs() -> Store:
    """Return the store of records of this project, with the cache behind it."""
    return Store(RUNS, cache_folder(Path()))


def current_plan(params: Params) -> "Plan":
    """Return the plan for the prepared data on the device of this machine."""
    from harness.plan import make_plan
    from harness.studies import check_profiles, check_recipe, load_studies

    recipe = check_recipe(params.recipe, str(PARAMS))
    studies, every = load_studies(params.studies), load_studies("all")
    check_profiles(every, params.profiles)
    target = current_target(params)
    return make_plan(studies, recipe, params.seeds, params.profile, target, runs(), every)


def current_target(params: Params) -> "Target":
    """Return the prepared data and the device of this machine."""
    from harness.data.prepared import Prepared
    from harness.plan import Target
    from harness.training.device import resolve_device, resolve_precision

    device = resolve_device(params.engine.device)
    precision = resolve_precision(params.engine.precision, device)
    return Target(Prepared.load(PREPARED).manifest, device, precision, params.engine.threads)


def recipe_spec(params: Params, seed: int, **changes: Any) -> "RunSpec":
    """Return the run of the recipe in params.yaml, with a few settings changed, under `seed`."""
    from harness.studies import check_recipe, resolve

    target = current_target(params)
    recipe = check_recipe(params.recipe, str(PARAMS))
    return target.spec(resolve(recipe, changes, target.data["splits"]["train"]), seed)


def worker_count(params: Params, current: "Plan") -> int:
    """Return how many processes train at once."""
    from harness.engines.local import default_workers

    return default_workers(current.target.device) if params.engine.workers == "auto" else params.engine.workers


def checkpoints(params: Params, store: Store) -> "Checkpoints | None":
    """Return where and how often the state of a run is kept; None if the user wants none."""
    from harness.engines.local import Checkpoints

    minutes = params.engine.checkpoint_minutes
    return Checkpoints(store.checkpoints, minutes) if minutes else None


def counted(what: str) -> Any:
    """Return a callback (done, total) that shows a count on a terminal."""
    if not console.is_terminal:
        return None
    return lambda done, total: console.print(f"{done} of {total} {what}", end="\r" if done < total else "\n")


def version_stamp() -> dict[str, Any]:
    """Return the commit, and whether tracked files differ from it; None outside of git."""

    def git(*arguments: str) -> str | None:
        try:
            return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    changed = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changed is None else bool(changed)}
