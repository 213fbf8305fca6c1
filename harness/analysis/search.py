"""Searches: every trial as a row, and the best accuracy to be expected of fewer trials."""

from collections.abc import Iterator
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from harness.analysis.tables import StudyTables

PREFIX = "search/"


def trials_table(tables: "StudyTables") -> pd.DataFrame:
    """Return the trials of every search of a study, empty if it has none.

    Columns: context, level, seed, trial (from 1), what was tried, stage, epochs, validation_accuracy (0: not finished).
    """
    return pd.DataFrame(trial_rows(tables))


def trial_rows(tables: "StudyTables") -> Iterator[dict[str, Any]]:
    """Yield one row per trial."""
    # The arrays of all runs take a while to read, and few studies have searches.
    if "trials" not in tables.runs:
        return
    for context, level, seed in tables.runs[["context", "level", "seed"]].itertuples(index=False):
        arrays = tables.arrays(context, level, seed)
        found = {name.removeprefix(PREFIX): array for name, array in arrays.items() if name.startswith(PREFIX)}
        for trial, values in enumerate(zip(*found.values(), strict=True), start=1):
            keys = {"context": context, "level": level, "seed": seed, "trial": trial}
            yield keys | {name: value.item() for name, value in zip(found, values, strict=True)}


def expected_best(accuracies: np.ndarray) -> np.ndarray:
    """Return the expected best of the first t of T trials over all their orders, for t = 1 to T: (T,) to (T,).

    In closed form: of the C(T, t) sets of t trials, C(i - 1, t - 1) have the i-th smallest value as their best.
    """
    ordered, count = np.sort(accuracies), len(accuracies)
    shares = [[comb(rank, t - 1) / comb(count, t) for rank in range(count)] for t in range(1, count + 1)]
    return np.asarray(shares) @ ordered


def expected_best_in_stages(accuracies: np.ndarray, stages: np.ndarray) -> np.ndarray:
    """Return the same for a search in stages, (T,) and (T,) to (T,): trials are reordered within their stage alone.

    A later stage depends on the earlier ones as wholes: their best is known before it begins.
    """
    parts, best = [], 0.0
    for stage in np.unique(stages):
        mine = np.maximum(accuracies[stages == stage], best)
        parts.append(expected_best(mine))
        best = float(mine.max())
    return np.concatenate(parts)


def best_by_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the expected best of every search: context, level, seed, trials (how many), validation_accuracy."""
    frames = []
    for (context, level, seed), rows in trials.groupby(["context", "level", "seed"], sort=False):
        expected = expected_best_in_stages(rows["validation_accuracy"].to_numpy(), rows["stage"].to_numpy())
        keys = {"context": context, "level": level, "seed": seed}
        frames.append(pd.DataFrame(keys | {"trials": rows["trial"].to_numpy(), "validation_accuracy": expected}))
    return pd.concat(frames, ignore_index=True)
