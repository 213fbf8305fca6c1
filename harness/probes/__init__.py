"""One file per diagnostic that watches a run; a probe draws no randomness and changes nothing.

The file of the probe `name` is `name.py`.
"""

from harness.probes import (  # noqa: F401
    activations,
    batch_cost,
    equal_loss,
    gain,
    gap,
    gradients,
    inference,
    modes,
    saturation,
    shift,
    smoothness,
    surfaces,
    survivors,
    symmetry,
    timing,
    units,
    updates,
    weights,
)
from harness.training.observer import PROBE, Findings, Observer

__all__ = ["PROBE", "Findings", "Observer"]
