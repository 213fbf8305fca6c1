"""Everything shown as CSV, the whole grid as Parquet, and data for `dvc plots`."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from harness.analysis.rules import Rules
from harness.analysis.search import trials_table
from harness.analysis.statistics import Estimate
from harness.analysis.summary import StudySummary
from harness.analysis.verdicts import JudgedClaim
from harness.quantities import PRIMARY
from harness.report.paper import latex

FLOATS = "%.6g"
RULES = (
    "How differences of each quantity are judged: by moderated t (Smyth 2004) with the prior of the whole grid where "
    "there is one, else by Student's t. Intervals are at 95 %."
)
Judged = Iterable[tuple[str, JudgedClaim]]  # each with the name of its study


def write_study_tables(summary: StudySummary, out: Path) -> dict[str, str]:
    """Write the tables of one study; return {what it holds: path relative to `out`}."""
    tables = summary.tables
    frames = {
        "levels": levels(summary),
        "metrics": metrics(summary),
        "runs": tables.runs,
        "curves": tables.curves,
        "per_class": tables.per_class,
        "tuning": tables.tuning,
        "trials": trials_table(tables),
        "claims": claims((summary.name, judged) for judged in summary.claims),
    }
    paths = {}
    for name, frame in frames.items():
        if not frame.empty:
            paths[name] = f"tables/{summary.name}_{name}.csv"
            save(frame, out / paths[name])
    return paths


def write_shared(summaries: Sequence[StudySummary], judged: Judged, out: Path) -> None:
    """Write what spans the studies: every level, the claims, how they are judged, and data for `dvc plots`."""
    judged = list(judged)
    every_level, every_claim = of_all(summaries, levels), claims(judged)
    save(every_level, out / "tables" / "levels.csv")
    save(every_claim, out / "tables" / "claims.csv")
    every = latex.table(latex.claims(one for _, one in judged), f"The claims, judged. {latex.CLAIMS}", "tab:claims")
    (out / "tables" / "claims.tex").write_text(every, encoding="utf-8")
    learned = rules(summaries[0].rules)
    save(learned, out / "tables" / "rules.csv")
    (out / "tables" / "rules.tex").write_text(latex.table(latex.written(learned), RULES, "tab:rules"), encoding="utf-8")
    whole = {
        "levels": every_level,
        "claims": every_claim,
        "rules": learned,
        "runs": of_all(summaries, lambda one: one.tables.runs),
        "curves": of_all(summaries, lambda one: one.tables.curves),
    }
    for name, frame in whole.items():
        save_parquet(frame, out / "tables" / f"{name}.parquet")
    save(effects(summaries), out / "plots" / "effects.csv")
    curves = [mean_curves(summary).assign(study=summary.name) for summary in summaries]
    save(pd.concat(curves), out / "plots" / "curves.csv")


def save(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV file with six significant digits and one kind of line end."""
    frame.to_csv(path, index=False, float_format=FLOATS, lineterminator="\n")


def of_all(summaries: Sequence[StudySummary], table: Callable[[StudySummary], pd.DataFrame]) -> pd.DataFrame:
    """Return the same table of all studies as one, with a column `study`."""
    return pd.concat([table(one).assign(study=one.name) for one in summaries], ignore_index=True)


