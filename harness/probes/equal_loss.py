"""Generalisation gap of nets that know their training pictures equally well, however long they took to."""

from math import log

import numpy as np

from harness.probes.gap import judge
from harness.probes.looking import spread
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# Of the loss of guessing, ln(classes): most pictures are known by then, and not yet all by heart.
LEVEL = 0.25


@PROBE.level("equal_loss")
class EqualLoss(Observer):
    """Compares training with validation pictures after every evaluation, both in inference mode.

    The gap is that at the moment when the loss on the training pictures (as many as for validation) falls to a quarter
    of that of guessing, on a straight line between the evaluations before and after it.
    """

    def __init__(self) -> None:
        self.classes = 0
        self.seen: list[tuple[float, float, float]] = []

    def after_epoch(self, recipe: Recipe, point: dict[str, float]) -> None:
        self.classes = len(recipe.classes)
        accuracy, loss = judge(recipe, recipe.train, spread(len(recipe.train), len(recipe.validation)))
        self.seen.append((point["epoch"], loss, accuracy - point["validation_accuracy"]))

    def result(self) -> Findings:
        """Return the gap; None if the loss never falls so far."""
        if not self.seen:
            return Findings()
        epochs, losses, gaps = np.array(self.seen).T
        arrays = {"equal_loss/epochs": epochs, "equal_loss/train_loss": losses, "equal_loss/gap": gaps}
        return Findings({"gap_at_equal_loss": gap_at(LEVEL * log(self.classes), losses, gaps)}, arrays)


def gap_at(level: float, losses: np.ndarray, gaps: np.ndarray) -> float | None:
    """Return the gap where the losses first fall to `level`; None if they don't."""
    below = np.flatnonzero(losses <= level)
    if not len(below):
        return None
    after = int(below[0])
    before = max(0, after - 1)
    # Along falling losses, from the later look back to the earlier.
    return float(np.interp(level, losses[[after, before]], gaps[[after, before]]))
