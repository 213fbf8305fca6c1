import numpy as np
import pytest
import torch

from harness.factors.preprocessing import PREPROCESSING, channel_statistics
from harness.spec import Choice

TRAIN = torch.from_numpy(np.random.RandomState(0).randint(0, 200, (50, 3, 8, 8)).astype(np.uint8))


def scaled(name: str) -> torch.Tensor:
    return PREPROCESSING.build(Choice(name), TRAIN)(TRAIN.float() / 255)


def test_statistics_against_numpy() -> None:
    mean, std = channel_statistics(TRAIN)
    plain = TRAIN.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(mean.flatten(), plain.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(std.flatten(), plain.std(axis=(0, 2, 3)), rtol=1e-6)


@pytest.mark.parametrize(("name", "low", "high"), [("raw", 0, 255), ("unit_range", 0, 1)])
def test_ranges(name: str, low: float, high: float) -> None:
    assert scaled(name).min() >= low
    assert high / 2 < scaled(name).max() <= high


def test_centred_and_standardised() -> None:
    assert scaled("zero_centred").mean(dim=(0, 2, 3)).abs().max() < 1e-6
    standard = scaled("standardised")
    assert standard.mean(dim=(0, 2, 3)).abs().max() < 1e-5
    torch.testing.assert_close(standard.std(dim=(0, 2, 3), correction=0), torch.ones(3), atol=1e-5, rtol=0)


def test_a_channel_that_never_varies_gives_no_nan() -> None:
    flat = torch.full((4, 3, 8, 8), 7, dtype=torch.uint8)
    assert (PREPROCESSING.build(Choice("standardised"), flat)(flat.float() / 255) == 0).all()
