import json
import re
from html import unescape
from pathlib import Path

import numpy as np

from harness.core.records import Store
from harness.data.prepared import MANIFEST
from harness.report.render import render
from tests.report.made_up import Bench

PICTURES = 60


def prepared(folder: Path, classes: list[str]) -> np.ndarray:
    """Write what the made-up runs were trained on, and return the labels of the test pictures."""
    labels = np.arange(PICTURES) % len(classes)
    manifest = {
        "digest": "d" * 16, "classes": classes, "image_size": (4, 4, 3), "mean": (0.5,) * 3, "std": (0.2,) * 3,
        "splits": {"test": PICTURES}, "per_class": {}, "coloured": True,
    }  # fmt: skip
    folder.mkdir()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    np.save(folder / "test_images.npy", np.zeros((PICTURES, 4, 4, 3), dtype=np.uint8))
    np.save(folder / "test_labels.npy", labels)
    return labels


def arrays(store: Store, labels: np.ndarray) -> None:
    """Give every run probabilities of which two thirds are right, whichever pictures these are."""
    rng = np.random.default_rng(0)
    for folder in sorted(store.root.iterdir()):
        right = rng.random(PICTURES) < 2 / 3
        guesses = np.where(right, labels, (labels + 1) % 10)
        np.savez_compressed(folder / "arrays.npz", test_probabilities=np.eye(10, dtype=np.float16)[guesses])


def test_a_study_page_says_what_accuracy_scatters_by_where_that_is_known(tmp_path: Path) -> None:
    bench = Bench(tmp_path, seeds=6)
    bench.study("small", "activation", {"relu": 0.6, "tanh": 0.7, "silu": 0.7}, "relu")
    store = bench.save()

    def sentence() -> str:
        render(store, tmp_path / "reports", processes=1)
        page = unescape((tmp_path / "reports" / "small.html").read_text())
        found = re.search("<li>(Over seeds the test accuracy of an arm scatters.*?)</li>", page)
        return found[1] if found else ""

    assert sentence() == "", "neither pictures nor probabilities"
    arrays(store, prepared(tmp_path / "prepared", bench.classes))
    # 60 pictures, each right with 2 / 3 whatever the net: 6.1 points, all of it luck of single ones.
    said = sentence()
    assert re.search(r"scatters by \d\.\d points \(standard deviation, 3 arms\)", said)
    assert re.search(r"\(?6\.\d\)?", said) and said.endswith("more test pictures would make it less.")
