"""Records -> tidy tables: a row a run, a row an epoch, a row a tuning run."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from harness.analysis.derived import derive
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import RunResult, epochs_to
from harness.core.study import Claim
from harness.core.written import ArmJson, PlanJson, RunJson, StudyJson
from harness.planning.left_out import LeftOut
from harness.quantities import PRIMARY, quantity

RUN_KEYS = ["context", "level", "seed"]
# Accuracy above chance of a run that guesses: three standard errors of guessing on 1,000 pictures of 10 classes.
AT_CHANCE = 0.03
# Of the way from chance to the best level of the context: what hardly learned, at most, and what learned, at least.
HARDLY, CLEARLY = 0.15, 0.4
# Accuracy above chance that counts as learned in any case.
LEAST = 0.1


@dataclass(frozen=True)
class StudyTables:
    """One study as planned, and what its runs measured.

    runs: context, level, seed, chance (the accuracy of guessing), fingerprint, status, error, epochs, target (the
        accuracy that epochs are counted to), a column a metric (NaN: none).
    curves: context, level, seed, epoch (from 1), a column a curve.
    tuning: context, level, setting, value, seed, chance, status, a column a metric, chosen.
    per_class: context, level, seed, class, accuracy.
    """

    plan: StudyJson
    runs: pd.DataFrame
    curves: pd.DataFrame
    tuning: pd.DataFrame
    per_class: pd.DataFrame
    environments: tuple[dict[str, Any], ...]
    store: Store

    @property
    def name(self) -> str:
        """The name of the study."""
        return str(self.plan["name"])

    @property
    def control(self) -> str:
        """The level that the others are compared with."""
        return str(self.plan["control"])

    @property
    def levels(self) -> list[str]:
        """The labels of the levels, in the order of the study file."""
        return [str(level) for level in self.plan["levels"]]

    @property
    def contexts(self) -> list[str]:
        """The names of the contexts, in the order of the study file."""
        return [str(context["name"]) for context in self.plan["contexts"]]

    @property
    def claims(self) -> list[Claim]:
        """The claims as frozen types."""
        return [Claim.from_json(claim) for claim in self.plan["claims"]]

    @property
    def left_out(self) -> list[LeftOut]:
        """The arms that the data can't carry."""
        return [LeftOut.from_json(body) for body in self.plan["left_out"]]

    @cached_property
    def counted(self) -> pd.DataFrame:
        """The runs as means and differences count them (`as_counted`)."""
        return as_counted(self.runs)

    def arrays(self, context: str, level: str, seed: int, prefix: str = "") -> dict[str, np.ndarray]:
        """Return the arrays that a run left (probes) and whose names start with `prefix`, read when asked for."""
        rows = self.runs
        hit = rows[(rows.context == context) & (rows.level == level) & (rows.seed == seed)]
        return self.store.arrays(str(hit.fingerprint.iloc[0]), prefix) if len(hit) else {}


def read_grid(store: Store, plan: PlanJson) -> list[StudyTables]:
    """Read every study of a plan, in its order; SettingError as `read_study`."""
    return [read_study(store, study) for study in plan["studies"]]


def read_study(store: Store, study: StudyJson) -> StudyTables:
    """Read every record of one study; SettingError says how many are missing and what to run."""
    complain_if_missing(store, study)
    key_rows, run_rows, kept_curves, class_rows, environments = [], [], [], [], []
    for arm, run in judged_runs(study):
        keys = {"context": arm["context"], "level": str(arm["level"]), "seed": run["seed"]}
        record = store.read(run["fingerprint"])
        key_rows.append(keys)
        run_rows.append(keys | {"chance": chance_of(arm)} | run_row(record, arm))
        kept_curves.append({name: np.array(values, dtype=float) for name, values in record.curves.items()})
        class_rows += [keys | {"class": c, "accuracy": a} for c, a in record.per_class_accuracy.items()]
        if record.environment not in environments:
            environments.append(record.environment)
    complain_if_mixed(study["name"], environments)
    runs, curves = with_derived(pd.DataFrame(run_rows)), curve_rows(key_rows, kept_curves)
    compared = derive(as_counted(runs), curves, study, store)
    return StudyTables(
        plan=study,
        runs=runs.join(compared.dropna(axis=1, how="all"), on=RUN_KEYS),
        curves=curves,
        tuning=pd.DataFrame(tuning_rows(store, study)),
        per_class=pd.DataFrame(class_rows, columns=[*RUN_KEYS, "class", "accuracy"]),
        environments=tuple(environments),
        store=store,
    )


