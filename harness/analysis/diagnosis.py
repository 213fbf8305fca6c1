"""Learning curves -> what a teacher would say about them. The rules are words too: the page shows them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from harness.analysis.summary import Arm, ContextSummary, StudySummary
from harness.quantities import PRIMARY, quantity

Finding = Literal["rate too high", "stuck", "rate too low", "overfitting", "underfitting", "healthy", "too short"]

FEWEST_EPOCHS = 4  # a shorter curve has no shape
JUMP = 0.05  # share of the loss; a smaller rise from one epoch to the next is noise
JUMPY_SHARE = 1 / 3  # of the steps from epoch to epoch
STILL = 0.02  # share of the first epoch's loss, or of all pictures; less is no movement
STEADY = 0.8  # second half's fall over the first half's; a straight line has 1
LEARNED = 0.5  # of the way from chance to 100 %
LITTLE = 0.25  # the same: so slow that the rate is the first suspect
GAP = 0.10  # training minus validation accuracy; with a turn of the validation loss it is overfitting
WIDE_GAP = 0.20  # so wide that it needs no other sign
TURN = 0.05  # rise of the validation loss above its lowest

RULES: dict[Finding, str] = {
    "rate too high": (
        "a run diverged, or the training loss ends above its first epoch, or it rises by more than "
        f"{JUMP:.0%} in over {JUMPY_SHARE:.0%} of the epochs"
    ),
    "rate too low": (
        f"less than {LITTLE:.0%} of the way from chance to 100 % is learned on the training pictures, and the training "
        f"loss falls in a straight line: by {STILL:.0%} or more in all, and in the second half of training by at least "
        f"{STEADY:.0%} of what it fell in the first"
    ),
    "stuck": f"the accuracy on the training pictures ends within {STILL * 100:.0f} points of chance",
    "overfitting": (
        f"training accuracy ends {WIDE_GAP * 100:.0f} points or more above validation accuracy, or "
        f"{GAP * 100:.0f} points or more while the validation loss has risen {TURN:.0%} above its lowest"
    ),
    "underfitting": f"less than {LEARNED:.0%} of the way from chance to 100 % is learned on the training pictures",
    "healthy": "none of the above",
}
ADVICE: dict[Finding, str] = {
    "rate too high": "Try a rate several times lower.",
    "stuck": (
        "Look at the weights at the start, at saturated or dead units, at how much noise dropout or augmentation adds, "
        "and at the rate, which may be off in either direction."
    ),
    "rate too low": "Try a rate several times higher, or train longer.",
    "overfitting": "More data, augmentation, a penalty or dropout may help, or stopping earlier.",
    "underfitting": "A larger net, longer training or less regularisation may help.",
}


@dataclass(frozen=True)
class Curves:
    """Curves of one arm, one entry an epoch: losses, and accuracies from 0 to 1."""

    train_loss: np.ndarray
    train_accuracy: np.ndarray
    validation_loss: np.ndarray
    validation_accuracy: np.ndarray


@dataclass(frozen=True)
class Diagnosis:
    """What is found, and the sentence with its numbers."""

    finding: Finding
    words: str


@dataclass(frozen=True)
class ArmDiagnosis:
    """The diagnosis of one arm of a study."""

    level: str
    diagnosis: Diagnosis


def diagnose(curves: Curves, chance: float, diverged: int = 0, runs: int = 1) -> Diagnosis:
    """Return the first rule of `RULES` that the curves meet.

    `chance` is the accuracy of guessing; `diverged` of `runs` ended that way, which decides alone.
    """
    if diverged:
        return Diagnosis("rate too high", f"{diverged} of {runs} runs diverged.")
    if len(curves.train_loss) < FEWEST_EPOCHS or not np.isfinite(curves.train_loss).all():
        return Diagnosis("too short", f"fewer than {FEWEST_EPOCHS} epochs have no shape to read.")
    loss = curves.train_loss
    reached, validation = float(curves.train_accuracy[-1]), float(curves.validation_accuracy[-1])
    learned = (reached - chance) / (1 - chance)
    gap = reached - validation
    if loss[-1] > loss[0] * (1 + STILL):
        return Diagnosis("rate too high", f"the training loss ends at {loss[-1]:.3g}, having begun at {loss[0]:.3g}.")
    jumps = int((np.diff(loss) > JUMP * loss[:-1]).sum())
    if jumps > JUMPY_SHARE * (len(loss) - 1):
        return Diagnosis("rate too high", f"the training loss jumps up in {jumps} of {len(loss) - 1} epochs.")
    if learned < LITTLE and loss[0] - loss[-1] >= STILL * loss[0] and straight(loss):
        return Diagnosis(
            "rate too low",
            f"the training loss still falls as steadily as at first, and has only come from {loss[0]:.3g} "
            f"to {loss[-1]:.3g}.",
        )
    if reached - chance <= STILL:
        return Diagnosis("stuck", f"the accuracy on the training pictures stays at chance ({points(reached)}).")
    turned = float(curves.validation_loss[-1] / curves.validation_loss.min() - 1)
    if gap >= WIDE_GAP or (gap >= GAP and turned >= TURN):
        risen = f", and validation loss has risen {turned:.0%} above its lowest" if turned >= TURN else ""
        return Diagnosis(
            "overfitting",
            f"{points(reached)} on the training pictures against {points(validation)} on validation{risen}.",
        )
    if learned < LEARNED:
        return Diagnosis(
            "underfitting",
            f"only {points(reached)} even on the training pictures, and {points(validation)} on validation.",
        )
    return Diagnosis("healthy", f"{points(reached)} on the training pictures, {points(validation)} on validation.")


def straight(loss: np.ndarray) -> bool:
    """Say whether the loss falls in the second half of the curve nearly as much as in the first."""
    at = np.arange(len(loss))
    middle = float(np.interp((len(loss) - 1) / 2, at, loss))
    first, second = float(loss[0]) - middle, middle - float(loss[-1])
    return second > 0 and second >= STEADY * first


def points(share: float) -> str:
    """Return an accuracy as the pages print it."""
    return quantity(PRIMARY).value(share)


def context_diagnoses(summary: StudySummary, context: ContextSummary) -> list[ArmDiagnosis]:
    """Return the diagnosis of every arm of a context, of its curves averaged over the seeds."""
    table = summary.tables.curves
    table = table[table["context"] == context.name]
    # An arm that averages others has no curves of its own.
    trained = set(table["level"])
    return [
        ArmDiagnosis(
            arm.level,
            diagnose(mean_curves(table, arm), arm.chance, arm.unfinished.get("diverged", 0), arm.runs),
        )
        for arm in context.arms
        if set(arm.unfinished) <= {"diverged"} and (arm.level in trained or arm.unfinished)
    ]


def mean_curves(table: pd.DataFrame, arm: Arm) -> Curves:
    """Return the curves of one arm, averaged over its seeds."""
    mine = table[table["level"] == arm.level].groupby("epoch")
    return Curves(
        **{name: mine[name].mean().to_numpy() if name in table else np.array([]) for name in Curves.__annotations__}
    )
