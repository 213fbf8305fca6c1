"""A plan and its records -> what is shown of a run by name: tags, parameters, values, curves. Needs no mlflow."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from harness.core.spec import Choice, RunResult, epochs_to
from harness.core.written import ArmJson, PlanJson, RunJson, StudyJson, TrialJson
from harness.quantities.training import TRAINING

Json = Mapping[str, Any]
# What comes first in MLflow, whose UI sorts sections, the part of a name before the slash, by the alphabet.
FIRST = "answer"
HEADLINE = ("test_accuracy", "epochs_to_target", "train_seconds")
# Names of params and metrics as they are now; a run that was written under others is written anew.
LAYOUT = "3"
# With another target the same record shows another number of epochs to it.
KEY = ("fingerprint", "level", "context", "seed", "target_accuracy")


@dataclass(frozen=True)
class Entry:
    """A run as one study shows it; a run that studies share has an entry in each of them."""

    name: str
    tags: dict[str, str]
    params: dict[str, str]

    @property
    def study(self) -> str:
        """The experiment it belongs to."""
        return self.tags["study"]

    @property
    def key(self) -> tuple[str, ...]:
        """What it is known by in MLflow."""
        return key_of(self.study, self.tags)


def key_of(study: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return what identifies a run among those of all studies."""
    return (study, *(tags.get(name, "") for name in KEY))


def planned_entries(plan: PlanJson) -> dict[str, list[Entry]]:
    """Return the entries of a plan by fingerprint, in its order."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for study in plan["studies"]:
        for arm, run, settings, tried in planned_runs(study):
            tags = arm_tags(plan, study, arm) | {
                "seed": str(run["seed"]),
                "fingerprint": run["fingerprint"],
                "target_accuracy": str(settings["target_accuracy"]),
                "tuning": str(bool(tried)).lower(),
                "layout": LAYOUT,
            }
            name = " · ".join([tags["arm"], *tried, f"seed {run['seed']}"])
            params = settings_of(settings) | {"seed": str(run["seed"])}
            found[run["fingerprint"]].append(Entry(name, tags, params))
    return dict(found)


def arm_tags(plan: PlanJson, study: StudyJson, arm: ArmJson) -> dict[str, str]:
    """Return what every run of an arm is tagged with."""
    return {
        "study": study["name"],
        "factor": study["factor"],
        "level": arm["level"],
        "context": arm["context"],
        "arm": f"{arm['level']} · {arm['context']}",
        "control": str(arm["level"] == study["control"]).lower(),
        "profile": plan["profile"],
        "current": "true",
    }


def settings_of(settings: Json) -> dict[str, str]:
    """Return all settings as params: runs of any two studies can be compared by them."""
    return {name: shown(value) for name, value in settings.items()}


def planned_runs(study: StudyJson) -> Iterator[tuple[ArmJson, RunJson | TrialJson, Json, list[str]]]:
    """Yield (arm, run, settings, words for what it tried) of every judged and every tuning run."""
    for arm in study["arms"]:
        for run in arm["runs"]:
            yield arm, run, arm["settings"], []
        if tuning := arm["tuning"]:
            setting = tuning["setting"]
            for trial in tuning["runs"]:
                tried = ["tuned", f"{setting.removeprefix('learning_').replace('_', ' ')} {trial['value']}"]
                yield arm, trial, tuning["settings"] | {setting: trial["value"]}, tried


def shown(value: Any) -> str:
    """Spell a setting as it is read, not as JSON: `leaky_relu (slope 0.1)`."""
    return str(Choice.parse(value)) if isinstance(value, Mapping) else str(value)


def scalars(result: RunResult, entry: Entry) -> dict[str, float | None]:
    """Return metrics by the names that MLflow shows; the UI makes a section of what precedes the slash.

    `answer/` is first, and short. `best/` is at the epoch chosen on validation, where the test split is judged;
    `final/` at the last epoch; `run/` what the run cost and found; `probe/` what watched it.
    """
    learned = (item for item in result.curves.items() if item[0].endswith(("_loss", "_accuracy")) and item[1])
    named: dict[str, float | None] = {f"final/{name}": values[-1] for name, values in learned}
    named |= {metric_name(name): value for name, value in result.metrics.items()}
    return named | {metric_name("epochs_to_target"): epochs_to(float(entry.tags["target_accuracy"]), result.curves)}


def metric_name(name: str) -> str:
    """Return the name that MLflow shows for a metric of a record."""
    if name in HEADLINE:
        return f"{FIRST}/{name}"
    if name.startswith(("best_", "final_", "test_")):
        return re.sub("^(best|final)_", r"\1/", re.sub("^test_", "best_test_", name))
    return f"{'run' if name in TRAINING else 'probe'}/{name}"


def points(result: RunResult, begun: int) -> list[Json]:
    """Return the curves of a record as one point per epoch, each with the `milliseconds` at which it ended."""
    rows = [dict(zip(result.curves, row, strict=True)) for row in zip(*result.curves.values(), strict=True)]
    seconds = accumulate(row.get("epoch_seconds") or 0 for row in rows)
    return [row | {"milliseconds": begun + round(1000 * at)} for row, at in zip(rows, seconds, strict=True)]


def outcome(result: RunResult) -> dict[str, str]:
    """Return the tags that are known only at the end; the UI has a column for the commit."""
    where = result.environment
    # A CPU and a GPU draw other luck from one seed: runs of both are not to be compared pair by pair.
    tags = {"status": result.status, "error": result.error, "device": where.get("gpu") or where.get("device")}
    tags["mlflow.source.git.commit"] = where.get("commit")
    return {name: str(value)[:1000] for name, value in tags.items() if value}
