from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.report.render import render
from tests.report.made_up import Bench, record


def searches(root: Path, accuracies: dict[str, list[float]]) -> str:
    """Return the page of a study whose levels, but for `none`, are searches with these trials."""
    bench = Bench(root, 2)
    study = bench.study("looking", "search", {**dict.fromkeys(accuracies, 0.5), "none": 0.4}, next(iter(accuracies)))
    for arm in study["arms"]:
        for seed in range(2) if arm["level"] in accuracies else ():
            name = f"{arm['level']}-{seed}"
            found = np.array(accuracies[arm["level"]])
            count = len(found)
            result = record(name, seed, 0.5, arm["settings"])
            result.metrics["trials"] = count
            result.arrays = {
                "search/learning_rate": np.geomspace(1e-4, 1, count), "search/l2_strength": np.full(count, 1e-3),
                "search/stage": np.arange(count) // 2, "search/epochs": np.full(count, 3),
                "search/validation_accuracy": found,
            }  # fmt: skip
            bench.store.write(result)
            arm["runs"][seed] = {"seed": seed, "fingerprint": name}
    render(bench.save(), root / "reports", None)
    return (root / "reports/looking.html").read_text()


def test_searches_are_drawn_and_tabled(tmp_path: Path) -> None:
    page = searches(tmp_path, {"grid": [0.2, 0.6, 0.4], "random": [0.3, 0.0, 0.5]})
    assert "Best accuracy over the number of trials" in page
    assert "Where the trials lay" in page
    table = pd.read_csv(tmp_path / "reports/tables/looking_trials.csv")
    assert len(table) == 2 * 2 * 3
    first = table[(table["level"] == "grid") & (table["seed"] == 0)]
    assert first["trial"].tolist() == [1, 2, 3]
    assert first["validation_accuracy"].tolist() == pytest.approx([0.2, 0.6, 0.4])


@pytest.mark.parametrize("accuracies", [[0.0, 0.0, 0.0], [0.4]])
def test_searches_without_anything_to_compare_are_drawn_too(accuracies: list[float], tmp_path: Path) -> None:
    assert "Where the trials lay" in searches(tmp_path, {"grid": accuracies})


def test_other_studies_have_none(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.study("plain", "activation", {"relu": 0.7, "tanh": 0.6}, "relu")
    render(bench.save(), tmp_path / "reports", None)
    assert "trials" not in (tmp_path / "reports/plain.html").read_text()
    assert not (tmp_path / "reports/tables/plain_trials.csv").exists()
