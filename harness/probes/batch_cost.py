"""What a step of full-batch gradient descent costs, against the number of pictures in it."""

import copy
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from harness.probes.looking import number, spread
from harness.probes.observer import PROBE, Findings, Observer
from harness.probes.timing import timed, twin_of

if TYPE_CHECKING:
    from harness.training.recipe import Recipe

# Of the training pictures.
SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
ROUNDS = 6


@PROBE.level("batch_cost")
class BatchCost(Observer):
    """Times steps on an eighth to all of the training pictures, in turn; only where a run's batch is all of them.

    The exponent is the slope of a straight line through log seconds over log pictures: 1 where the cost grows in
    proportion, as it does for a gradient that is a sum over pictures. (An exponential growth has no exponent: the
    slope would rise with the number of pictures.)
    """

    def __init__(self) -> None:
        self.findings = Findings({"batch_cost_exponent": None})

    def after_training(self, recipe: "Recipe") -> None:
        total = len(recipe.train)
        if recipe.spec.settings.batch_size < total:
            return
        twin = twin_of(recipe, copy.deepcopy(recipe.model))
        batches = [spread(total, max(1, round(share * total))).to(recipe.spec.device) for share in SHARES]
        seconds = np.min(timed([partial(twin.update, batch) for batch in batches], recipe.spec.device, ROUNDS), axis=1)
        images = np.array([len(batch) for batch in batches])
        exponent = np.polynomial.polynomial.polyfit(np.log(images), np.log(seconds), 1)[1]
        self.findings = Findings(
            {"batch_cost_exponent": number(exponent)},
            {"batch_cost/images": images, "batch_cost/seconds": seconds},
        )

    def result(self) -> Findings:
        return self.findings
