"""How the learning rate follows the batch. A level gives the factor on the rate for a batch and the recipe's batch."""

from collections.abc import Callable

from harness.core.registry import Registry

RATE_SCALING: Registry[Callable[..., float]] = Registry("rate_scaling")


@RATE_SCALING.level("fixed")
def fixed(batch_size: int, usual_batch_size: int) -> float:
    """The same rate for every batch."""
    return 1.0


@RATE_SCALING.level("linear")
def linear(batch_size: int, usual_batch_size: int) -> float:
    """In proportion to the batch (Goyal et al., 2017)."""
    return batch_size / usual_batch_size
