"""Units that are copies of one another: as long as they are, a layer of many is a layer of one."""

import numpy as np
import torch

from harness.probes.looking import number, weight_layers
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

# Of the larger norm: equal units drift apart by rounding, since sums are taken in another order.
TOLERANCE = 1e-3


@PROBE.level("symmetry")
class Symmetry(Observer):
    """Counts the units of every layer whose incoming weights equal another unit's, before and after training."""

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.seen: list[np.ndarray] = []

    def before_training(self, recipe: Recipe) -> None:
        weights = weight_layers(recipe.model)
        self.layers = list(weights)
        self.seen.append(np.array([identical_share(weight) for weight in weights.values()]))

    def after_training(self, recipe: Recipe) -> None:
        self.seen.append(np.array([identical_share(weight) for weight in weight_layers(recipe.model).values()]))

    def result(self) -> Findings:
        """Return the mean share over hidden layers; the units of the last one differ in their targets."""
        if not self.seen:
            return Findings()
        metrics = {
            f"{prefix}identical_unit_share": number(self.seen[at][:-1].mean()) if len(self.layers) > 1 else None
            for prefix, at in (("start_", 0), ("", -1))
        }
        arrays = {
            "symmetry/layers": np.array(self.layers),
            "symmetry/identical_share": np.stack(self.seen).astype(np.float32),
        }
        return Findings(metrics, arrays)


def identical_share(weight: torch.Tensor) -> float:
    """Return the share of units of (out, in, ...) that have a twin in the layer."""
    rows = weight.detach().double().flatten(1)
    if not bool(torch.isfinite(rows).all()):
        return float("nan")
    norms = rows.norm(dim=1)
    # The plain difference, not the product formula, which would round small distances away.
    distance = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    twins = distance <= TOLERANCE * torch.maximum(norms[:, None], norms[None, :])
    twins.fill_diagonal_(False)
    return twins.any(dim=1).double().mean().item()
