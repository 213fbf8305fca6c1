"""Every update rule on three surfaces of two weights: the path it takes, and how many steps it needs.

The rules are the registered ones, torch's optimizers in float64, not imitations. The surfaces are those of
`harness/probes/surfaces.py`.
"""

from math import isfinite
from typing import Any

import numpy as np
import torch

from harness.factors.optimizer import OPTIMIZER
from harness.probes.surfaces import RATES, REACHED, STEPS, SURFACES, Surface

END = 50  # points at the end of a path
GRID = 81  # heights a side, for contours
FAR = 1e3  # times the size of the picture; a path that leaves it is not coming back


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
