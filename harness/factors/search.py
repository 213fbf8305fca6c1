"""How good settings are looked for. A level gives the stages of a search; what is searched stands in `SPACE`.

A run with a search trains all its trials. What they find is chosen on validation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any, Literal

import numpy as np

from harness.core.errors import SettingError
from harness.core.registry import Registry
from harness.core.spec import Choice


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, on a logarithmic scale."""

    low: float
    high: float

    def middles(self, count: int) -> list[float]:
        """Return the middles of `count` equal parts.

        A grid that reaches the ends would spend two of three values on what is known to be too little or too much.
        """
        edges = np.linspace(np.log10(self.low), np.log10(self.high), count + 1)
        return [float(value) for value in 10 ** ((edges[:-1] + edges[1:]) / 2)]

    def around(self, value: float, width: float) -> "Range":
        """Return a range with `width` of this one's powers of ten around `value`, cut off at the ends of this one."""
        factor = (self.high / self.low) ** (width / 2)
        return Range(max(self.low, value / factor), min(self.high, value * factor))


# One that decides whether a run learns at all, and one that matters less (Bergstra and Bengio, 2012).
SPACE = {"learning_rate": Range(1e-4, 1.0), "l2_strength": Range(1e-5, 1e-1)}


def settings_of(values: Mapping[str, float]) -> dict[str, Any]:
    """Return the settings that a value for every entry of `SPACE` stands for."""
    return {
        "learning_rate": values["learning_rate"],
        "penalty": Choice.of("l2", {"strength": values["l2_strength"]}),
    }


@dataclass(frozen=True)
class Stage:
    """Trials that are chosen in one way.

    Each trains for `epochs` (a share of the run's), with values from a part of each range that has `width` of its
    powers of ten, around the best trial of the stages before.
    """

    sampler: Literal["grid", "random"]
    trials: int
    epochs: float = 1.0
    width: float = 1.0


SEARCH: Registry[Callable[..., tuple[Stage, ...]]] = Registry("search")


@SEARCH.level("none")
def none() -> tuple[Stage, ...]:
    """No search: the run trains once, with the settings that it has."""
    return ()


@SEARCH.level("grid", uses=("harness.training.search:run_search", "penalty:l2", "search:none"), trials=(1, 10000))
def grid(*, trials: int = 9) -> tuple[Stage, ...]:
    """Every combination of equally many values of each setting."""
    if isqrt(trials) ** 2 != trials:
        raise SettingError(f"search grid: trials must be a square number, such as 4, 9 or 16, not {trials}")
    return (Stage("grid", trials),)


@SEARCH.level("random", uses=("harness.training.search:run_search", "penalty:l2", "search:none"), trials=(1, 10000))
def random(*, trials: int = 9) -> tuple[Stage, ...]:
    """Every value drawn anew, evenly on a logarithmic scale (Bergstra and Bengio, 2012)."""
    return (Stage("random", trials),)


@SEARCH.level(
    "coarse_to_fine",
    uses=("harness.training.search:run_search", "penalty:l2", "search:none"),
    trials=(2, 10000),
    epochs=(0.01, 1),
    width=(0.01, 1),
)
def coarse_to_fine(*, trials: int = 9, epochs: float = 0.5, width: float = 0.33) -> tuple[Stage, ...]:
    """Half of the trials, or one more, train briefly over the whole ranges; the others longer, over narrower ones."""
    fine = trials // 2
    return Stage("random", trials - fine, epochs=epochs), Stage("random", fine, width=width)
