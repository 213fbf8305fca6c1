"""How the steps of a run are taken. A level returns, of a recipe, what takes a batch's indices and makes one update."""

from collections.abc import Callable

import torch

from harness.core.registry import Registry
from harness.training.recipe import Recipe

# Indices of a batch (B,) -> its summed loss and right answers, (2,), on the device.
Step = Callable[[torch.Tensor], torch.Tensor]

# A registry, so that fingerprints of runs without captured steps are not of the code that captures them.
STEP: Registry[Callable[[Recipe], Step]] = Registry("step")


def step_of(recipe: Recipe) -> Step:
    """Return what takes the steps of this run."""
    return STEP.get("captured" if recipe.spec.captured else "eager")(recipe)


@STEP.level("eager")
def eager(recipe: Recipe) -> Step:
    """Each operation is launched by itself."""
    return recipe.update


@STEP.level("captured")
def captured(recipe: Recipe) -> Step:
    """All that leads to the gradients is launched at once, as a CUDA graph."""
    from harness.training.captured import CapturedStep

    return CapturedStep(recipe)
