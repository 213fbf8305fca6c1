"""Splits: disjoint, stratified, seeded, capped, and refused where a class would be lost."""

from itertools import combinations

import numpy as np
import pytest

from harness.core.config import DataParams
from harness.core.errors import SettingError
from harness.data.sources import SPLITS, Labels, Part, Source
from harness.data.split import apportion, split_source


def source_of(**labels: Labels) -> Source:
    """Return a source whose pictures nobody reads."""
    parts = {name: Part(values, lambda _: iter(()), str) for name, values in labels.items()}
    count = max(int(values.max()) for values in labels.values()) + 1
    return Source(tuple(f"class {number}" for number in range(count)), parts)  # type: ignore[arg-type]


def test_a_pool_is_split_into_disjoint_stratified_parts(params) -> None:
    labels = np.repeat(np.arange(4), [400, 300, 200, 100])
    chosen = split_source(source_of(train=labels), params())
    assert {split: len(places) for split, (_, places) in chosen.items()} == {
        "train": 800,
        "validation": 100,
        "test": 100,
    }
    for one, other in combinations(SPLITS, 2):
        assert not set(chosen[one][1]) & set(chosen[other][1])
    for split, share in (("train", 80), ("validation", 10), ("test", 10)):
        assert np.bincount(labels[chosen[split][1]]).tolist() == [4 * share, 3 * share, 2 * share, share]


def test_a_test_part_is_kept_whole_and_validation_comes_from_train(params) -> None:
    chosen = split_source(source_of(train=np.arange(100) % 2, test=np.arange(30) % 2), params())
    assert {split: (home, len(places)) for split, (home, places) in chosen.items()} == {
        "train": ("train", 90),
        "validation": ("train", 10),
        "test": ("test", 30),
    }


def test_a_larger_cap_adds_pictures_and_moves_none(params) -> None:
    source = source_of(train=np.arange(1000) % 5, test=np.arange(100) % 5)
    few = split_source(source, params(train_images=100, validation_images=50))
    many = split_source(source, params(train_images=300, validation_images=50))
    assert set(few["train"][1]) < set(many["train"][1])
    assert np.array_equal(few["validation"][1], many["validation"][1])


def test_a_capped_validation_leaves_the_rest_to_train(params) -> None:
    chosen = split_source(source_of(train=np.arange(1100) % 2, test=np.arange(50) % 2), params(validation_images=500))
    assert {split: len(places) for split, (_, places) in chosen.items()} == {
        "train": 600,
        "validation": 500,
        "test": 50,
    }


def test_the_seed_decides(params) -> None:
    source = source_of(train=np.arange(1000) % 5)
    first, same, other = (split_source(source, params(seed=seed))["train"][1] for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_classes_are_mixed(params) -> None:
    labels = np.repeat(np.arange(2), 500)
    start = labels[split_source(source_of(train=labels), params())["train"][1]][:100]
    assert 30 < start.sum() < 70


@pytest.mark.parametrize(("train", "validation", "test"), [(45_000, 5_000, 10_000), (None, 5_000, 10_000)])
def test_too_large_caps_shrink_together(params, train, validation, test) -> None:
    caps: DataParams = params(train_images=train, validation_images=validation, test_images=test)
    sizes = {
        split: len(places) for split, (_, places) in split_source(source_of(train=np.arange(600) % 2), caps).items()
    }
    assert sum(sizes.values()) in (599, 600)
    assert min(sizes.values()) > 0


def test_fewer_pictures_than_classes_are_refused(params) -> None:
    with pytest.raises(SettingError, match=r"data.train_images is 3, fewer than the 10 classes; ask for at least 10"):
        split_source(source_of(train=np.arange(100) % 10), params(train_images=3))


def test_a_class_lost_by_the_caps_is_named(params) -> None:
    labels = np.repeat(np.arange(2), [990, 10])
    with pytest.raises(SettingError, match=r"'class 1' is left for the validation split; .* data.validation_images"):
        split_source(source_of(train=labels), params(validation_images=20))


def test_largest_remainders_get_the_rest() -> None:
    assert apportion(np.array([50, 30, 20]), 7).tolist() == [4, 2, 1]
    assert apportion(np.array([1, 1, 1]), 2).sum() == 2
