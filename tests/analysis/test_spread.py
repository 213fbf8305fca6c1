"""Both parts of the spread over seeds, on simulated nets whose parts are known."""

from math import sqrt
from pathlib import Path

import numpy as np
import pytest

from harness.analysis.spread import SeedSpread, in_words, right_by_arm, seed_spread, variances
from harness.analysis.tables import read_grid
from tests.report.made_up import Bench

PICTURES = 500


def nets(rng: np.random.Generator, seeds: int, between: float) -> np.ndarray:
    """Return which pictures are right: each has its own chance, which a net as a whole shifts by `between` (an sd)."""
    chances = rng.uniform(0.3, 0.8, PICTURES)
    shift = rng.uniform(-1, 1, (seeds, 1)) * sqrt(3) * between
    return rng.random((seeds, PICTURES)) < chances + shift


@pytest.mark.parametrize("seeds", [2, 3, 10])
@pytest.mark.parametrize("between", [0.0, 0.02, 0.08])
def test_both_parts_are_unbiased_however_few_seeds_there_are(seeds: int, between: float) -> None:
    rng = np.random.default_rng(0)
    arms = [nets(rng, seeds, between) for _ in range(6000 // seeds)]
    found = np.mean([variances(right) for right in arms], axis=0)
    # Over nets a picture is right with its own chance p, uniform from 0.3 to 0.8: the mean of p (1 - p).
    single = (0.55 - (0.55**2 + 0.5**2 / 12)) / PICTURES
    # The part of nets holds (N - 1) / N of their variance, the rest is in that of the pictures.
    assert found[1] == pytest.approx(single, rel=0.02)
    assert found[0] == pytest.approx(single + between**2 * (PICTURES - 1) / PICTURES, rel=0.07)
    pooled = seed_spread(arms)
    assert pooled and pooled.arms == len(arms)
    assert pooled.pictures == pytest.approx(100 * sqrt(single), rel=0.01)
    assert pooled.nets == pytest.approx(100 * between, abs=0.6 if between == 0 else 0.3)


def test_squares_add_up_and_what_is_left_is_never_below_zero() -> None:
    rng = np.random.default_rng(1)
    found = seed_spread(nets(rng, 4, 0.05) for _ in range(8))
    assert found and found.pictures**2 + found.nets**2 == pytest.approx(found.total**2)
    right = np.tile(rng.random(PICTURES) < 0.5, (12, 1))
    right[::2, :2], right[1::2, :2] = [True, False], [False, True]
    balanced = seed_spread([right])
    assert balanced and balanced.total == pytest.approx(0) and balanced.nets == 0 < balanced.pictures


def test_too_few_runs_say_nothing() -> None:
    rng = np.random.default_rng(0)
    assert seed_spread([]) is None
    assert seed_spread([nets(rng, 1, 0.0)] * 20) is None, "one seed"
    assert seed_spread([nets(rng, 4, 0.0)] * 3) is None, "nine degrees of freedom"
    assert seed_spread([np.ones((12, PICTURES), dtype=bool)]) is None, "nothing scatters"
    assert seed_spread([nets(rng, 4, 0.0)] * 3 + [nets(rng, 2, 0.0)]) is not None


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((3.6, 1.1, 3.43), ["by 3.6 points", "by 1.1 as single", "by 3.4 between", "would help little"]),
        ((1.2, 1.1, 0.48), ["by 1.1 as single", "more test pictures would make it less"]),
        ((1.5, 1.1, 1.02), ["lessen the first part alone"]),
        ((1.0, 1.1, 0.0), ["scatters by 1.0 points", "makes of itself (1.1)", "would make it less"]),
    ],
)
def test_the_words_follow_from_the_numbers(parts: tuple[float, float, float], words: list[str]) -> None:
    said = in_words(SeedSpread(*parts, arms=4))
    assert all(one in said for one in words) and said.endswith(".") and "4 arms" in said


def test_arms_count_whose_runs_all_learned_and_kept_their_arrays(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    levels = {"relu": 0.7, "tanh": 0.6, "shaky": 0.6, "guess": 0.1, "bare": 0.6, "half": 0.6}
    bench.study("activation", "activation", levels, "relu", diverged={"shaky": 1})
    store = bench.save()
    (tables,) = read_grid(store, store.read_plan())
    labels, rng = np.arange(40) % 10, np.random.default_rng(0)
    for row in tables.runs.itertuples():
        if row.level != "bare":
            found = rng.random((40, 5 if row.level == "half" else 10)).astype(np.float16)
            np.savez_compressed(store.root / str(row.fingerprint) / "arrays.npz", test_probabilities=found)
    right = list(right_by_arm(tables, labels, 10))
    assert [one.shape for one in right] == [(3, 40)] * 2, "relu and tanh"
    first = tables.arrays("standard", "relu", 0, "test_probabilities")["test_probabilities"]
    assert any((one[0] == (first.argmax(axis=1) == labels)).all() for one in right)
