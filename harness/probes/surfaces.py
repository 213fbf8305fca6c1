"""The run's update rule on surfaces of two weights, from many points: a valley, a saddle, local minima.

The surfaces are also those of the report's page, where every rule takes one path over each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin
from typing import Any

import numpy as np
import torch

from harness.core.seeding import derive
from harness.core.spec import Choice
from harness.factors.optimizer import OPTIMIZER
from harness.probes.looking import number
from harness.training.observer import PROBE, Findings, Observer
from harness.training.recipe import Recipe

Height = Callable[[Any, Any], Any]  # of x and y, numbers or arrays
Slope = Callable[[Any, Any], tuple[Any, Any]]

STEPS = 300
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
REACHED = 0.001  # of the height at the start, above the lowest point


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


def valley_slope(x: Any, y: Any) -> tuple[Any, Any]:
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


def saddle_slope(x: Any, y: Any) -> tuple[Any, Any]:
    """The gradient of `saddle`."""
    return x, y * y * y - y


def hollows(x: Any, y: Any) -> Any:
    """A bowl with a cosine on it along each axis: many local minima, the lowest in the centre."""
    x, y = x - CENTRE[0], y - CENTRE[1]
    return BOWL * (x * x + y * y) + DENT * (2 - np.cos(WAVE * x) - np.cos(WAVE * y))


def hollows_slope(x: Any, y: Any) -> tuple[Any, Any]:
    """The gradient of `hollows`."""
    x, y = x - CENTRE[0], y - CENTRE[1]
    return 2 * BOWL * x + DENT * WAVE * np.sin(WAVE * x), 2 * BOWL * y + DENT * WAVE * np.sin(WAVE * y)


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


STARTS = 16
NOISE = 1.0  # standard deviation added to each part of the slope
LEFT = 0.5  # distance from the ridge at which the saddle has been left
FIRST, LAST = 20, 50  # steps at the beginning of a path and points at its end


@PROBE.level("surfaces")
class Surfaces(Observer):
    """Runs the optimizer of the run on the surfaces before training, from 16 points that the seed draws.

    Each number is at whichever of `RATES` serves the rule best in it, as on the page of the surfaces: the rate of the
    run is one for a net. A path that flies off or doesn't arrive counts as one step more than there are.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, float | None] = {}

    def before_training(self, recipe: Recipe) -> None:
        self.metrics = dict(on_surfaces(recipe.spec.settings.optimizer, recipe.spec.seed))

    def result(self) -> Findings:
        return Findings(self.metrics)


# Two contexts of a study differ in what a surface doesn't know of.
@lru_cache
@np.errstate(all="ignore")
def on_surfaces(rule: Choice, seed: int) -> tuple[tuple[str, float | None], ...]:
    """Return every metric of a rule by name."""
    rng = np.random.default_rng(derive(seed, "surfaces"))
    starts = valley_starts(rng)
    grounds = np.stack([starts, saddle_starts(rng), hollow_starts(rng), starts])
    noise = rng.normal(0.0, NOISE, (STEPS, STARTS, 2))
    found = [path_of_all(rule, rate, grounds, noise) for rate in RATES]
    needed = [(steps_in_valley(path[:, 0]), path[:, 0]) for path in found]
    steps, path = min(needed, key=lambda one: float(np.mean(one[0])))
    across, along = shares_of_direction(path)
    return (
        ("valley_steps", number(np.mean(steps))),
        ("valley_across_log10", number(across)),
        ("valley_along_log10", number(along)),
        ("saddle_steps", number(min(np.mean(steps_on_saddle(path[:, 1])) for path in found))),
        ("lowest_hollow_share", number(max(np.mean(in_the_lowest(path[:, 2])) for path in found))),
        ("noisy_valley_log10", number(min(np.log10(np.mean(height_at_end(path[:, 3]))) for path in found))),
    )


