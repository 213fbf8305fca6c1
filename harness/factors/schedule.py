"""Learning rate over time. A level returns a torch scheduler that is stepped once per update."""

from collections.abc import Callable
from math import ceil

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    SequentialLR,
    StepLR,
)

from harness.core.registry import Registry

SCHEDULE: Registry[Callable[..., LRScheduler]] = Registry("schedule")


@SCHEDULE.level("constant")
def constant(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The same rate throughout."""
    return StepLR(optimizer, step_size=total_steps + 1)


@SCHEDULE.level("step", drops=(0, 1000), factor=(0, 1))
def step(optimizer: Optimizer, total_steps: int, *, drops: int = 2, factor: float = 0.1) -> LRScheduler:
    """Times `factor` at `drops` moments that divide the steps into equal parts."""
    return StepLR(optimizer, step_size=ceil(total_steps / (drops + 1)), gamma=factor)


@SCHEDULE.level("exponential", end=(1e-6, 1))
def exponential(optimizer: Optimizer, total_steps: int, *, end: float = 0.01) -> LRScheduler:
    """Times one factor at every step, down to the share `end` of the rate."""
    return ExponentialLR(optimizer, gamma=end ** (1 / total_steps))


@SCHEDULE.level("cosine")
def cosine(optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """Down to zero along half a period of a cosine (Loshchilov and Hutter, 2016)."""
    return CosineAnnealingLR(optimizer, T_max=total_steps)


@SCHEDULE.level("one_cycle", rise=(0.01, 0.99))
def one_cycle(optimizer: Optimizer, total_steps: int, *, rise: float = 0.25) -> LRScheduler:
    """Up to the rate over the share `rise` of the steps, then down to nearly zero (Smith, 2018)."""
    rate = optimizer.param_groups[0]["lr"]
    # torch divides by the length of the rise; a run of a few steps sees the first part of a longer cycle.
    total_steps = max(total_steps + 1, ceil(2 / rise) + 1)
    # Momentum is left alone: cycling it would change a second thing, and not every rule has one.
    return OneCycleLR(optimizer, max_lr=rate, total_steps=total_steps, pct_start=rise, cycle_momentum=False)


@SCHEDULE.level("warmup_cosine", rise=(0, 0.99))
def warmup_cosine(optimizer: Optimizer, total_steps: int, *, rise: float = 0.1) -> LRScheduler:
    """Up in a line over the share `rise` of the steps (Goyal et al., 2017), then down to zero along a cosine."""
    warm = ceil(rise * total_steps)
    up = LinearLR(optimizer, start_factor=1 / (warm + 1), total_iters=warm)
    return SequentialLR(optimizer, [up, CosineAnnealingLR(optimizer, T_max=max(total_steps - warm, 1))], [warm])
