"""The tests that registries write, for levels from outside: each is tried on a tiny net, a few steps long."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.campaign.rerun import differences
from harness.core.config import PARAMS, DataParams, Params
from harness.core.registry import Registry
from harness.core.spec import RunSpec
from harness.data.prepare import prepare
from harness.data.prepared import Prepared
from harness.data.progress import silent
from harness.data.sources import SOURCE, open_source
from harness.factors import REGISTRIES
from harness.planning.settings import check_changes, check_recipe, resolve
from harness.planning.target import Target
from harness.probes import PROBE, Observer
from harness.source.plugins import loaded
from harness.training.search import execute
from harness.training.split import RunData, load_run_data

if TYPE_CHECKING:
    from harness.training.recipe import Recipe

# Two steps of 40 pictures.
IMAGES, SIDE = 80, 16
TINY = {"width": 4, "epochs": 1, "evaluate_every": 1, "batch_size": 40, "max_train_seconds": 600}
# They say themselves what is drawn, or train more than one net.
OWN_ORDER = ("sampling", "transfer", "search", "ensemble")


class Watched(Observer):
    """Counts the updates with a gradient that is not finite, and keeps where the luck of the run has got to."""

    def __init__(self) -> None:
        self.broken = 0
        self.order = b""
        self.seeded = 0

    def watches(self, step: int, steps_per_epoch: int) -> bool:
        """Look at every step."""
        return True

    def after_update(self, recipe: "Recipe", step: int) -> None:
        """Look at the gradients that made an update."""
        found = [parameter.grad for parameter in recipe.model.parameters() if parameter.grad is not None]
        self.broken += not all(bool(torch.isfinite(one).all()) for one in found)
        self.order = recipe.order.get_state().numpy().tobytes()
        self.seeded = torch.initial_seed()


def checks(params: Params) -> Iterator[tuple[str, str | None]]:
    """Yield for everything that plugins have registered what it is, and what is wrong with it; None if nothing is."""
    tiny = {"image_size": SIDE, "train_images": IMAGES, "validation_images": 40, "test_images": 40}
    with tempfile.TemporaryDirectory() as folder:
        for name in from_outside(SOURCE):
            yield (
                f"data source {name}",
                tried(check_source, params.data.model_copy(update=tiny | {"source": name}), folder),
            )
        prepare(params.data.model_copy(update=tiny | {"source": "synthetic", "seed": 0}), Path(folder), silent)
        prepared = Prepared.load(Path(folder))
        target = Target(prepared.manifest, "cpu", "float32", 1)
        recipe = check_recipe(params.recipe, str(PARAMS)) | dict(check_changes(TINY, "a check"))
        data = load_run_data(prepared, "cpu")
        for registry in REGISTRIES.values():
            for name in from_outside(registry):
                yield f"{registry.setting} {name}", tried(check_level, registry.setting, name, recipe, target, data)
        for name in from_outside(PROBE):
            # Two epochs: what a probe does after the first shows in the second.
            spec = target.spec(resolve(recipe, {"epochs": 2}, IMAGES), 0)
            yield f"probe {name}", tried(check_probe, name, spec, target, data)


def from_outside(registry: Registry[Any]) -> list[str]:
    """Return the levels of a registry that plugins have registered."""
    packages = {one.package for one in loaded()}
    return [name for name in registry.names if registry.get(name).__module__.partition(".")[0] in packages]


def tried(check: Any, *arguments: Any) -> str | None:
    """Return what a check says; whatever a level raises is wrong with it."""
    try:
        return check(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())}"


def check_source(params: DataParams, folder: str) -> str | None:
    """Read the pictures of a source twice."""
    if not open_source(params).classes:
        return "it has no classes"
    digests = {prepare(params, Path(folder), silent)["digest"] for _ in range(2)}
    return "reading it twice gives other pictures" if len(digests) > 1 else None


def check_level(setting: str, name: str, recipe: Mapping[str, Any], target: Target, data: RunData) -> str | None:
    """Train two steps with a level, twice, and with the recipe beside."""
    if not REGISTRIES[setting].get(name).__doc__:
        return "it has no docstring, which says what it is"
    changes = dict(check_changes({setting: name}, "a check"))
    spec = target.spec(resolve(recipe, changes, IMAGES), 0)
    seen, usual = Watched(), Watched()
    first, second = execute(spec, data, [seen]), execute(spec, data)
    if first.status != "done":
        return f"its training ended as {first.status}"
    if seen.broken or not np.isfinite(first.arrays["test_probabilities"]).all():
        return "it gives gradients or results that are not finite"
    if differ := next(differences(first, second), None):
        return f"two trainings under one seed differ ({differ[0]}): it draws from elsewhere than its generator"
    execute(target.spec(resolve(recipe, {}, IMAGES), 0), data, [usual])
    if setting not in OWN_ORDER and seen.order != usual.order:
        return "it draws from what decides the order of the pictures"
    if seen.seeded != usual.seeded:
        return "it seeds torch's generator, from which dropout draws; draw from a torch.Generator of its own"
    return None


def check_probe(name: str, spec: RunSpec, target: Target, data: RunData) -> str | None:
    """Train two steps with a probe, twice, and without it."""
    watched = target.spec(spec.settings, spec.seed, (name,))
    plain, first, second = execute(spec, data), execute(watched, data), execute(watched, data)
    json.dumps(first.metrics, allow_nan=False)
    if differ := next(differences(first, second), None):
        return f"two looks at the same run differ: {differ[0]}"
    wrong = [one for one in set(first.arrays) - set(plain.arrays) if not one.startswith(f"{name}/")]
    if wrong:
        return f"its array {min(wrong)!r} must be called {name}/..."
    if set(first.metrics) - {"probe_seconds"} <= set(plain.metrics) and set(first.arrays) == set(plain.arrays):
        return "it measures nothing"
    kept = {key: value for key, value in first.metrics.items() if key in plain.metrics}
    arrays = {key: value for key, value in first.arrays.items() if key in plain.arrays}
    if differ := next(differences(plain, replace(first, metrics=kept, arrays=arrays)), None):
        return f"the run it watches trains otherwise than without it: {differ[0]}"
    return None
