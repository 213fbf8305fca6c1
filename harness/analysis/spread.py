"""What test accuracy scatters by over seeds: which single pictures a net gets right, and how good nets are as a whole.

Jordan, "On the Variance of Neural Network Training with respect to Test Sets and Distributions" (2023; ICLR 2024): over
nets the variance of accuracy on N test pictures is that of accuracy on the distribution that they come from, and what
single pictures add to it, the mean over them of p (1 - p) / N, where p is the share of nets that get a picture right.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from harness.analysis.tables import StudyTables

ARRAY = "test_probabilities"
# Degrees of freedom below which a variance is uncertain by half of itself or more.
FEWEST = 10
# Of the variance, from which on a part is most of it.
MOST = 2 / 3


@dataclass(frozen=True)
class SeedSpread:
    """Standard deviations over the seeds of an arm, in percentage points, pooled over so many `arms`.

    total: of accuracy on the test pictures. pictures: what single ones of them make of it. nets: what is left, 0 where
    the first part alone would make as much; squares add up.
    """

    total: float
    pictures: float
    nets: float
    arms: int


def seed_spread(arms: Iterable[np.ndarray]) -> SeedSpread | None:
    """Return both parts of the spread; each of `arms` says which pictures each net gets right, bool (seeds, N).

    Variances are weighted by their degrees of freedom, and what is left is cut off at 0 once they are pooled: arm by
    arm that would add up what luck leaves. Jordan's factor N / (N - 1) of what is left is not taken, so that the parts
    add up. None below ten degrees of freedom, or where all nets of an arm get the same pictures right.
    """
    found = [(len(right) - 1, *variances(right)) for right in arms if len(right) > 1]
    freedom = sum(own for own, _, _ in found)
    if freedom < FEWEST:
        return None
    total, pictures = (sum(row[0] * row[part] for row in found) / freedom for part in (1, 2))
    if not pictures:
        return None
    left = max(0.0, total - pictures)
    return SeedSpread(100 * sqrt(total), 100 * sqrt(pictures), 100 * sqrt(left), len(found))


def variances(right: np.ndarray) -> tuple[float, float]:
    """Return the variance of accuracy over nets, and the part of single pictures, both unbiased; `right` (seeds, N)."""
    seeds, pictures = right.shape
    shares = right.mean(axis=0)
    # The plain p (1 - p) of few nets is too small by (seeds - 1) / seeds.
    single = float((shares * (1 - shares)).mean()) * seeds / (seeds - 1) / pictures
    return float(right.mean(axis=1).var(ddof=1)), single


def right_by_arm(tables: StudyTables, labels: np.ndarray, classes: int) -> Iterator[np.ndarray]:
    """Yield which test pictures each net gets right, of every arm whose runs all finished, learned and kept arrays.

    Arms of other classes than the `labels` (N,) are of are left out.
    """
    counted = tables.counted
    for _, rows in counted.groupby(level=[0, 1], sort=False):
        if len(rows) < 2 or not (rows["learned"].all() and rows["status"].eq("done").all()):
            continue
        kept = [tables.store.arrays(str(print_), ARRAY).get(ARRAY) for print_ in rows["fingerprint"]]
        known = [one for one in kept if one is not None and one.shape == (len(labels), classes)]
        if len(known) == len(kept):
            yield np.stack([one.argmax(axis=1) == labels for one in known])


def in_words(found: SeedSpread) -> str:
    """Return where the spread comes from, and whether more test pictures would make it less."""
    begin = f"Over seeds the test accuracy of an arm scatters by {found.total:.1f} points (standard deviation"
    begin += f", {found.arms} arms)" if found.arms > 1 else ")"
    if found.nets == 0:
        return (
            f"{begin}, no more than which single test pictures a net happens to get right makes of itself "
            f"({found.pictures:.1f}): more test pictures would make it less."
        )
    share = (found.pictures / found.total) ** 2
    parts = (
        f"{begin}: by {found.pictures:.1f} as single test pictures happen to be right or wrong, by {found.nets:.1f} "
        "between nets as a whole (squares add up)"
    )
    if share >= MOST:
        return f"{parts}; more test pictures would make it less."
    if share <= 1 - MOST:
        return f"{parts}; more test pictures would help little."
    return f"{parts}; more test pictures would lessen the first part alone, which is about half."
