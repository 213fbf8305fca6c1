"""The page of one study. Not registered: there is one for each study, written as soon as it is read."""

from dataclasses import dataclass

import numpy as np

from harness.analysis.arms import Arms
from harness.analysis.diagnosis import context_diagnoses
from harness.analysis.predictions import questions
from harness.analysis.ranks import Ranks, ranks
from harness.analysis.spread import in_words, right_by_arm, seed_spread
from harness.analysis.summary import ContextSummary, StudySummary, all_arms
from harness.quantities import PRIMARY
from harness.report import carried, mistakes
from harness.report.navigation import neighbours
from harness.report.pages.compare import link_to
from harness.report.pages.registry import Bench
from harness.report.pictures import of_levels
from harness.report.placing import Figures
from harness.report.sharing import shared_parts
from harness.report.templating import plain, template


@dataclass(frozen=True)
class Files:
    """What lies beside the page of a study: {what it holds: path} of its tables, its archive, and what that says."""

    csv: dict[str, str]
    latex: dict[str, str]
    kit: str
    methods: str
    bibtex: str


def study_page(bench: Bench, summary: StudySummary, figures: Figures, files: Files) -> str:
    """Return the page of one study."""
    before, after = neighbours(bench, summary.tables.plan)
    page = template("study.html").render(
        bench=bench,
        references=[grid for grid in bench.references if summary.name in grid.studies],
        summary=summary,
        study=summary.tables.plan,
        here=f"{summary.name}.html",
        before=before,
        after=after,
        opening=figures.opening,
        gallery=of_levels(bench, summary),
        ranks=over_contexts(summary),
        mistakes=mistakes.of_study(bench, summary),
        over_seeds=over_seeds(bench, summary),
        figures=figures.contexts,
        diagnoses={context.name: context_diagnoses(summary, context) for context in summary.contexts},
        files=files,
        unfinished=sum(sum(arm.unfinished.values()) for arm in all_arms(summary)),
        tuning=tuning_cost(summary),
        guessed=guessed(summary),
        carried=carried.of_study(summary),
        questions=questions(summary),
        beside={context.name: link_to(summary, context) for context in summary.contexts},
        rates={context.name: shared_rate(summary, context) for context in summary.contexts},
    )
    return shared_parts(page)


def guessed(summary: StudySummary) -> list[str]:
    """Return the contexts in which guessing reaches the target that epochs are counted to."""
    return [
        context.name
        for context in summary.contexts
        if any(arm.settings["target_accuracy"] <= arm.chance for arm in context.arms)
    ]


def over_contexts(summary: StudySummary) -> Ranks | None:
    """Return the levels that every context has, ranked over all contexts; None of too few."""
    arms, contexts = Arms(summary.counted), summary.tables.contexts
    levels = [one for one in summary.tables.levels if all((name, one) in arms.states for name in contexts)]
    # Where some were given more seeds: those that all have.
    seeds = {name: arms.shared([(name, one) for one in levels], PRIMARY) for name in contexts}
    values = {one: [arms.values((name, one), PRIMARY)[seeds[name]] for name in contexts] for one in levels}
    return ranks(values, summary.tables.control)


def over_seeds(bench: Bench, summary: StudySummary) -> str | None:
    """Return a sentence on what test accuracy scatters by over seeds; None where too little is at hand."""
    data = mistakes.prepared(bench)
    if data is None:
        return None
    found = seed_spread(right_by_arm(summary.tables, np.asarray(data.labels("test")), len(data.classes)))
    return in_words(found) if found else None


def shared_rate(summary: StudySummary, context: ContextSummary) -> str | None:
    """Return a sentence where all levels of a context train at one learning rate, which need not suit each of them."""
    rates = {arm.settings["learning_rate"] for arm in context.arms}
    if len(rates) > 1 or summary.tables.plan["factor"] == "learning_rate" or any(arm.chosen for arm in context.arms):
        return None
    tune = summary.tables.plan["tune"]
    tuned = tune["contexts"] if tune and tune["setting"] == "learning_rate" else []
    instead = f"; with a rate of its own for each: {', '.join(tuned)}" if tuned else ""
    return f"All levels train at one learning rate, {plain(rates.pop())}, not tuned for each{instead}."


def tuning_cost(summary: StudySummary) -> dict[str, float] | None:
    """Return the runs and seconds that tuning took, or None without tuning."""
    table = summary.tables.tuning
    return None if table.empty else {"runs": len(table), "seconds": float(table["train_seconds"].sum())}
