import numpy as np
import pytest

from harness.factors.optimizer import OPTIMIZER
from harness.probes.surfaces import RATES, STEPS, SURFACES
from harness.procedures.surfaces import end_height, path_of, steps_to_reach

BY_NAME = {surface.name: surface for surface in SURFACES}


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_the_slope_is_the_gradient_of_the_height(surface):
    for x, y in ((0.3, -0.8), surface.start):
        step = 1e-6
        numeric = (
            (surface.height(x + step, y) - surface.height(x - step, y)) / (2 * step),
            (surface.height(x, y + step) - surface.height(x, y - step)) / (2 * step),
        )
        assert surface.slope(x, y) == pytest.approx(numeric, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.name)
def test_minima_are_the_lowest_points_and_are_in_the_picture(surface):
    for x, y in surface.minima:
        assert surface.height(x, y) == pytest.approx(surface.lowest)
        assert surface.slope(x, y) == pytest.approx((0, 0), abs=1e-12)
        assert surface.x[0] < x < surface.x[1] and surface.y[0] < y < surface.y[1]


@pytest.mark.parametrize("rule", OPTIMIZER.names)
def test_every_rule_leaves_the_start_downhill(rule):
    surface = BY_NAME["hollows"]
    path = path_of(rule, 0.01, surface, steps=20)
    assert path.shape == (21, 2)
    assert surface.height(*path[-1]) < surface.height(*path[0])


def test_sgd_is_the_formula():
    surface = BY_NAME["valley"]
    points = [np.array(surface.start)]
    for _ in range(5):
        points.append(points[-1] - 0.01 * np.array(surface.slope(*points[-1])))
    np.testing.assert_allclose(path_of("sgd", 0.01, surface, steps=5), points, rtol=1e-12)


def test_momentum_crosses_the_valley_in_fewer_steps_than_sgd():
    surface = BY_NAME["valley"]
    needed = {rule: steps_to_reach(path_of(rule, 0.01, surface), surface) for rule in ("sgd", "momentum", "nesterov")}
    assert needed["nesterov"] <= needed["momentum"] < needed["sgd"] / 2


def test_reaching_means_staying():
    surface = BY_NAME["valley"]
    centre, far = surface.minima[0], surface.start
    there = np.array([far, centre, far, *[centre] * (STEPS - 2)])
    assert steps_to_reach(there, surface) == 3
    assert steps_to_reach(np.array([*[centre] * STEPS, far]), surface) is None
    assert steps_to_reach(np.array([far] * 5), surface) is None


def test_a_rate_too_high_flies_away_and_ranks_last():
    surface = BY_NAME["valley"]
    path = path_of("sgd", max(RATES), surface)
    assert len(path) <= STEPS
    assert end_height(path, surface) == float("inf")
