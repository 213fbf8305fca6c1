"""A few choices at once: the arms of a small factorial, trained like those of any study, in a store of their own."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import yaml

from harness.analysis.factorial import FEWEST, MOST, arms_of
from harness.analysis.tables import read_grid
from harness.campaign.project import current_target
from harness.core.config import PARAMS, Params
from harness.core.errors import SettingError
from harness.core.records import Store, cache_folder
from harness.core.study import Context, Level, Study
from harness.core.written import PlanJson
from harness.planning.plan import Plan, make_plan
from harness.planning.settings import check_changes, check_recipe
from harness.planning.studies import load_studies
from harness.quantities import PRIMARY

# Records are those of the grid, through its cache; the plan is the audit's own.
RUNS = Path("data/audit/runs")
RECIPE = "the recipe"
# What most recipes differ in, if nothing is named.
USUAL = (
    "norm=none", "augmentation=flip_crop", "dropout=0.5", "optimizer=adam", "learning_rate=x3", "width=x2",
    "penalty={l2: {strength: 0.01}}", "activation=tanh",
)  # fmt: skip


def store() -> Store:
    """Return the store of audits."""
    return Store(RUNS, cache_folder(Path()))


def parse(choices: Iterable[str]) -> tuple[Level, ...]:
    """Return `setting=value` each as a level; SettingError names what can't be."""
    levels: dict[str, Level] = {}
    for text in choices:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"audit: write setting=value, norm=none for example, not {text!r}")
        if name in levels:
            raise SettingError(f"audit: {name} is named twice; one other value for each setting")
        try:
            levels[name] = Level(text, check_changes({name: yaml.safe_load(value)}, "audit"))
        except yaml.YAMLError as error:
            raise SettingError(f"audit: {value!r} is no value for {name}: {error}") from error
    if not FEWEST <= len(levels) <= MOST:
        raise SettingError(f"audit takes {FEWEST} to {MOST} choices, not {len(levels)}")
    return tuple(levels.values())


def study_of(choices: tuple[Level, ...]) -> Study:
    """Return the study whose levels are the arms of the audit, in their order."""
    levels = []
    for row in arms_of(len(choices)):
        changed = [choice for choice, here in zip(choices, row, strict=True) if here]
        label = " + ".join(choice.label for choice in changed) or RECIPE
        levels.append(Level(label, tuple(change for choice in changed for change in choice.changes)))
    return Study(
        name="audit",
        title="Audit",
        question="Do one-factor conclusions hold when other choices change?",
        factor=choices[0].changes[0][0],
        levels=tuple(levels),
        control=RECIPE,
        contexts=(Context("default", ()),),
        seeds=None,
        metrics=(PRIMARY,),
        probes=(),
        tune=None,
        claims=(),
    )


def planner(study: Study) -> Callable[[Params], Plan]:
    """Return what plans the runs of an audit; what the data can't carry is refused."""

    def plan(params: Params) -> Plan:
        recipe = check_recipe(params.recipe, str(PARAMS))
        target, every = current_target(params), load_studies("all")
        made = make_plan(
            [study], recipe, params.seeds, params.profile, target, store(), every, first_seed=params.first_seed
        )
        if made.left_out:
            raise SettingError(f"audit: {made.left_out[0]}; leave that choice out")
        return made

    return plan


def values_of(plan: PlanJson) -> np.ndarray:
    """Return the primary quantity of every arm and seed, (arms, seeds); a run that failed counts as chance."""
    (study,) = read_grid(store(), plan)
    table = study.counted.reset_index().pivot(index="level", columns="seed", values=PRIMARY)
    return table.loc[study.levels].to_numpy(dtype=float)
