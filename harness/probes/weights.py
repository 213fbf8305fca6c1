"""How large and how sparse the weights are, layer by layer; biases and norm parameters aside."""

import numpy as np
import torch

from harness.probes.looking import EpochObserver, edges, number, shares, weight_layers
from harness.training.observer import PROBE, Findings
from harness.training.recipe import Recipe

BINS = edges(0.02, 61)
NEAR_ZERO = 1e-3
# Of the layer's largest weight: tells sparse weights from weights that are small altogether.
NEGLIGIBLE = 0.01


@PROBE.level("weights")
class Weights(EpochObserver):
    """Looks before training, after epochs 1, 2, 4, 8 ..., at the end, and at the weights that are judged."""

    def __init__(self) -> None:
        super().__init__()
        self.layers: list[str] = []
        self.seen: list[dict[str, np.ndarray]] = []
        self.best: dict[str, np.ndarray] | None = None

    def at_best(self, recipe: Recipe) -> None:
        self.best = measure(recipe)

    def look(self, recipe: Recipe) -> None:
        """Add one entry."""
        self.layers = list(weight_layers(recipe.model))
        self.seen.append(measure(recipe))

    def result(self) -> Findings:
        """Return the norm of all weights together and the shares of small ones, at the start, the end and the best."""
        if not self.seen:
            return Findings()
        metrics = summary("start_", self.seen[0]) | summary("", self.seen[-1])
        if self.best is not None:
            metrics |= summary("best_", self.best)
        names = ("norm", "near_zero_share", "negligible_share", "histogram")
        arrays = {f"weights/{name}": np.stack([one[name] for one in self.seen]).astype(np.float32) for name in names}
        arrays["weights/epochs"] = np.array(self.epochs)
        arrays["weights/layers"] = np.array(self.layers)
        arrays["weights/edges"] = BINS
        return Findings(metrics, arrays)


def measure(recipe: Recipe) -> dict[str, np.ndarray]:
    """Return norm, shares and histogram of every layer, the first axis the layer."""
    layers = [weight.detach() for weight in weight_layers(recipe.model).values()]
    return {
        "count": np.array([weight.numel() for weight in layers]),
        "norm": np.array([weight.double().norm().item() for weight in layers]),
        "near_zero_share": np.array([share(weight.abs() < NEAR_ZERO) for weight in layers]),
        "negligible_share": np.array([share(weight.abs() <= NEGLIGIBLE * weight.abs().max()) for weight in layers]),
        "histogram": np.stack([shares(weight, BINS) for weight in layers]),
    }


def share(hits: torch.Tensor) -> float:
    """Return the share of true entries."""
    return hits.double().mean().item()


def summary(prefix: str, one: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Return what the layers have together, every weight counting the same."""
    weigh = one["count"] / one["count"].sum()
    return {
        f"{prefix}weight_norm": number(np.linalg.norm(one["norm"])),
        f"{prefix}near_zero_share": number(one["near_zero_share"] @ weigh),
        f"{prefix}negligible_share": number(one["negligible_share"] @ weigh),
    }
