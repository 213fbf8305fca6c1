import json
from pathlib import Path

import numpy as np
import pytest

from harness.data.prepared import MANIFEST, Prepared
from harness.report.mistakes import counts, gallery, matrix

CLASSES = ("cat", "dog", "frog")
LABELS = np.array([0, 1, 2, 0])


@pytest.fixture
def data(tmp_path: Path) -> Prepared:
    manifest = {
        "digest": "d", "classes": CLASSES, "image_size": (4, 4, 3), "mean": (0.5,) * 3, "std": (0.2,) * 3,
        "splits": {"test": 4}, "per_class": {}, "coloured": True,
    }  # fmt: skip
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    np.save(tmp_path / "test_images.npy", np.zeros((4, 4, 4, 3), dtype=np.uint8))
    np.save(tmp_path / "test_labels.npy", LABELS)
    return Prepared.load(tmp_path)


def guesses(*runs: list[int], sure: float = 0.8) -> np.ndarray:
    rest = (1 - sure) / 2
    return np.stack([np.where(np.eye(3)[run] == 1, sure, rest) for run in runs]).astype(np.float32)


def test_pictures_are_those_that_the_level_alone_gets_right_the_clearest_first(data: Prepared) -> None:
    level, control = guesses([0, 1, 0, 0], sure=0.7)[0], guesses([0, 2, 0, 2], sure=0.6)[0]
    control[3] = [0.05, 0.0, 0.95]
    found = gallery(data, LABELS, ["flip", "none"], level, control)
    assert [one.name for one in found.strips] == ["cat", "dog"]
    assert found.strips[0].words == "flip: cat 70\u00a0%; none: frog 95\u00a0%"
    assert found.strips[0].source.startswith("data:image/png;base64,")
    assert gallery(data, LABELS, ["none", "flip"], control, control) is None


def test_both_kinds_are_counted_seed_by_seed() -> None:
    level, control = guesses([0, 1, 0, 0], [0, 1, 2, 0]), guesses([0, 0, 2, 0], [0, 1, 0, 1], [1, 1, 1, 1])
    # Of the two seeds that both have: 1 and 2 are right with the level alone, 1 and 0 with the control alone.
    assert counts(LABELS, ["a", "b"], level, control) == (
        "Of 4 test pictures 2 are right with a and wrong with b, 0 the other way round (mean over seeds)."
    )
    words = counts(LABELS, ["b", "a"], guesses([1, 1, 2, 0]), guesses([0, 0, 0, 0]))
    assert words == "Of 4 test pictures 2 are right with b and wrong with a, 1 the other way round (mean over seeds)."


def test_a_matrix_is_in_per_cent_of_the_true_class() -> None:
    found = matrix("a", LABELS, guesses([0, 1, 0, 1], [0, 1, 2, 0]))
    assert found.rows == ((75, 25, 0), (0, 100, 0), (50, 0, 50))
