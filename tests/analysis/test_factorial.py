import numpy as np
import pytest
from numpy.typing import NDArray

from harness.analysis.factorial import Effect, aliases, arms_of, design, effects_of

COUNTS = range(2, 9)


def effect(found: list[Effect], factor: int, given: tuple[int, bool] | None = None, alone: bool = False) -> Effect:
    (one,) = [one for one in found if (one.factor, one.given, one.alone) == (factor, given, alone)]
    return one


def seeds_of(means: NDArray[np.float64], count: int = 3, noise: float = 0.01) -> NDArray[np.float64]:
    return means[:, None] + np.random.default_rng(0).normal(0, noise, (len(means), count))


@pytest.mark.parametrize("count", COUNTS)
def test_a_design_is_balanced_and_no_factor_is_confounded_with_a_pair(count: int) -> None:
    signs = np.where(design(count), 1, -1)
    assert len(signs) == 2 ** min(count, 4) and not design(count)[0].any()
    assert len(np.unique(signs, axis=0)) == len(signs)
    assert (signs.T @ signs == len(signs) * np.eye(count)).all()
    for one in range(count):
        for other in range(one):
            pair = signs[:, one] * signs[:, other]
            assert not (signs.T @ pair).any()


@pytest.mark.parametrize("count", COUNTS)
def test_every_choice_is_also_made_alone(count: int) -> None:
    rows = arms_of(count)
    assert all((rows == alone).all(axis=1).sum() == 1 for alone in np.eye(count, dtype=bool))
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize(("count", "others"), [(4, 0), (5, 0), (6, None), (8, 3)])
def test_confounded_pairs_are_known(count: int, others: int | None) -> None:
    found = aliases(count, (0, 1))
    assert others is None or len(found) == others
    signs = np.where(design(count), 1, -1)
    for one, other in found:
        assert abs((signs[:, 0] * signs[:, 1]) @ (signs[:, one] * signs[:, other])) == len(signs)


@pytest.mark.parametrize("count", COUNTS)
def test_effects_without_interplay_are_the_same_wherever_they_are_seen(count: int) -> None:
    true = np.linspace(-0.2, 0.3, count)
    found = effects_of(seeds_of(0.5 + arms_of(count) @ true, noise=1e-9), count)
    for one in found:
        assert one.estimate.mean == pytest.approx(true[one.factor], abs=1e-6)
    assert len(found) == count * (2 + 2 * (count - 1))


def test_a_conclusion_that_turns_with_another_choice_is_found() -> None:
    rows = arms_of(3).astype(float)
    # The first choice costs 0.1 at the recipe and gains 0.2 once the second is made; the third does nothing.
    found = effects_of(seeds_of(0.5 - 0.1 * rows[:, 0] + 0.3 * rows[:, 0] * rows[:, 1]), 3)
    alone = effect(found, 0, alone=True)
    assert alone.sure and alone.estimate.mean == pytest.approx(-0.1, abs=0.03)
    turned = effect(found, 0, (1, True))
    assert turned.against(alone) and turned.estimate.mean == pytest.approx(0.2, abs=0.03)
    assert not effect(found, 0, (1, False)).against(alone)
    assert not effect(found, 2, alone=True).sure


def test_noise_flips_nothing() -> None:
    flips = 0
    for luck in range(200):
        values = np.random.default_rng(luck).normal(0, 1, (len(arms_of(6)), 3))
        found = effects_of(values, 6)
        flips += any(one.sure for one in found)
    assert flips <= 0.05 * 200 + 8
