"""What a metric can be at all: an interval of few seeds reaches beyond it, a page doesn't show that part."""

from dataclasses import replace
from math import isfinite

from harness.analysis.statistics import Estimate
from harness.quantities import quantity

Limits = tuple[float | None, float | None]


def limits(metric: str) -> Limits:
    """Return the least and the greatest value that a metric can have, in stored units; None: no such end is known."""
    shown = quantity(metric)
    least, most = (end if isfinite(end) else None for end in (shown.least, shown.most))
    return least, most


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
    if estimate is None:
        return None
    low, high = ends_of_difference(estimate.low, estimate.high, metric)
    return replace(estimate, low=low, high=high)


def ends_of_difference(low: float | None, high: float | None, metric: str) -> Limits:
    """Return the ends of the interval of a difference, cut off at the widest difference of two values."""
    least, greatest = limits(metric)
    if low is None or high is None or least is None or greatest is None:
        return low, high
    return max(low, least - greatest), min(high, greatest - least)
