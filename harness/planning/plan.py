"""Parameters + studies + what is recorded -> the runs, duplicates folded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import Arm, RunSpec, Settings, plain_value
from harness.core.study import Context, Level, Study, Tune
from harness.core.written import ArmJson, PlanJson, RunJson, StudyJson, TuningJson
from harness.factors.transfer import TRANSFER, Task
from harness.planning.left_out import LeftOut
from harness.planning.needs import carried, check_recipe_carried
from harness.planning.settings import check_taken, resolve
from harness.planning.target import Target
from harness.planning.tuning import Trial, shortened, tried_values


@dataclass(frozen=True)
class PlannedArm:
    """An arm and its runs; while its value is still to be chosen, only the trials are runs."""

    arm: Arm
    runs: tuple[RunSpec, ...]
    trials: tuple[Trial, ...] = ()
    tuned: str | None = None
    chosen: float | None = None
    waiting: int = 0

    @property
    def all_runs(self) -> Iterator[RunSpec]:
        """Every run that it takes: trials, runs, and the members of those that are ensembles."""
        yield from (trial.spec for trial in self.trials)
        for spec in self.runs:
            yield from spec.members
            yield spec


@dataclass(frozen=True)
class Plan:
    """All arms of all studies. `pending` are the distinct runs to train, `averages` the ensembles to compute.

    `studies` are without what the data can't carry; `left_out` says what and why, with the studies that it is of.
    """

    studies: tuple[Study, ...]
    arms: tuple[PlannedArm, ...]
    target: Target
    base: dict[str, Any]
    profile: str
    pending: dict[str, RunSpec] = field(default_factory=dict)
    averages: dict[str, RunSpec] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    dropped: tuple[Study, ...] = ()  # the studies of which nothing is left
    looks: int = 1  # at the results, before seeds are added

    @property
    def all_runs(self) -> Iterator[RunSpec]:
        """Every run of every arm, folded duplicates included."""
        for planned in self.arms:
            yield from planned.all_runs

    @property
    def distinct(self) -> dict[str, RunSpec]:
        """The runs by fingerprint, duplicates folded."""
        return {spec.fingerprint: spec for spec in self.all_runs}

    @property
    def waiting(self) -> int:
        """Runs whose settings tuning has yet to choose, those included that go on choosing."""
        return sum(planned.waiting for planned in self.arms)

    @property
    def remarks(self) -> list[str]:
        """What the data can't carry, a line each."""
        guessed = {
            planned.arm.study: 1 / classes
            for planned in self.arms
            if planned.arm.settings.target_accuracy * (classes := classes_of(planned.arm, self.target)) <= 1
        }
        lines = [str(one) for one in self.left_out]
        if guessed:
            where = ", ".join(guessed) if len(guessed) <= 3 else f"{len(guessed)} studies"
            reached = f"guessing reaches {max(guessed.values()):.0%}"
            lines.append(f"epochs to target not counted in {where}: {reached}; raise recipe.target_accuracy")
        return lines

    @property
    def stand_ins(self) -> list[RunSpec]:
        """Runs in place of those that wait for tuning; their rates don't change how long they take."""
        return [
            self.target.spec(planned.arm.settings, seed) for planned in self.arms for seed in range(planned.waiting)
        ]

    @property
    def names(self) -> dict[str, str]:
        """`study · context · level · seed 2` by fingerprint; a folded run has the name of its first arm."""
        names: dict[str, str] = {}
        for planned in self.arms:
            arm = f"{planned.arm.study} · {planned.arm.context} · {planned.arm.level}"
            for trial in planned.trials:
                names.setdefault(trial.spec.fingerprint, f"{arm} · {planned.tuned} {trial.value:g}")
            for spec in planned.runs:
                names.setdefault(spec.fingerprint, f"{arm} · seed {spec.seed}")
                for member in spec.members:
                    names.setdefault(member.fingerprint, f"{arm} · seed {spec.seed} · member of seed {member.seed}")
        return names

    def to_json(self) -> PlanJson:
        """Return what analysis and tracking need to know, as plain values."""
        target = self.target
        return {
            "profile": self.profile,
            "data": target.data,
            "base": changes_to_json(tuple(self.base.items())),
            "device": target.device,
            "gpu": target.gpu,
            "precision": target.precision,
            "threads": target.threads,
            "studies": [self.study_to_json(study) for study in self.studies],
            "dropped": [self.study_to_json(study) for study in self.dropped],
            "looks": self.looks,
        }

    def study_to_json(self, study: Study) -> StudyJson:
        """Return one study as `plan.json` has it; of one that is dropped there are no arms."""
        arms = [planned for planned in self.arms if planned.arm.study == study.name]
        body: Any = study.to_json() | {
            "levels": [level.label for level in study.levels],
            "contexts": [{"name": c.name, "changes": changes_to_json(c.changes)} for c in study.contexts],
            "arms": [arm_to_json(planned, classes_of(planned.arm, self.target)) for planned in arms],
            "left_out": [one.to_json() for one in self.left_out if one.study == study.name],
        }
        return cast(StudyJson, body)


