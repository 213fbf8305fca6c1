"""Each transform against a plain twin that handles one picture at a time."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from harness.core.seeding import generator
from harness.core.spec import Choice
from harness.factors.augmentation import AUGMENTATION, draw, matrix_of, warp

SAME_LABEL = [name for name in AUGMENTATION.names if name != "mixup"]


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(64, 3, 12, 12, generator=generator(0, "pictures")).to(memory_format=torch.channels_last)


@pytest.fixture
def targets() -> torch.Tensor:
    return torch.eye(10)[torch.arange(64) % 10]


Apply = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture
def apply(images: torch.Tensor, targets: torch.Tensor) -> Apply:
    def call(name: str, seed: int = 0, **arguments: float) -> tuple[torch.Tensor, torch.Tensor]:
        return AUGMENTATION.build(Choice.of(name, arguments), images, targets, generator(seed, "augment"))

    return call


@pytest.mark.parametrize("name", AUGMENTATION.names)
def test_shape_range_and_luck(name: str, apply: Apply, images: torch.Tensor) -> None:
    before = images.clone()
    first, second, other = apply(name), apply(name), apply(name, seed=1)
    assert first[0].shape == images.shape
    assert first[0].dtype == torch.float32
    assert first[0].min() >= 0 and first[0].max() <= 1 + 1e-6
    assert torch.equal(first[0], second[0])
    assert torch.equal(images, before), "the caller's pictures must stay as they are"
    assert name == "none" or not torch.equal(first[0], other[0])


@pytest.mark.parametrize("name", SAME_LABEL)
def test_targets_are_kept(name: str, apply: Apply, targets: torch.Tensor) -> None:
    assert torch.equal(apply(name)[1], targets)


@pytest.mark.parametrize("name", [name for name in AUGMENTATION.names if name not in ("none", "flip", "mixup")])
def test_every_picture_has_a_draw_of_its_own(name: str) -> None:
    one = torch.rand(1, 3, 12, 12, generator=generator(0, "pictures")).expand(16, 3, 12, 12).contiguous()
    changed, _ = AUGMENTATION.build(Choice(name), one, torch.eye(16), generator(0, "augment"))
    distinct = {tuple(picture.flatten().tolist()) for picture in changed}
    assert len(distinct) > 8


def test_flip_mirrors_about_half(apply: Apply, images: torch.Tensor) -> None:
    changed, _ = apply("flip")
    mirrored = [torch.equal(c, i.flip(2)) for c, i in zip(changed, images, strict=True)]
    same = [torch.equal(c, i) for c, i in zip(changed, images, strict=True)]
    assert all(a or b for a, b in zip(mirrored, same, strict=True))
    assert 16 < sum(mirrored) < 48


def test_crop_is_a_window_of_the_mirrored_picture(apply: Apply, images: torch.Tensor) -> None:
    changed, _ = apply("crop", shift=0.25)
    for picture, result in zip(images, changed, strict=True):
        padded = np.pad(picture.numpy(), ((0, 0), (3, 3), (3, 3)), mode="reflect")
        windows = [padded[:, r : r + 12, c : c + 12] for r in range(7) for c in range(7)]
        assert any(np.array_equal(window, result.numpy()) for window in windows)


def test_warp_samples_bilinearly_where_the_matrix_points(images: torch.Tensor) -> None:
    a, b, c, d = torch.tensor([0.9]), torch.tensor([0.2]), torch.tensor([-0.1]), torch.tensor([0.8])
    picture = images[:1]
    result = warp(picture, matrix_of(a, b, c, d))[0]
    size = 12
    for row in range(3, 9):
        for column in range(3, 9):
            # Centres of pixels in -1..1, through the matrix, and back to pixel positions.
            x, y = (2 * column + 1) / size - 1, (2 * row + 1) / size - 1
            source_x = ((0.9 * x + 0.2 * y + 1) * size - 1) / 2
            source_y = ((-0.1 * x + 0.8 * y + 1) * size - 1) / 2
            left, top = int(np.floor(source_x)), int(np.floor(source_y))
            u, v = source_x - left, source_y - top
            window = picture[0, :, top : top + 2, left : left + 2]
            expected = (
                window[:, 0, 0] * (1 - u) * (1 - v)
                + window[:, 0, 1] * u * (1 - v)
                + window[:, 1, 0] * (1 - u) * v
                + window[:, 1, 1] * u * v
            )
            torch.testing.assert_close(result[:, row, column], expected, atol=1e-5, rtol=1e-4)


def test_a_lens_bends_more_the_farther_out(images: torch.Tensor) -> None:
    # Pictures that hold their own radius tell where each pixel was read.
    line = (2 * torch.arange(12) + 1) / 12 - 1
    radius = (line.view(-1, 1).square() + line.view(1, -1).square()).sqrt()
    picture = (radius / 2).expand(1, 3, 12, 12).contiguous()
    still = torch.eye(2).expand(1, 2, 2)
    bent = warp(picture, still, torch.tensor([-0.2]))[0, 0] * 2
    expected = radius * (1 - 0.2 * radius.square())
    inner = radius < 0.8
    torch.testing.assert_close(bent[inner], expected[inner], atol=0.03, rtol=0.05)


def test_colour_against_one_picture_at_a_time(apply: Apply, images: torch.Tensor) -> None:
    changed, _ = apply("colour", share=0.3)
    luck = generator(0, "augment")
    brightness, contrast, saturation = (1 + draw(images, luck, -0.3, 0.3) for _ in range(3))
    for i, picture in enumerate(images):
        expected = picture * brightness[i]
        expected = expected.mean() + (expected - expected.mean()) * contrast[i]
        grey = expected.mean(dim=0)
        expected = (grey + (expected - grey) * saturation[i]).clamp(0, 1)
        torch.testing.assert_close(changed[i], expected)


def test_noise_has_its_standard_deviation() -> None:
    grey = torch.full((64, 3, 12, 12), 0.5)
    changed, _ = AUGMENTATION.build(Choice.of("noise", {"std": 0.05}), grey, torch.eye(64), generator(0, "augment"))
    assert abs((changed - 0.5).std().item() - 0.05) < 0.001


def test_cutout_covers_one_square(apply: Apply, images: torch.Tensor) -> None:
    changed, _ = apply("cutout", share=0.5)
    covered = (changed != images).any(dim=1)
    assert (changed.permute(0, 2, 3, 1)[covered] == 0.5).all()
    for mask in covered:
        rows, columns = mask.any(dim=1).nonzero().flatten(), mask.any(dim=0).nonzero().flatten()
        assert mask.sum() == len(rows) * len(columns) <= 36


def test_mixup_blends_pictures_and_targets_alike(apply: Apply, images: torch.Tensor, targets: torch.Tensor) -> None:
    changed, blended = apply("mixup", alpha=0.4)
    torch.testing.assert_close(blended.sum(dim=1), torch.ones(64))
    luck = generator(0, "augment")
    tries = torch.rand(2, 16, 64, generator=luck).pow(1 / 0.4)
    partner = torch.randperm(64, generator=luck)
    for i in range(64):
        share = next(float(u / (u + v)) for u, v in tries[:, :, i].T if 0 < u + v <= 1)
        torch.testing.assert_close(changed[i], images[i] * share + images[partner[i]] * (1 - share))


def test_mixup_shares_follow_beta() -> None:
    count = 4000
    images, targets = torch.zeros(count, 1, 1, 1), torch.zeros(count, 2)
    targets[:, 0] = 1
    # Against partners of the other class the target tells the share.
    images[: count // 2] = 1
    changed, _ = AUGMENTATION.build(Choice.of("mixup", {"alpha": 0.4}), images, targets, generator(5, "augment"))
    shares = changed.flatten()[(changed.flatten() > 0) & (changed.flatten() < 1)].double().numpy()
    # Beta(a, a) is symmetric, so share and 1 - share have one distribution.
    assert stats.kstest(shares, stats.beta(0.4, 0.4).cdf).pvalue > 0.001