def path_of_all(rule: Choice, rate: float, starts: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return the paths (steps + 1, grounds, starts, 2) of a rule from starts (grounds, starts, 2), all of them at once.

    The grounds are valley, saddle, hollows, and the valley with `noise` (steps, starts, 2) on its slope. Every
    registered rule treats each number by itself, so paths don't disturb one another; one that flies off goes on as
    infinite or not a number.
    """
    weights = torch.tensor(starts, dtype=torch.float64, requires_grad=True)
    optimizer = OPTIMIZER.build(rule, [weights], rate)
    path = np.empty((STEPS + 1, *starts.shape))
    path[0] = starts
    slope = np.empty_like(starts)
    for step, more in enumerate(noise):
        for ground, of in enumerate((valley_slope, saddle_slope, hollows_slope, valley_slope)):
            slope[ground, :, 0], slope[ground, :, 1] = of(path[step, ground, :, 0], path[step, ground, :, 1])
        slope[-1] += more
        weights.grad = torch.from_numpy(slope)
        optimizer.step()
        path[step + 1] = weights.detach().numpy()
    return path


def valley_starts(rng: np.random.Generator) -> np.ndarray:
    """Draw (starts, 2) points on the walls of the valley: 1 to 2 along it, 0.2 to 0.5 across, on any side."""
    along, across = (
        rng.choice([-1.0, 1.0], STARTS) * rng.uniform(low, high, STARTS) for low, high in ((1.0, 2.0), (0.2, 0.5))
    )
    x, y = cos(ANGLE) * along - sin(ANGLE) * across, sin(ANGLE) * along + cos(ANGLE) * across
    return np.stack([x + CENTRE[0], y + CENTRE[1]], axis=1)


def saddle_starts(rng: np.random.Generator) -> np.ndarray:
    """Draw (starts, 2) points close to the ridge, which leads to the saddle: 0.0001 to 0.01 off it, on any side."""
    x, y = (rng.choice([-1.0, 1.0], STARTS) for _ in range(2))
    return np.stack([x * rng.uniform(1.0, 1.5, STARTS), y * 10 ** rng.uniform(-4.0, -2.0, STARTS)], axis=1)


def hollow_starts(rng: np.random.Generator) -> np.ndarray:
    """Draw (starts, 2) points anywhere in the picture."""
    return np.stack([rng.uniform(*SURFACES[2].x, STARTS), rng.uniform(*SURFACES[2].y, STARTS)], axis=1)


def steps_in_valley(path: np.ndarray) -> np.ndarray:
    """Return (starts,) the step from which on a path stays within a thousandth of its height at the start."""
    height = valley(path[..., 0], path[..., 1])
    # Not below, rather than above: what is not a number is outside.
    outside = ~(height <= REACHED * height[0])
    last = STEPS - outside[::-1].argmax(axis=0)
    return np.where(outside.any(axis=0), last + 1, 0)


def steps_on_saddle(path: np.ndarray) -> np.ndarray:
    """Return (starts,) the first step off the ridge; one more than there are if none is, or the path flies off."""
    left = np.abs(path[..., 1]) >= LEFT
    stayed = np.isfinite(path).all(axis=(0, 2)) & (np.abs(path[-1]) < 2).all(axis=1)
    return np.where(left.any(axis=0) & stayed, left.argmax(axis=0), STEPS + 1)


def in_the_lowest(path: np.ndarray) -> np.ndarray:
    """Return (starts,) whether a path ends in the lowest hollow: less than half a wave from its centre, on average."""
    end = np.abs(path[-LAST:] - np.array(CENTRE)).mean(axis=0)
    return (end < pi / WAVE).all(axis=1)


def height_at_end(path: np.ndarray) -> np.ndarray:
    """Return (starts,) the mean height of the last points in the valley."""
    heights = valley(path[-LAST:, :, 0], path[-LAST:, :, 1]).mean(axis=0)
    return np.nan_to_num(heights, nan=np.inf)


def shares_of_direction(path: np.ndarray) -> tuple[float, float]:
    """Return powers of ten of how long the first steps are across and along the valley, for their length on the whole.

    Per step it is |step| / |slope| in that direction over |step| / |slope| altogether: 0 for plain descent, whose step
    has the direction of the slope. The median over steps and starts.
    """
    here, steps = path[:FIRST], np.diff(path[: FIRST + 1], axis=0)
    slope = np.stack(valley_slope(here[..., 0], here[..., 1]), axis=-1)
    directions = {"across": (-sin(ANGLE), cos(ANGLE)), "along": (cos(ANGLE), sin(ANGLE))}
    whole = np.linalg.norm(steps, axis=-1) / np.linalg.norm(slope, axis=-1)
    across, along = (
        np.log10(np.abs(steps @ np.array(one)) / np.abs(slope @ np.array(one)) / whole) for one in directions.values()
    )
    return tuple(float(np.median(values[np.isfinite(values)])) for values in (across, along))  # type: ignore[return-value]
