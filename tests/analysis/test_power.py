import numpy as np
import pytest
from scipy import optimize, stats

from harness.analysis.moderation import Prior
from harness.analysis.power import MOST, distance, least_effect, reach, seeds_to_decide
from harness.analysis.statistics import student
from harness.core.study import Comparison


def asked(direction="higher", margin=0.0):
    return Comparison("test_accuracy", "a", "b", direction, margin, "plain")


@pytest.mark.parametrize("seeds", [5, 8, 20, 60])
def test_the_reach_has_eighty_percent_power_by_the_noncentral_t(seeds):
    def power(effect):
        critical = stats.t.ppf(0.975, seeds - 1)
        return stats.nct.sf(critical, seeds - 1, effect * np.sqrt(seeds))

    exact = optimize.brentq(lambda effect: power(effect) - 0.8, 0.01, 10)
    assert reach(seeds, 1.0, 0.0, 0.0) == pytest.approx(exact, rel=0.03)


def test_the_least_effect_falls_with_the_seeds():
    effects = [least_effect(seeds) for seeds in range(2, 20)]
    assert effects == sorted(effects, reverse=True)
    assert least_effect(1) is None


def test_a_clear_difference_takes_fewer_seeds_and_a_wide_spread_more():
    prior = Prior(1e-4, 4.0, 400.0, 200)
    near, far = (seeds_to_decide(student(mean, 1e-4, 6.0, 3), asked(), prior) for mean in (0.005, 0.02))
    assert far.low <= near.low and far.high is not None
    wide = seeds_to_decide(student(0.02, 1e-2, 6.0, 3), asked(), prior)
    assert wide.high is None and wide.low > far.low


def test_more_seeds_than_there_are_and_at_most_a_hundred():
    found = seeds_to_decide(student(0.1, 1e-6, 6.0, 3), asked(), None)
    assert found.low == found.high == 4
    hopeless = seeds_to_decide(student(0.0001, 1e-2, 200.0, 120), asked(), None)
    assert hopeless.high is None
    assert MOST == 100


def test_nothing_is_said_where_nothing_shows_the_scatter():
    from harness.analysis.statistics import Estimate

    assert seeds_to_decide(Estimate(0.1, None, None, 1), asked(), None) is None


@pytest.mark.parametrize(
    "direction, margin, truth, far",
    [
        ("higher", 2.0, 5.0, 3.0),
        ("higher", 2.0, 1.5, 0.5),
        ("higher", 2.0, -3.0, 3.0),
        ("higher", 2.0, -0.5, 1.5),
        ("lower", 2.0, -5.0, 3.0),
        ("equal", 2.0, 0.5, 1.5),
        ("equal", 2.0, -3.0, 1.0),
        ("not higher", 1.0, 0.0, 1.0),
        ("not lower", 1.0, 0.0, 1.0),
    ],
)
def test_how_far_a_truth_lies_from_where_the_verdict_turns(direction, margin, truth, far):
    assert distance(asked(direction, margin), np.array([truth])) == [far]
