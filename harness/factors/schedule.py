"""Learning rate over time. A level returns a torch scheduler that is stepped once per update."""

from collections.abc import Callable
from math import ceil

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR

from harness.registry import Registry

SCHEDULE: Registry[Callable[..., LRScheduler]] = Registry("schedule")


@SCHEDULE.level("constant")
def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The same rate throughout."""
    return StepLR(optimizer, step_size=total_steps + 1)


@SCHEDULE.level("one_cycle")
def one_cycle(optimizer: Optimizer, total_steps: int, *, rise: float = 0.25) -> LRScheduler:
    """Up to the rate over the share `rise` of the steps, then down to nearly zero (Smith, 2018)."""
    rate = optimizer.param_groups[0]["lr"]
    # torch divides by the length of the rise; a run of a few steps sees the first part of a longer cycle.
    total_steps = max(total_steps + 1, ceil(2 / rise) + 1)
    # Momentum is left alone: cycling it would change a second thing, and not every rule has one.
    return OneCycleLR(optimizer, max_lr=rate, total_steps=total_steps, pct_start=rise, cycle_momentum=False)