def judged_runs(study: StudyJson) -> Iterator[tuple[ArmJson, RunJson]]:
    """Yield (arm, run) for every run that the study is judged by."""
    for arm in study["arms"]:
        for run in arm["runs"]:
            yield arm, run


def complain_if_missing(store: Store, study: StudyJson) -> None:
    """Raise SettingError unless every run of the study, tuning included, has its record."""
    trials = [(arm, trial) for arm in study["arms"] if (tuning := arm.get("tuning")) for trial in tuning["runs"]]
    runs = [*judged_runs(study), *trials]
    if not runs or not all(arm["runs"] for arm in study["arms"]):
        raise SettingError(f"study {study['name']} has arms without runs in {store.plan_path}; run `dvc repro`")
    lost = [(arm, run) for arm, run in runs if not store.has(run["fingerprint"])]
    if lost:
        arm, run = lost[0]
        raise SettingError(
            f"{len(lost)} of {len(runs)} runs of study {study['name']} have no record in {store.root} "
            f"(first: {arm['level']} · {arm['context']} · seed {run['seed']}); run `dvc repro` to train them"
        )


def complain_if_mixed(study: str, environments: list[dict[str, Any]]) -> None:
    """Raise SettingError if some runs were made on a CPU and others on a GPU: pairs would not share their luck."""
    devices = {environment["device"] for environment in environments if "device" in environment}
    if len(devices) > 1:
        raise SettingError(
            f"study {study} has records from {' and '.join(sorted(devices))}; dropout and augmentation draw on the "
            "device, so that runs of one seed differ in luck and can't be paired; set engine.device to one of them "
            "and run `dvc repro` to train the others there"
        )


def chance_of(arm: ArmJson) -> float:
    """Return the accuracy of guessing among the classes that the runs of an arm learn."""
    return 1 / int(arm["classes"])


def run_row(record: RunResult, arm: ArmJson) -> dict[str, Any]:
    """Return what one record says about its run, flat; how soon it reached the target that the arm has now."""
    # A run that averages others was given no epochs, and its target is not one that it failed to reach.
    trained = record.settings.get("ensemble", 1) == 1
    metrics = dict(record.metrics)
    if trained:
        metrics["epochs_to_target"] = epochs_to(arm["settings"]["target_accuracy"], record.curves)
    return {
        "fingerprint": record.fingerprint,
        "status": record.status,
        "error": record.error or "",
        "epochs": record.settings["epochs"] if trained else np.nan,
        "target": arm["settings"]["target_accuracy"],
        "evaluate_every": record.settings.get("evaluate_every", 1),
        **{name: np.nan if value is None else float(value) for name, value in metrics.items()},
    }