def save_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table of the whole grid as Parquet, with all digits."""
    # A column of numbers and names, such as what a claim compares with, is text there.
    mixed = {name: "string" for name in frame if frame[name].dtype == object and frame[name].map(type).nunique() > 1}
    frame.astype(mixed).to_parquet(path, index=False)


def ends(prefix: str, estimate: Estimate | None) -> dict[str, Any]:
    """Return mean, low and high of an estimate as columns."""
    return {
        prefix: estimate.mean if estimate else None,
        f"{prefix}_low": estimate.low if estimate else None,
        f"{prefix}_high": estimate.high if estimate else None,
    }


def levels(summary: StudySummary) -> pd.DataFrame:
    """Return the main table: a row per context and level."""
    rows = []
    for context in summary.contexts:
        for arm in context.arms:
            rows.append(
                {
                    "context": arm.context,
                    "level": arm.level,
                    "control": arm.is_control,
                    "runs": arm.runs,
                    "unfinished": sum(arm.unfinished.values()),
                    **ends(PRIMARY, arm.primary.value),
                    **ends("difference", arm.primary.difference),
                    "p": arm.primary.p,
                    "p_adjusted": arm.primary.p_adjusted,
                    "standing": arm.primary.standing,
                    "reason": arm.primary.obstacle,
                    "epochs_to_target": arm.epochs_to_target.mean if arm.epochs_to_target else None,
                    "never_reached": arm.never_reached,
                    "tuned_value": arm.chosen,
                    "tuned_edge": arm.edge,
                    **{name: estimate.mean if estimate else None for name, estimate in arm.costs.items()},
                }
            )
    return pd.DataFrame(rows)


def metrics(summary: StudySummary) -> pd.DataFrame:
    """Return every metric that the study or a claim names: a row per context, metric and level."""
    return pd.DataFrame(
        {
            "context": one.context,
            "metric": one.metric,
            "level": one.level,
            "seeds": one.value.count if one.value else 0,
            **ends("mean", one.value),
            **ends("difference", one.difference),
            "p": one.p,
            "p_adjusted": one.p_adjusted,
            "standing": one.standing,
            "reason": one.obstacle,
        }
        for one in summary.metrics
    )


def claims(all_judged: Judged) -> pd.DataFrame:
    """Return the claims: a row per comparison."""
    columns = (
        "study claim check verdict seeds_low seeds_high metric context level against direction margin more_than "
        "comparison"
    )
    rows = [
        {
            "study": study,
            "claim": judged.claim.id,
            "check": judged.claim.check,
            "verdict": judged.verdict,
            "seeds_low": judged.seeds.low if judged.seeds else None,
            "seeds_high": judged.seeds.high if judged.seeds else None,
            "metric": one.comparison.metric,
            "context": one.comparison.context,
            "level": one.comparison.level,
            "against": one.comparison.against,
            "direction": one.comparison.direction,
            "margin": one.comparison.margin,
            "more_than": one.comparison.more_than,
            "comparison": one.verdict,
            **ends("difference", one.difference),
            "reason": one.reason,
        }
        for study, judged in all_judged
        for one in judged.comparisons
    ]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns.split())
    return frame.astype({"seeds_low": "Int64", "seeds_high": "Int64"})


def rules(learned: Rules) -> pd.DataFrame:
    """Return how differences of each quantity are judged, and what of their spread is learned from the whole grid."""
    rows = []
    for metric, rule in learned.items():
        prior = rule.priors.get("difference")
        rows.append(
            {
                "metric": metric,
                "differences": "paired" if rule.paired else "of means",
                "correlation": rule.correlation,
                "compared": prior.count if prior else 0,
                "prior_sd": prior.variance**0.5 if prior else None,
                "prior_freedom": prior.freedom if prior else None,
            }
        )
    return pd.DataFrame(rows)


def mean_curves(summary: StudySummary) -> pd.DataFrame:
    """Return the mean curves over seeds: a row per epoch, context and level; shares from 0 to 1."""
    table = summary.tables.curves
    names = ("validation_accuracy", "train_accuracy", "validation_loss", "train_loss")
    shown = [name for name in names if name in table]
    means = table.groupby(["context", "level", "epoch"], sort=False)[shown].mean().reset_index()
    return means[["epoch", "level", "context", *shown]]


def effects(summaries: Sequence[StudySummary]) -> pd.DataFrame:
    """Return the differences to the control of every study, in percentage points."""
    rows = [
        {
            "study": summary.name,
            "context": arm.context,
            "level": arm.level,
            "arm": f"{summary.name} · {arm.context} · {arm.level}",
            "difference_points": arm.primary.difference.mean * 100,
        }
        for summary in summaries
        for context in summary.contexts
        for arm in context.arms
        if arm.primary.difference
    ]
    return pd.DataFrame(rows, columns=["study", "context", "level", "arm", "difference_points"])
