import io
import json
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image

from harness.factors.augmentation import AUGMENTATION
from harness.factors.preprocessing import PREPROCESSING
from harness.procedures.pictures import DRAWS, LARGEST, PER_CLASS, SCALED, pictures, strip
from harness.training.split import load_run_data


def pixels(text):
    """Return what a PNG in base64 shows."""
    return np.asarray(Image.open(io.BytesIO(b64decode(text))))


@pytest.fixture(scope="module")
def found(prepared):
    return pictures(prepared, 0)


def test_each_class_has_a_strip_of_its_own_training_pictures(prepared, found):
    assert list(found["classes"]) == list(prepared.classes)
    images, labels = prepared.images("train"), prepared.labels("train")
    for number, text in enumerate(found["classes"].values()):
        own = images[labels == number][:PER_CLASS]
        assert (pixels(text) == np.concatenate(list(own), axis=1)).all()


@pytest.mark.parametrize("level", AUGMENTATION.names)
def test_augmentation_changes_the_one_picture_that_all_levels_show(found, level):
    plain = pixels(found["augmentation"]["none"]["strip"])
    size = plain.shape[0]
    assert plain.shape == (size, DRAWS * size, 3)
    assert all((plain[:, n * size : (n + 1) * size] == plain[:, :size]).all() for n in range(DRAWS))
    shown = pixels(found["augmentation"][level]["strip"])
    assert shown.shape == plain.shape
    assert (shown != plain).any() == (level != "none")
    assert found["augmentation"][level]["arguments"] == AUGMENTATION.defaults(level)


@pytest.mark.parametrize("level", PREPROCESSING.names)
def test_scaling_is_what_the_training_does(prepared, found, level):
    train = load_run_data(prepared, "cpu").train.images.permute(0, 3, 1, 2)
    places = [int(np.flatnonzero(prepared.labels("train") == number)[0]) for number in range(SCALED)]
    expected = PREPROCESSING.get(level)(train)(train[places].float() / 255)
    one = found["preprocessing"][level]
    assert (one["low"], one["high"]) == (pytest.approx(expected.min().item()), pytest.approx(expected.max().item()))
    shown = pixels(one["strip"])
    assert (shown.min(), shown.max()) == (0, 255)


def test_it_is_small_repeatable_and_json(prepared, found):
    assert pictures(prepared, 0) == found
    assert pictures(prepared, 1)["augmentation"]["rotate"] != found["augmentation"]["rotate"]
    assert len(json.dumps(found, allow_nan=False)) < 400_000


def test_large_and_grey_pictures_and_none_at_all():
    assert pixels(strip(np.zeros((2, 300, 150, 3), np.uint8))).shape == (LARGEST, 2 * LARGEST // 2, 3)
    assert pixels(strip(np.zeros((2, 8, 8, 1), np.uint8))).shape == (8, 16)
    assert strip(np.zeros((0, 8, 8, 3), np.uint8)) == ""


def test_it_leaves_the_global_luck_alone(prepared):
    before = torch.get_rng_state()
    pictures(prepared, 0)
    assert (torch.get_rng_state() == before).all()