def curve_rows(keys: list[dict[str, Any]], curves: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    """Return the curves of all runs, one row an epoch; entries that were not finite, or that a run lacks, are NaN.

    Column by column: a table a run, of thousands, took half of the time of a report.
    """
    lengths = [max(map(len, one.values()), default=0) for one in curves]
    starts = np.cumsum([0, *lengths])
    found = pd.DataFrame(keys).loc[np.repeat(np.arange(len(keys)), lengths)].reset_index(drop=True)
    for name in dict.fromkeys(name for one in curves for name in (*one, "epoch")):
        column = np.full(len(found), np.nan)
        for start, length, one in zip(starts[:-1], lengths, curves, strict=True):
            values = np.arange(1, length + 1) if name == "epoch" and name not in one else one.get(name, ())
            column[start : start + len(values)] = values
        found[name] = column
    return found.astype({"epoch": int})


def tuning_rows(store: Store, study: StudyJson) -> Iterator[dict[str, Any]]:
    """Yield one row per tuning run of the study."""
    for arm in study["arms"]:
        tuning = arm.get("tuning")
        if tuning is None:
            continue
        for run in tuning["runs"]:
            row = run_row(store.read(run["fingerprint"]), arm)
            yield {
                "context": arm["context"],
                "level": str(arm["level"]),
                "setting": tuning["setting"],
                "value": float(run["value"]),
                "seed": run["seed"],
                "chance": chance_of(arm),
                "chosen": run["value"] == tuning["chosen"],
                **row,
            }


def with_derived(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the metrics that follow from others, unless a probe measured them already."""
    runs = runs.assign(diverged=(runs["status"] != "done").astype(float))
    if "generalisation_gap" not in runs and {"final_train_accuracy", "final_validation_accuracy"} <= set(runs):
        runs["generalisation_gap"] = runs["final_train_accuracy"] - runs["final_validation_accuracy"]
    if "final_train_loss" in runs:
        # Guessing among K classes has a cross-entropy of ln(K).
        runs["loss_over_guessing"] = runs["final_train_loss"] / -np.log(runs["chance"])
    return runs


def as_counted(runs: pd.DataFrame) -> pd.DataFrame:
    """Return `runs` as means and differences count them.

    A run that did not finish has chance accuracy (1 / classes of its task), whatever it measured before it
    broke off: it is neither dropped nor rewarded. What else it would have measured at the end it has not (NaN). A
    target that was never reached counts as one epoch more than was trained, a lower bound; `censored` marks it.
    To a target that guessing reaches no epochs are counted. `regret` is the test accuracy of the context's best
    level (that of the other seeds) under the same seed, less the run's own. `guesses` marks runs that ended at chance,
    `collapsed` those that hardly left it and `learned` those that clearly did. The index is context, level, seed.
    """
    counted = runs.copy()
    # Looked up by arm some hundred times a page; a search through columns takes ten times as long.
    counted.index = pd.MultiIndex.from_frame(counted[RUN_KEYS], names=[None] * len(RUN_KEYS))
    counted = counted.sort_index()
    done = counted["status"] == "done"
    for name in counted.select_dtypes("number"):
        unfinished = quantity(str(name)).unfinished
        if name in (*RUN_KEYS, "chance", "epochs", "target", "evaluate_every") or unfinished in ("kept", "bound"):
            continue
        counted[name] = counted[name].where(done, counted["chance"] if unfinished == "guess" else np.nan)
    if "epochs_to_target" in counted:
        meant = counted["target"] > counted["chance"]
        counted[["epochs", "epochs_to_target"]] = counted[["epochs", "epochs_to_target"]].where(meant)
        never = counted["epochs_to_target"].isna() & counted["epochs"].notna()
        counted["censored"] = never
        counted["epochs_to_target"] = counted["epochs_to_target"].where(~never, counted["epochs"] + 1)
    else:
        counted["censored"] = False
    return with_outcome(counted.assign(regret=regret(counted)))


def with_outcome(counted: pd.DataFrame) -> pd.DataFrame:
    """Add `guesses`, `collapsed` and `learned`: how far a run came from chance to the best level of its context."""
    if PRIMARY not in counted:
        return counted.assign(guesses=False, collapsed=False, learned=False)
    best = counted.groupby(level=[0, 1])[PRIMARY].mean().groupby(level=0).max()
    whole = best.reindex(counted.index.get_level_values(0)).to_numpy() - counted["chance"]
    come = counted[PRIMARY] - counted["chance"]
    return counted.assign(
        guesses=come <= AT_CHANCE,
        collapsed=come <= np.maximum(HARDLY * whole, AT_CHANCE),
        learned=(come >= CLEARLY * whole) & (come >= LEAST),
    )


def regret(counted: pd.DataFrame) -> pd.Series:
    """Return how much more test accuracy the best level of the same context has under the same seed.

    The best level is that of the highest mean validation accuracy over all other seeds: the test split chooses nothing,
    and no level is both chosen and judged by the luck of one seed. With one seed there is no regret (NaN).
    """
    if not {"best_validation_accuracy", "test_accuracy"} <= set(counted):
        return pd.Series(np.nan, index=counted.index)
    validation = counted["best_validation_accuracy"].fillna(0.0)
    arms = validation.groupby(level=[0, 1])
    others = (arms.transform("sum") - validation) / (arms.transform("count") - 1).where(lambda count: count > 0)
    best = others.unstack(level=1).dropna(how="all").idxmax(axis=1)
    keys = [(context, best.get((context, seed)), seed) for context, _, seed in counted.index]
    return counted["test_accuracy"].reindex(keys).set_axis(counted.index) - counted["test_accuracy"]


def by_seed(runs: pd.DataFrame, context: str, level: str, metric: str) -> pd.Series:
    """Return one metric of one arm of `runs` as counted, by seed, without the runs that lack it."""
    if metric not in runs or (context, level) not in runs.index:
        return pd.Series(dtype=float)
    return runs[metric].loc[(context, level)].astype(float).dropna()