def changes_to_json(changes: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Return settings as plain values."""
    return {name: plain_value(value) for name, value in changes}


def classes_of(arm: Arm, target: Target) -> int:
    """Return how many classes the runs of an arm learn, of which chance is one part."""
    task: Task = TRANSFER.build(arm.settings.transfer)
    return task.count(len(target.data["classes"]))


def arm_to_json(planned: PlannedArm, classes: int) -> ArmJson:
    """Return one arm as `plan.json` has it."""
    tuning: TuningJson | None = None
    if planned.tuned:
        tuning = {
            "setting": planned.tuned,
            "chosen": planned.chosen,
            "settings": shortened(planned.arm.settings).to_json(),
            "runs": [
                {"value": trial.value, "seed": trial.spec.seed, "fingerprint": trial.spec.fingerprint}
                for trial in planned.trials
            ],
        }
    return {
        "context": planned.arm.context,
        "level": planned.arm.level,
        "settings": planned.arm.settings.to_json(),
        "runs": [run_to_json(spec) for spec in planned.runs],
        "tuning": tuning,
        "classes": classes,
    }


def run_to_json(spec: RunSpec) -> RunJson:
    """Return one run as `plan.json` has it, an ensemble with the records that it averages."""
    run: RunJson = {"seed": spec.seed, "fingerprint": spec.fingerprint}
    return run | {"members": [member.fingerprint for member in spec.members]} if spec.members else run


# Settings -> the probes that any study asks for in runs with these settings.
Asked = Mapping[Settings, frozenset[str]]
# An arm by study, context and level.
Key = tuple[str, str, str]


def make_plan(
    studies: list[Study],
    recipe: dict[str, Any],
    seeds: int,
    profile: str,
    target: Target,
    store: Store,
    all_studies: Sequence[Study] = (),
    first_seed: int = 0,
    counts: Mapping[Key, int] | None = None,
    looks: int = 1,
) -> Plan:
    """Return the plan as far as the records allow: judged runs of a tuned arm follow its trials.

    `seeds` are the runs per arm of studies that ask for no other number under this profile, from `first_seed` on. A run
    that several of `all_studies` share has the probes of them all, whichever are selected. `counts` are the runs of
    arms that have been given more, in as many `looks` as are allowed.
    """
    counts = counts or {}
    asked = asked_probes([*studies, *all_studies], recipe, target)
    check_recipe_carried(resolve(recipe, {}, target.data["splits"]["train"]), target.data)
    kept, left_out = carried(studies, lambda context, level: settings_of(context, level, recipe, target), target.data)
    arms = tuple(
        plan_arm(
            study,
            context,
            level,
            recipe,
            seeds_from(first_seed, counts.get((study.name, context.name, level.label), study.seeds_in(profile, seeds))),
            target,
            store,
            asked,
        )
        for study in kept
        for context in study.contexts
        for level in study.levels_in(context)
        if not any(one.study == study.name and one.covers(context.name, level.label) for one in left_out)
    )
    names = {study.name for study in kept}
    dropped = tuple(study for study in studies if study.name not in names)
    plan = Plan(tuple(kept), arms, target, recipe, profile, left_out=tuple(left_out), dropped=dropped, looks=looks)
    missing = store.missing(plan.distinct)
    lacking = {print_: spec for print_, spec in plan.distinct.items() if print_ in missing}
    return replace(
        plan,
        pending={print_: spec for print_, spec in lacking.items() if not spec.members},
        averages={print_: spec for print_, spec in lacking.items() if spec.members},
    )


def asked_probes(studies: Sequence[Study], recipe: dict[str, Any], target: Target) -> Asked:
    """Return which probes each run needs that the study files alone decide; tuned arms depend on records too."""
    asked: dict[Settings, frozenset[str]] = {}
    for study in (study for study in studies if study.probes):
        for context in study.contexts:
            for level in study.levels_in(context):
                if tuning_of(study, context, level) is None:
                    # What watches an ensemble watches its members.
                    try:
                        settings = settings_of(context, level, recipe, target).changed(ensemble=1)
                    except SettingError:
                        # Of a study that isn't selected it is no matter; others are refused where their arms are made.
                        continue
                    asked[settings] = asked.get(settings, frozenset()) | set(study.probes)
    return asked


def tuning_of(study: Study, context: Context, level: Level) -> Tune | None:
    """Return what is tuned in an arm. A level that sets the tuned setting itself stands for not tuning it."""
    tune = study.tune
    tuned = tune is not None and context.name in tune.contexts and tune.setting not in dict(level.changes)
    return tune if tuned else None


def settings_of(context: Context, level: Level, recipe: dict[str, Any], target: Target) -> Settings:
    """Return the settings of an arm; the level comes last: it is what the study varies."""
    return resolve(recipe, {**dict(context.changes), **dict(level.changes)}, target.data["splits"]["train"])


def seeds_from(first: int, count: int) -> range:
    """Return so many seeds, one after another."""
    return range(first, first + count)


def plan_arm(
    study: Study,
    context: Context,
    level: Level,
    recipe: dict[str, Any],
    seeds: range,
    target: Target,
    store: Store,
    asked: Asked,
) -> PlannedArm:
    """Resolve one arm; with tuning, choose the value if every trial has been recorded."""
    settings = settings_of(context, level, recipe, target)
    arm = Arm(study.name, context.name, level.label, settings)

    def runs(settings: Settings) -> tuple[RunSpec, ...]:
        probes = tuple(sorted(asked.get(settings.changed(ensemble=1), frozenset()) | set(study.probes)))
        return tuple(target.judged(settings, seed, len(seeds), probes) for seed in seeds)

    tune = tuning_of(study, context, level)
    if tune is None:
        return PlannedArm(arm, runs(settings))
    check_taken(settings.model, [tune.setting])
    short = shortened(settings)
    tried = tried_values(
        tune, lambda value, seed: target.spec(short.changed(**{tune.setting: value}), seed), seeds.start, store
    )
    if tried.chosen is None:
        further = tried.waiting + len(seeds) * settings.ensemble
        return PlannedArm(arm, (), tried.trials, tune.setting, waiting=further)
    arm = replace(arm, settings=settings.changed(**{tune.setting: tried.chosen}))
    return PlannedArm(arm, runs(arm.settings), tried.trials, tune.setting, tried.chosen)
