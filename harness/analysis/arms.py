"""Runs as counted, arm by arm: arrays over the seeds, and how the runs of an arm ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

Key = tuple[str, str]  # context, level


@dataclass(frozen=True)
class State:
    """How the runs of an arm ended: how many there are, and how many of them are what the name says."""

    runs: int
    unfinished: int
    guesses: int
    collapsed: int
    learned: int
    censored: int

    @property
    def mixed(self) -> bool:
        """Whether some runs hardly learned while others clearly did."""
        return self.collapsed > 0 and self.learned > 0

    @property
    def all_guess(self) -> bool:
        """Whether every run ended at chance."""
        return self.guesses == self.runs


class Arms:
    """The runs of one study (see `as_counted`) as arrays over its seeds."""

    def __init__(self, counted: pd.DataFrame) -> None:
        self.counted = counted
        self._matrices: dict[str, np.ndarray] = {}

    @cached_property
    def _places(self) -> tuple[dict[Key, int], np.ndarray, np.ndarray, int]:
        """Row of every arm in a matrix of arms x seeds, and the row and column of every run."""
        keys = list(zip(*(self.counted[name].astype(str) for name in ("context", "level")), strict=True))
        rows = {key: row for row, key in enumerate(dict.fromkeys(keys))}
        seeds = sorted(set(self.counted["seed"]))
        columns = self.counted["seed"].map({seed: column for column, seed in enumerate(seeds)}).to_numpy(dtype=int)
        return rows, np.array([rows[key] for key in keys], dtype=int), columns, len(seeds)

    @cached_property
    def states(self) -> Mapping[Key, State]:
        """How the runs of every arm ended."""
        rows, row, _, _ = self._places
        flags = {
            "unfinished": self.counted["status"] != "done",
            **{name: self.counted[name].astype(bool) for name in ("guesses", "collapsed", "learned", "censored")},
        }
        total = np.bincount(row, minlength=len(rows))
        counts = {name: np.bincount(row, flag.to_numpy(), len(rows)) for name, flag in flags.items()}
        return {key: State(int(total[at]), **{n: int(c[at]) for n, c in counts.items()}) for key, at in rows.items()}

    def values(self, key: Key, metric: str) -> np.ndarray:
        """Return one metric of an arm, (seeds,), NaN where a run lacks it; all NaN if there is no such arm."""
        rows, row, column, seeds = self._places
        if key not in rows or metric not in self.counted:
            return np.full(seeds, np.nan)
        if metric not in self._matrices:
            matrix = np.full((len(rows), seeds), np.nan)
            matrix[row, column] = self.counted[metric].to_numpy(dtype=float)
            self._matrices[metric] = matrix
        return self._matrices[metric][rows[key]]

    def shared(self, keys: Iterable[Key], metric: str) -> np.ndarray:
        """Return which seeds all of these arms have a value for, (seeds,) of bool; arms without any don't count."""
        found = np.ones(self._places[-1], dtype=bool)
        for key in keys:
            has = ~np.isnan(self.values(key, metric))
            found &= has | ~has.any()
        return found
