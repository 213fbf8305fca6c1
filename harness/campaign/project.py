"""A project on disk: where everything lies, and what its params.yaml asks of this machine."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.config import PARAMS, Params, load_params
from harness.core.records import Store, cache_folder
from harness.source import plugins

if TYPE_CHECKING:
    from harness.core.spec import RunSpec
    from harness.engines.door import Engine
    from harness.planning.plan import Key, Plan
    from harness.planning.target import Target

PREPARED = Path("data/prepared")
RUNS = Path("data/runs")
PREFLIGHT = Path("data/preflight.json")
SURFACES = Path("data/surfaces.json")
PICTURES = Path("data/pictures.json")
TRACKED = Path("data/tracking.json")
REPORTS = Path("reports")
DRY_SHEET = Path("data/preview/dry-run.png")


def parameters() -> Params:
    """Return what params.yaml says, its plugins loaded."""
    params = load_params()
    plugins.load(params.plugins)
    return params


def runs() -> Store:
    """Return the store of records of this project, with the cache behind it."""
    return Store(RUNS, cache_folder(Path()))


def current_plan(params: Params) -> "Plan":
    """Return the plan for the prepared data on the device of this machine."""
    from harness.planning.plan import make_plan
    from harness.planning.settings import check_recipe
    from harness.planning.studies import check_profiles, load_studies

    recipe = check_recipe(params.recipe, str(PARAMS))
    studies, every = load_studies(params.studies), load_studies("all")
    check_profiles(every, params.profiles)
    target, store = current_target(params), runs()

    # One seed shows nothing by which to go on.
    seeds = max(2, params.seeds) if params.train.adaptive else params.seeds

    def plan(counts: Mapping["Key", int], looks: int) -> "Plan":
        return make_plan(studies, recipe, seeds, params.profile, target, store, every, params.first_seed, counts, looks)

    if not params.train.adaptive:
        return plan({}, 1)
    from harness.campaign.adaptive import grown

    return grown(plan, seeds, params.train.most_seeds, store)


def current_target(params: Params) -> "Target":
    """Return the prepared data and the device of this machine."""
    from harness.data.prepared import Prepared
    from harness.engines.card import find_card
    from harness.planning.target import Target
    from harness.training.device import resolve_captured, resolve_device, resolve_precision

    device = resolve_device(params.engine.device)
    card = find_card() if device == "cuda" else None
    precision = resolve_precision(params.engine.precision, card)
    captured = resolve_captured(params.engine.captured_step, device)
    manifest = Prepared.load(PREPARED).manifest
    return Target(manifest, device, precision, params.engine.threads, card.model if card else None, captured)


def recipe_spec(params: Params, seed: int, **changes: Any) -> "RunSpec":
    """Return the run of the recipe in params.yaml, with a few settings changed, under `seed`."""
    from harness.planning.needs import check_recipe_carried
    from harness.planning.settings import check_recipe, resolve

    target = current_target(params)
    recipe = check_recipe(params.recipe, str(PARAMS))
    settings = resolve(recipe, changes, target.data["splits"]["train"])
    check_recipe_carried(settings, target.data)
    return target.spec(settings, seed)


def worker_count(params: Params, current: "Plan") -> int | None:
    """Return how many runs train at once; None: as many as turn out to pay."""
    from harness.engines.door import engine_of

    default = engine_of(params.engine.kind).default_workers(current.target.device)
    return default if params.engine.workers == "auto" else params.engine.workers


def engine(params: Params, workers: int | None, store: Store | None = None) -> "Engine":
    """Return what executes runs; with a store, those that are cut off go on from its checkpoints."""
    from harness.engines.door import engine_of
    from harness.engines.local import Checkpoints

    minutes = params.engine.checkpoint_minutes
    checkpoints = Checkpoints(store.checkpoints, minutes) if store and minutes else None
    return engine_of(params.engine.kind)(PREPARED, workers, checkpoints)


def version_stamp() -> dict[str, Any]:
    """Return the commit, and whether tracked files differ from it; None outside of git."""

    def git(*arguments: str) -> str | None:
        try:
            return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    changed = git("status", "--porcelain", "--untracked-files=no")
    return {"commit": git("rev-parse", "HEAD"), "dirty": None if changed is None else bool(changed)}
