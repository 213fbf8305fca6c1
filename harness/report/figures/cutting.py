"""What lies outside of an axis is cut off before it is drawn, never hidden by a clip alone.

A loss that exploded to 1e15 would otherwise be drawn a light year above its panel: browsers and readers' tools
choke on it, although nobody sees it.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def with_crossings(x: np.ndarray, ys: Sequence[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return curves (N,) over a common `x` with points added where any of them crosses 0 or 1; gaps (NaN) stay."""
    columns = np.column_stack([x, *ys])
    if not outside(columns[:, 1:]):
        return x, list(ys)
    rows = [columns[:1]]
    for start, end in pairwise(columns):
        if np.isfinite(start).all() and np.isfinite(end).all():
            at = {
                (edge - low) / (high - low)
                for low, high in zip(start[1:], end[1:], strict=True)
                for edge in (0.0, 1.0)
                if (low - edge) * (high - edge) < 0
            }
            rows += [(start + share * (end - start))[None] for share in sorted(at)]
        rows.append(end[None])
    both = np.concatenate(rows)
    return both[:, 0], [both[:, column] for column in range(1, both.shape[1])]


def cut_line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a polyline that lies within 0 and 1, with gaps (NaN) where it is outside."""
    x, (y,) = with_crossings(x, [y])
    # An interpolated crossing may miss the edge by a rounding error.
    inside = (y >= -1e-9) & (y <= 1 + 1e-9)
    return x, np.where(inside, np.clip(y, 0, 1), np.nan)


def cut_band(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the part of the area between two curves that lies within 0 and 1."""
    x, (low, high) = with_crossings(x, [low, high])
    return x, np.clip(low, 0, 1), np.clip(high, 0, 1)


def outside(shares: np.ndarray) -> int:
    """Return how many values lie beyond 0 or 1, infinite ones among them."""
    return int(((shares < -1e-9) | (shares > 1 + 1e-9)).sum())


def beyond(count: int) -> str:
    """Return what is said of values that an axis leaves out: `2 values beyond`."""
    return f"{count} value{'' if count == 1 else 's'} beyond"
