"""What a level gets right and the control wrong: test pictures with their probabilities, and who is taken for whom."""

from dataclasses import dataclass

import numpy as np

from harness.analysis.sentences import level_name
from harness.analysis.summary import Arm, ContextSummary, StudySummary
from harness.core.errors import SettingError
from harness.data.prepared import Prepared
from harness.data.strip import strip
from harness.report.pages.registry import Bench
from harness.report.pictures import Gallery, Strip, source

SHOWN = 6  # pictures
MOST_CLASSES = 12  # a matrix of more can't be read


@dataclass(frozen=True)
class Matrix:
    """Who is taken for whom: a row a true class, a column a guess, in per cent of the pictures of the class."""

    level: str
    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Mistakes:
    """Pictures that the control of a context gets wrong and a level right, counts of both kinds, and their matrices."""

    context: str
    level: str
    control: str
    gallery: Gallery | None
    words: str
    classes: tuple[str, ...]
    matrices: tuple[Matrix, ...]


def of_study(bench: Bench, summary: StudySummary) -> Mistakes | None:
    """Return the mistakes of the level that is ahead in the first context, beside those of the control.

    None where the pictures or the probabilities are not at hand, or are of other classes.
    """
    context = summary.contexts[0]
    data, arms = prepared(bench), ahead(context)
    if data is None or arms is None:
        return None
    labels = np.asarray(data.labels("test"))
    found = [probabilities(summary, arm, (len(labels), len(data.classes))) for arm in arms]
    if any(one is None for one in found):
        return None
    level, control = (one for one in found if one is not None)
    factor = str(summary.tables.plan["factor"])
    names = [level_name(arm.level, factor) for arm in arms]
    few = len(data.classes) <= MOST_CLASSES
    return Mistakes(
        context=context.name,
        level=names[0],
        control=names[1],
        gallery=gallery(data, labels, names, level.mean(axis=0), control.mean(axis=0)),
        words=counts(labels, names, level, control),
        classes=data.classes,
        matrices=tuple(matrix(name, labels, one) for name, one in zip(names, (level, control), strict=True))
        if few
        else (),
    )


def prepared(bench: Bench) -> Prepared | None:
    """Return the data that the runs were trained on, if they still are what is prepared."""
    try:
        data = Prepared.load(bench.data / "prepared")
    except SettingError:
        return None
    return data if data.digest == bench.plan["data"]["digest"] else None


def ahead(context: ContextSummary) -> tuple[Arm, Arm] | None:
    """Return the best level but the control, and the control; None if either was not measured."""
    measured = [arm for arm in context.ranked if arm.primary.value]
    level = next((arm for arm in measured if not arm.is_control), None)
    control = next((arm for arm in measured if arm.is_control), None)
    return (level, control) if level and control else None


def probabilities(summary: StudySummary, arm: Arm, shape: tuple[int, int]) -> np.ndarray | None:
    """Return the probabilities of the test pictures, float32 (seeds, n, classes), of the seeds that have them."""
    table = summary.tables.runs
    seeds = table[(table["context"] == arm.context) & (table["level"] == arm.level)]["seed"]
    kept = [summary.tables.arrays(arm.context, arm.level, int(seed), "test_probabilities") for seed in seeds]
    found = [one["test_probabilities"] for one in kept if "test_probabilities" in one]
    if not found or any(one.shape != shape for one in found):
        return None
    return np.stack(found).astype(np.float32)


def gallery(
    data: Prepared, labels: np.ndarray, names: list[str], level: np.ndarray, control: np.ndarray
) -> Gallery | None:
    """Return the pictures that the level gets right and the control wrong, those first in which they differ most."""
    places = np.arange(len(labels))
    gained = level[places, labels] - control[places, labels]
    picked = (level.argmax(axis=1) == labels) & (control.argmax(axis=1) != labels)
    order = [place for place in np.argsort(-gained, kind="stable") if picked[place]][:SHOWN]
    if not order:
        return None
    images, found = data.images("test"), dict(zip(names, (level, control), strict=True))
    strips = [
        Strip(
            source(strip(np.asarray(images[place : place + 1]))),
            data.classes[labels[place]],
            "; ".join(f"{name}: {said(one[place], data.classes)}" for name, one in found.items()),
        )
        for place in order
    ]
    return Gallery(
        f"Test pictures that {names[0]} gets right and {names[1]} wrong, by their probabilities averaged over seeds.",
        tuple(strips),
    )


def said(chances: np.ndarray, classes: tuple[str, ...]) -> str:
    """Return the likeliest class with its probability."""
    best = int(chances.argmax())
    return f"{classes[best]} {100 * chances[best]:.0f}\u00a0%"


def counts(labels: np.ndarray, names: list[str], level: np.ndarray, control: np.ndarray) -> str:
    """Return how many pictures either gets right alone, on average over the seeds that both have."""
    seeds = min(len(level), len(control))
    right = [one[:seeds].argmax(axis=2) == labels for one in (level, control)]
    alone = [float((mine & ~other).sum(axis=1).mean()) for mine, other in (right, right[::-1])]
    return (
        f"Of {len(labels):,} test pictures {alone[0]:.0f} are right with {names[0]} and wrong with {names[1]}, "
        f"{alone[1]:.0f} the other way round (mean over seeds)."
    )


def matrix(name: str, labels: np.ndarray, chances: np.ndarray) -> Matrix:
    """Return who is taken for whom under all seeds, in whole per cent."""
    classes = chances.shape[2]
    taken = np.zeros((classes, classes))
    for guesses in chances.argmax(axis=2):
        np.add.at(taken, (labels, guesses), 1)
    share = 100 * taken / np.maximum(taken.sum(axis=1, keepdims=True), 1)
    return Matrix(name, tuple(tuple(round(float(value)) for value in row) for row in share))
