"""Every update rule on three surfaces of two weights: the path it takes, and how many steps it needs.

The rules are the registered ones, torch's optimizers in float64, not imitations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, isfinite, pi, sin
from typing import Any

import numpy as np
import torch

from harness.factors.optimizer import OPTIMIZER

Height = Callable[[Any, Any], Any]  # of x and y, numbers or arrays
Slope = Callable[[float, float], tuple[float, float]]

STEPS = 300
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
REACHED = 0.001  # of the height at the start, above the lowest point
END = 50  # points at the end of a path
GRID = 81  # heights a side, for contours
FAR = 1e3  # times the size of the picture; a path that leaves it is not coming back


@dataclass(frozen=True)
class Surface:
    """A height over two weights. `x` and `y` are the ends of the picture."""

    name: str
    title: str
    words: str
    formula: str
    height: Height
    slope: Slope
    lowest: float
    minima: tuple[tuple[float, float], ...]
    start: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]


ANGLE = pi / 9  # 20 degrees: a valley along an axis would suit rules that scale each weight by itself
STEEPNESS = 100.0  # curvature across the valley over the curvature along it
# No minimum lies at the origin, where weight decay alone would lead.
CENTRE = (0.7, 0.4)
DENT, WAVE, BOWL = 0.2, 2.2, 0.06


def valley(x: Any, y: Any) -> Any:
    """A quadratic whose curvature is 1 along the valley and `STEEPNESS` across it."""
    along, across = along_and_across(x, y)
    return (along * along + STEEPNESS * across * across) / 2


def valley_slope(x: float, y: float) -> tuple[float, float]:
    """The gradient of `valley`."""
    along, across = along_and_across(x, y)
    across *= STEEPNESS
    return cos(ANGLE) * along - sin(ANGLE) * across, sin(ANGLE) * along + cos(ANGLE) * across


def along_and_across(x: Any, y: Any) -> tuple[Any, Any]:
    """Return the distance from the centre along the valley and across it."""
    x, y = x - CENTRE[0], y - CENTRE[1]
    return cos(ANGLE) * x + sin(ANGLE) * y, cos(ANGLE) * y - sin(ANGLE) * x


def saddle(x: Any, y: Any) -> Any:
    """Up along x, down along y on both sides of the saddle point at (0, 0), to minima at y = -1 and 1."""
    return x * x / 2 - y * y / 2 + y * y * y * y / 4


def saddle_slope(x: float, y: float) -> tuple[float, float]:
    """The gradient of `saddle`."""
    return x, y * y * y - y


def hollows(x: Any, y: Any) -> Any:
    """A bowl with a cosine on it along each axis: many local minima, the lowest in the centre."""
    x, y = x - CENTRE[0], y - CENTRE[1]
    return BOWL * (x * x + y * y) + DENT * (2 - np.cos(WAVE * x) - np.cos(WAVE * y))


def hollows_slope(x: float, y: float) -> tuple[float, float]:
    """The gradient of `hollows`."""
    x, y = x - CENTRE[0], y - CENTRE[1]
    return 2 * BOWL * x + DENT * WAVE * sin(WAVE * x), 2 * BOWL * y + DENT * WAVE * sin(WAVE * y)


SURFACES = (
    Surface(
        "valley",
        "A long narrow valley",
        f"{STEEPNESS:.0f} times as steep across as along, and turned by 20 degrees. A rate that is safe across is slow "
        "along: plain SGD zigzags or crawls, while momentum adds up its steps along the valley and cancels those "
        "across.",
        f"(a² + {STEEPNESS:.0f} b²) / 2, a along the valley, b across it",
        valley,
        valley_slope,
        0.0,
        (CENTRE,),
        (-1.2, 0.1),
        (-1.6, 1.6),
        (-1.0, 1.3),
    ),
    Surface(
        "saddle",
        "A saddle",
        "The start is almost on the ridge, so the slope first leads into the saddle point, where it vanishes. What "
        "counts is how fast a rule gets away from there, down to either side.",
        "x² / 2 − y² / 2 + y⁴ / 4",
        saddle,
        saddle_slope,
        -0.25,
        ((0.0, -1.0), (0.0, 1.0)),
        (-1.5, 0.001),
        (-1.8, 1.4),
        (-1.15, 1.45),
    ),
    Surface(
        "hollows",
        "Local minima",
        "A bowl with dents. A rule stops in the first dent it falls into unless its speed or a large step carries it "
        "out again. Where it ends is luck of start and rate as much as merit of the rule.",
        f"{BOWL} (x² + y²) + {DENT} (2 − cos {WAVE}x − cos {WAVE}y), around the centre",
        hollows,
        hollows_slope,
        0.0,
        (CENTRE,),
        (-4.2, 4.1),
        (-5.2, 3.2),
        (-2.2, 4.9),
    ),
)


def path_of(rule: str, rate: float, surface: Surface, steps: int = STEPS, within: int | None = None) -> np.ndarray:
    """Return the points (steps + 1, 2) of `rule` at `rate`.

    The path is shorter if it flies away, or if it is not at the lowest point `within` so many steps.
    """
    weights = torch.tensor(surface.start, dtype=torch.float64, requires_grad=True)
    optimizer = OPTIMIZER.get(rule)([weights], rate)
    limit = FAR * (surface.x[1] - surface.x[0])
    x, y = surface.start
    points = [surface.start]
    for step in range(1, steps + 1):
        weights.grad = torch.tensor(surface.slope(x, y), dtype=torch.float64)
        optimizer.step()
        x, y = weights.tolist()
        if not (isfinite(x) and isfinite(y) and max(abs(x), abs(y)) < limit):
            break
        points.append((x, y))
        if within is not None and step >= within and surface.height(x, y) > threshold(surface):
            break
    return np.array(points)


def threshold(surface: Surface) -> float:
    """Return the height below which a path is at the lowest point."""
    return surface.lowest + REACHED * float(surface.height(*surface.start) - surface.lowest)


def steps_to_reach(path: np.ndarray, surface: Surface, steps: int = STEPS) -> int | None:
    """Return the first step from which on the path stays at the lowest point; None if it never does."""
    if len(path) <= steps:
        return None
    outside = np.flatnonzero(surface.height(path[:, 0], path[:, 1]) > threshold(surface))
    if len(outside) and outside[-1] == len(path) - 1:
        return None
    return int(outside[-1]) + 1 if len(outside) else 0


def best_path(rule: str, surface: Surface) -> tuple[float, np.ndarray, int | None]:
    """Return rate, path and steps of the rule at whichever of `RATES` serves it best.

    That is the one that needs the fewest steps; where none arrives, the one that ends lowest (`end_height`).
    """
    best: tuple[tuple[float, float], float, np.ndarray, int | None] | None = None
    for rate in reversed(RATES):
        path = path_of(rule, rate, surface, within=best[3] if best else None)
        reached = steps_to_reach(path, surface)
        score = (float("inf") if reached is None else reached, end_height(path, surface))
        if best is None or score < best[0]:
            best = score, rate, path, reached
    assert best is not None
    return best[1:]


def end_height(path: np.ndarray, surface: Surface) -> float:
    """Return the mean height of the last `END` points above the lowest point; infinity if the path is cut short.

    A mean, because a path that jumps about may be low at the very end by luck.
    """
    if len(path) <= STEPS:
        return float("inf")
    return float(np.mean(surface.height(path[-END:, 0], path[-END:, 1])) - surface.lowest)


def surfaces() -> dict[str, Any]:
    """Return what the page shows, as plain values: heights for contours, and a path per rule and surface."""
    torch.set_num_threads(1)
    return {
        "steps": STEPS,
        "rates": list(RATES),
        "reached": REACHED,
        "surfaces": [surface_to_json(surface) for surface in SURFACES],
    }


def surface_to_json(surface: Surface) -> dict[str, Any]:
    """Return one surface with the best path of every registered rule."""
    x, y = np.linspace(*surface.x, GRID), np.linspace(*surface.y, GRID)
    heights = surface.height(x[None, :] + 0 * y[:, None], y[:, None] + 0 * x[None, :])
    rules = []
    for rule in OPTIMIZER.names:
        rate, path, reached = best_path(rule, surface)
        words = (OPTIMIZER.get(rule).__doc__ or "").strip().splitlines()[0]
        end = end_height(path, surface)
        rules.append(
            {
                "rule": rule,
                "words": words,
                "learning_rate": rate,
                "steps": reached,
                "end_height": end if isfinite(end) else None,
                "path": [[round(float(value), 4) for value in point] for point in path],
            }
        )
    return {
        "name": surface.name,
        "title": surface.title,
        "words": surface.words,
        "formula": surface.formula,
        "minima": [list(point) for point in surface.minima],
        "start": list(surface.start),
        "x": list(surface.x),
        "y": list(surface.y),
        "heights": [[float(f"{value:.4g}") for value in row] for row in heights],
        "rules": rules,
    }
