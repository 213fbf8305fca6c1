"""Which weights a penalty leaves alive, one by one, so that runs can be compared in it."""

import numpy as np
import torch

from harness.probes.looking import number, weight_layers
from harness.probes.weights import NEAR_ZERO
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe


@PROBE.level("survivors")
class Survivors(Observer):
    """Notes of every weight of convolutions and dense layers whether it is larger than 0.001 after training.

    Two runs can be compared weight by weight only where their nets started alike.
    """

    def __init__(self) -> None:
        self.alive: np.ndarray | None = None

    def after_training(self, recipe: Recipe) -> None:
        weights = torch.cat([weight.detach().flatten() for weight in weight_layers(recipe.model).values()])
        self.alive = (weights.abs() >= NEAR_ZERO).cpu().numpy()

    def result(self) -> Findings:
        """Return the share of surviving weights, and eight of them a byte."""
        if self.alive is None:
            return Findings()
        arrays = {"survivors/bits": np.packbits(self.alive), "survivors/count": np.array([self.alive.size])}
        return Findings({"surviving_share": number(self.alive.mean())}, arrays)
