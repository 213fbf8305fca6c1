"""What a step of full-batch gradient descent costs, against the number of pictures in it."""

import copy
from functools import partial

import numpy as np

from harness.probes.looking import median, spread
from harness.probes.timing import timed, twin_of
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# Of the training pictures.
SHARES = (1 / 4, 1 / 2, 1.0)
ROUNDS = 15


@PROBE.level("batch_cost")
class BatchCost(Observer):
    """Times steps on a quarter to all of the training pictures, in turn; only where a run's batch is all of them.

    The exponent is the slope of a straight line through log seconds over log pictures: 1 where the cost grows in
    proportion, as it does for a gradient that is a sum over pictures. (An exponential growth has no exponent: the
    slope would rise with the number of pictures.) It is the median of those of single rounds: what slows the machine
    for longer than a round slows all sizes alike.
    """

    def __init__(self) -> None:
        self.findings = Findings({"batch_cost_exponent": None})

    def after_training(self, recipe: Recipe) -> None:
        total = len(recipe.train)
        if recipe.spec.settings.batch_size < total:
            return
        twin = twin_of(recipe, copy.deepcopy(recipe.model))
        batches = [spread(total, max(1, round(share * total))).to(recipe.spec.device) for share in SHARES]
        seconds = timed([partial(twin.update, batch) for batch in batches], recipe.spec.device, ROUNDS)
        images = np.array([len(batch) for batch in batches])
        exponents = np.polynomial.polynomial.polyfit(np.log(images), np.log(seconds), 1)[1]
        self.findings = Findings(
            {"batch_cost_exponent": median(exponents)},
            {"batch_cost/images": images, "batch_cost/seconds": np.median(seconds, axis=1)},
        )

    def result(self) -> Findings:
        return self.findings
