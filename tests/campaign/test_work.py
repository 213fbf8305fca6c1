from collections.abc import Callable
from dataclasses import replace

import pytest
from torch import nn

from harness.campaign.work import multiply_adds_of, work
from harness.core.spec import Choice, RunSpec, Settings
from harness.planning.target import Target

SIZE = (16, 16, 3)


def test_multiply_adds_are_those_of_every_convolution_and_the_dense_layer(settings: Callable[..., Settings]) -> None:
    # 3 -> 4 -> 8 -> 16 channels at 16, 8 and 4 pixels a side, pooled to 2 for 10 classes.
    by_hand = 9 * (3 * 4 * 16**2 + 4 * 8 * 8**2 + 8 * 16 * 4**2) + 16 * 2 * 2 * 10
    assert multiply_adds_of(settings(depth=3, width=4), 10, SIZE) == by_hand


@pytest.mark.parametrize(
    ("changes", "times"),
    [
        ({"epochs": 6}, 3),
        ({"learning_rate": 0.5, "batch_size": 8}, 1),
        # Features are learned first.
        ({"transfer": Choice("fine_tuned")}, 2),
        # Five trials of half the epochs, and four of all.
        ({"search": Choice("coarse_to_fine")}, 6.5),
    ],
)
def test_work_is_that_of_all_epochs(
    changes: dict[str, object], times: float, spec: Callable[..., RunSpec], target: Target
) -> None:
    plain, changed = work([spec(epochs=2), spec(**{"epochs": 2} | changes)], target.data)
    assert changed == times * plain


def test_a_gpu_minds_updates_and_not_the_size_of_a_net(spec: Callable[..., RunSpec], target: Target) -> None:
    narrow, wide, small = (
        replace(spec(**changes), device="cuda") for changes in ({"width": 4}, {"width": 8}, {"batch_size": 16})
    )
    one, same, more = work([narrow, wide, small], target.data)
    assert (same, more) == (one, 5 / 3 * one)


def test_a_network_with_a_bug_is_left_to_its_own_runs(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.campaign.work.network", lambda *_: nn.Linear(7, 10))
    assert multiply_adds_of(settings(), 10, SIZE) == 0
