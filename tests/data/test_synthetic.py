"""The synthetic pictures: pinned to the bit, balanced, and hardly told apart by their colour."""

import hashlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from harness.data.habits import COLOURS, GROUNDS, HABITS
from harness.data.painting import SINE
from harness.data.shapes import SHAPES
from harness.data.sources import open_source

GOLDEN = "9fb9fa68d80f87de"


def painted(params, places, size: int = 32, seed: int = 0, part: str = "train"):
    """Return the pictures at `places` of the synthetic source."""
    source = open_source(params(source="synthetic", image_size=size, seed=seed))
    return np.concatenate([batch.images for batch in source.parts[part].read(np.array(places))])


def test_pixels_are_the_same_on_every_machine(params) -> None:
    images = painted(params, range(50))
    assert (images.shape, images.dtype) == ((50, 32, 32, 3), np.uint8)
    assert hashlib.sha256(images.tobytes()).hexdigest()[:16] == GOLDEN


def test_a_picture_depends_on_its_number_alone(params) -> None:
    many = painted(params, range(200))
    assert np.array_equal(painted(params, [150, 3]), many[[150, 3]])


def test_seed_and_part_decide(params) -> None:
    first = painted(params, range(5))
    assert not np.array_equal(first, painted(params, range(5), seed=1))
    assert not np.array_equal(first, painted(params, range(5), part="test"))


@pytest.mark.parametrize("size", [8, 17, 64])
def test_any_size_shows_the_same_scene(params, size: int) -> None:
    small, large = painted(params, range(20), size), painted(params, range(20), 32)
    assert small.shape == (20, size, size, 3)
    colours = [images.mean(axis=(1, 2)).ravel() for images in (small, large)]
    assert np.corrcoef(*colours)[0, 1] > 0.98


def test_brightness_and_colour_tell_little_of_the_class(params) -> None:
    images = painted(params, range(2000)).astype(float)
    labels = np.arange(2000) % 10
    features = np.concatenate([images.mean(axis=(1, 2)), images.std(axis=(1, 2))], axis=1)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    centres = np.stack([features[:1000][labels[:1000] == label].mean(axis=0) for label in range(10)])
    guesses = ((features[1000:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    # Chance is 0.1, and of CIFAR-10's pictures 0.18 are told by it.
    assert 0.15 < (guesses == labels[1000:]).mean() < 0.3


def test_classes_share_their_habits() -> None:
    assert list(HABITS) == list(SHAPES)
    for place, known in enumerate((GROUNDS, COLOURS)):
        counts = Counter(habit[place] for habit in HABITS.values())
        assert counts.keys() == known.keys()
        assert min(counts.values()) > 1


def test_sines_are_close_to_the_true_ones() -> None:
    true = 1024 * np.sin(2 * np.pi * np.arange(1024) / 1024)
    assert np.abs(SINE - true).max() < 3


def test_preparing_needs_no_torch(tmp_path) -> None:
    code = (
        "import sys; from pathlib import Path; from harness.core.config import DataParams; "
        "from harness.data.prepare import prepare; "
        "prepare(DataParams(source='synthetic', root='x', image_size=8, seed=0, on_bad_image='fail', train_images=20, "
        f"validation_images=10, test_images=10), Path({str(tmp_path)!r})); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'torchvision')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
