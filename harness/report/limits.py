"""What a metric can be at all: an interval of few seeds reaches beyond it, a page doesn't show that part."""

from dataclasses import replace

from harness.analysis.quantities import quantity
from harness.analysis.statistics import Estimate

Limits = tuple[float | None, float | None]

NEVER_NEGATIVE = {
    "activation_offset",
    "activation_op_cost",
    "best_epoch",
    "effective_step_growth",
    "epochs_to_target",
    "evaluations",
    "first_update_per_rate",
    "gradient_ratio",
    "images_per_second",
    "loss_over_guessing",
    "loss_range_along_gradient",
    "parameters",
    "start_activation_std_growth",
    "start_gradient_ratio",
    "start_layer_gain",
    "step_cost",
    "steps",
    "weight_norm",
}
ENDINGS = ("_seconds", "_bytes", "_loss", "_cross_entropy")


def limits(metric: str) -> Limits:
    """Return the least and the greatest value that a metric can have, in stored units; None: no such end is known."""
    if quantity(metric).share or metric == "diverged":
        return 0.0, 1.0
    return (0.0, None) if metric in NEVER_NEGATIVE or metric.endswith(ENDINGS) else (None, None)


def within(estimate: Estimate | None, metric: str) -> Estimate | None:
    """Return an estimate of a metric's value with its interval cut off where no value can be."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return estimate
    least, greatest = limits(metric)
    low = estimate.low if least is None else max(estimate.low, least)
    high = estimate.high if greatest is None else min(estimate.high, greatest)
    return replace(estimate, low=low, high=high)


def within_difference(estimate: Estimate | None, metric: str) -> Estimate | None:
    """Return an estimate of a difference with its interval cut off at the widest difference of two values."""
    least, greatest = limits(metric)
    if estimate is None or estimate.low is None or estimate.high is None or least is None or greatest is None:
        return estimate
    return replace(estimate, low=max(estimate.low, least - greatest), high=min(estimate.high, greatest - least))
