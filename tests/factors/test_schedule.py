import numpy as np
import pytest
import torch

from harness.core.spec import Choice
from harness.factors.schedule import SCHEDULE

STEPS = 40


def rates(name: str, steps: int = STEPS) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    schedule = SCHEDULE.build(Choice(name), optimizer, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("name", SCHEDULE.names)
def test_rates_stay_within_the_setting(name: str) -> None:
    assert all(0 <= rate <= 0.5 + 1e-12 for rate in rates(name))
    assert max(rates(name)) > 0.45


@pytest.mark.parametrize("steps", range(1, 12))
@pytest.mark.parametrize("name", SCHEDULE.names)
def test_runs_of_a_few_steps(name: str, steps: int) -> None:
    assert len(rates(name, steps)) == steps


def test_constant() -> None:
    assert set(rates("constant")) == {0.5}


def test_one_cycle_rises_and_falls() -> None:
    found = rates("one_cycle")
    peak = found.index(max(found))
    assert 8 <= peak <= 12
    assert found[:peak] == sorted(found[:peak])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert found[-1] < 0.01


def test_step_drops_twice() -> None:
    assert rates("step", 30) == pytest.approx([0.5] * 10 + [0.05] * 10 + [0.005] * 10)


def test_exponential_and_cosine_against_their_formulas() -> None:
    at = np.arange(STEPS) / STEPS
    assert rates("exponential") == pytest.approx(0.5 * 0.01**at)
    assert rates("cosine") == pytest.approx(0.25 * (1 + np.cos(np.pi * at)))


def test_warm_up_is_a_line_and_then_a_cosine() -> None:
    found = rates("warmup_cosine")
    assert found[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert found[4:] == pytest.approx(0.25 * (1 + np.cos(np.pi * np.arange(36) / 36)))
