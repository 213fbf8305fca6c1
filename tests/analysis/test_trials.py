from itertools import permutations

import numpy as np
import pytest

from harness.analysis.search import expected_best, expected_best_in_stages


def by_enumeration(orders: list[tuple[float, ...]]) -> np.ndarray:
    """The plain way: go through every order."""
    return np.mean([np.maximum.accumulate(order) for order in orders], axis=0)


@pytest.mark.parametrize("values", [(0.3,), (0.1, 0.9), (0.2, 0.5, 0.4, 0.0), (0.1, 0.3, 0.3, 0.2, 0.0, 0.0)])
def test_expected_best_is_the_mean_over_all_orders(values: tuple[float, ...]) -> None:
    assert expected_best(np.array(values)) == pytest.approx(by_enumeration(list(permutations(values))))


def test_stages_keep_their_order() -> None:
    first, second = (0.2, 0.5, 0.1), (0.6, 0.3)
    orders = [(*a, *b) for a in permutations(first) for b in permutations(second)]
    found = expected_best_in_stages(np.array([*first, *second]), np.array([0, 0, 0, 1, 1]))
    assert found == pytest.approx(by_enumeration(orders))


def test_many_trials_are_exact() -> None:
    # Of 200 values 1 to 200, the mean best of t is t (200 + 1) / (t + 1).
    t = np.arange(1, 201)
    assert expected_best(t.astype(float)) == pytest.approx(t * 201 / (t + 1))
