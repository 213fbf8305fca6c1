"""A paragraph on methods, written from the plan and the records of a study."""

from collections.abc import Iterable
from math import ceil

from harness.analysis import sentences
from harness.analysis.sentences import kind_of_pictures, plural, seeds_of
from harness.analysis.summary import StudySummary, all_arms
from harness.core.written import PlanJson
from harness.quantities import PRIMARY
from harness.report.templating import duration, plain, words

# What a sentence of its own tells, or what says nothing about how nets were trained.
TOLD = {"epochs", "batch_size", "optimizer", "learning_rate", "max_train_seconds", "ensemble", "search"}


def methods(summary: StudySummary, plan: PlanJson) -> str:
    """Return how a study was made, in sentences for a paper: design, budget, statistics, hardware."""
    return " ".join([*design(summary), *budget(summary, plan), *statistics(summary), *hardware(summary, plan)])


def design(summary: StudySummary) -> Iterable[str]:
    """Yield what was varied, against what, and under how many seeds."""
    plan, tables = summary.tables.plan, summary.tables
    factor = words(str(plan["factor"]))
    contexts = f", in {plural(len(summary.contexts), 'context')} each" if len(summary.contexts) > 1 else ""
    yield f"We varied {factor} ({', '.join(tables.levels)}) and compared each level with {tables.control}{contexts}."
    changes = [
        f"{context.name} ({', '.join(f'{words(name)} {plain(value)}' for name, value in context.changes.items())})"
        for context in summary.contexts
        if context.changes
    ]
    if changes:
        yield f"The contexts change what is fixed otherwise: {'; '.join(changes)}."
    yield (
        f"Every level was trained under {seeds_of(all_arms(summary))}, which levels share; a seed fixes the split, the "
        "order of batches, the augmentation draws and, where shapes agree, the initial weights, so that levels are "
        "paired by seed."
    )
    unfinished = sum(sum(arm.unfinished.values()) for arm in all_arms(summary))
    if unfinished:
        yield f"{plural(unfinished, 'run')} did not finish and count{'s' if unfinished == 1 else ''} as guessing."
    if tune := plan.get("tune"):
        yield (
            f"The {words(tune['setting'])} was chosen per level in {' and '.join(tune['contexts'])} from "
            f"{', '.join(plain(float(value)) for value in tune['values'])} by validation accuracy after half of the "
            f"epochs, refined around the best, under {tune['seeds']} other seeds."
        )


def budget(summary: StudySummary, plan: PlanJson) -> Iterable[str]:
    """Yield the pictures and the training; settings that vary are left to the levels and contexts."""
    base, splits = plan["base"], plan["data"]["splits"]
    images, size = splits["train"], base["batch_size"]
    updates = base["epochs"] * ceil(images / (images if size == "full" else size))
    source = kind_of_pictures(plan["data"]["source"])
    yield (
        f"Unless varied, a net was trained for {plural(base['epochs'], 'epoch')} of {images:,} {source} of "
        f"{len(plan['data']['classes'])} classes ({' x '.join(str(side) for side in plan['data']['image_size'])}) in "
        f"batches of {plain(size)} ({plural(updates, 'update')}), by {plain(base['optimizer'])} at a learning rate of "
        f"{plain(base['learning_rate'])}."
    )
    rest = {name: value for name, value in base.items() if name in summary.fixed and name not in TOLD}
    yield f"Fixed were {', '.join(f'{words(name)} {plain(value)}' for name, value in rest.items())}."
    yield (
        f"The weights of the best epoch on {splits['validation']:,} validation pictures were tested once on "
        f"{splits['test']:,} others, by which nothing was chosen."
    )


def statistics(summary: StudySummary) -> Iterable[str]:
    """Yield how differences were judged."""
    yield sentences.how_judged(summary.rules, PRIMARY)
    yield (
        "Intervals are at 95 %; p-values are adjusted over all levels and contexts of the study (Holm 1979); which "
        "levels can't be told from the best follows Hsu (1984) with Bonferroni's bound."
    )


def hardware(summary: StudySummary, plan: PlanJson) -> Iterable[str]:
    """Yield where the runs were made, and what they took."""
    runs = summary.tables.runs
    made = dict.fromkeys(
        f"{one.get('gpu') or one.get('processor') or one['device']} ({one['precision']}, PyTorch {one['torch']}, "
        f"{plural(one['threads'], 'thread')})"
        for one in summary.tables.environments
    )
    seconds = float(runs["train_seconds"].sum()) if "train_seconds" in runs else 0.0
    yield (
        f"The {plural(len(runs), 'run')} took {duration(seconds)} of training on {' and '.join(made)}; data digest "
        f"{plan['data']['digest'][:12]}."
    )
