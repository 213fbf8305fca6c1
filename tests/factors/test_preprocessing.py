import numpy as np
import pytest
import torch

from harness.core.spec import Choice
from harness.factors.preprocessing import PREPROCESSING, channel_statistics

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


def correlated() -> torch.Tensor:
    mixed = TRAIN.float()
    mixed[:, 1] = (mixed[:, 0] + 0.3 * mixed[:, 1]).clamp(max=255)
    return mixed.to(torch.uint8)


@pytest.mark.parametrize("name", ["pca_whitening", "zca_whitening"])
def test_whitened_colours_do_not_correlate(name: str) -> None:
    train = correlated()
    pixels = PREPROCESSING.build(Choice(name), train)(train.float() / 255).transpose(0, 1).flatten(1).double()
    torch.testing.assert_close(pixels.cov(correction=0), torch.eye(3, dtype=torch.float64), atol=1e-4, rtol=0)
    assert pixels.mean(dim=1).abs().max() < 1e-5


def test_whitening_against_numpy() -> None:
    train = correlated()
    pixels = train.numpy().astype(np.float64).transpose(1, 0, 2, 3).reshape(3, -1) / 255
    variances, axes = np.linalg.eigh(np.cov(pixels, bias=True))
    zca = axes @ np.diag(variances**-0.5) @ axes.T
    expected = (zca @ (pixels - pixels.mean(axis=1, keepdims=True))).reshape(3, 50, 8, 8).transpose(1, 0, 2, 3)
    found = PREPROCESSING.build(Choice("zca_whitening"), train)(train.float() / 255)
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["pca_whitening", "zca_whitening"])
def test_whitening_of_grey_pictures_gives_no_nan_and_no_noise(name: str) -> None:
    grey = TRAIN[:, :1].expand(-1, 3, -1, -1)
    out = PREPROCESSING.build(Choice(name), grey)(grey.float() / 255)
    assert out.abs().max() < 5


@pytest.mark.parametrize("name", ["pca_whitening", "zca_whitening"])
def test_whitening_is_as_exact_in_a_reduced_precision_net(name: str) -> None:
    scale = PREPROCESSING.build(Choice(name), TRAIN)
    images = TRAIN.float() / 255
    with torch.autocast("cpu", torch.bfloat16):
        inside = scale(images)
    assert torch.equal(inside, scale(images))
