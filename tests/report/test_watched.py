from pathlib import Path

import numpy as np
import pytest

from harness.report.figures.registry import figure
from harness.report.render import render
from tests.report.made_up import Bench, record

PROBES = ["activations", "gradients", "updates", "weights"]
DRAWN = {"first_pass", "activation_spread", "dead_units", "gradient_norm", "update_ratio", "weight_histogram"}


def arrays(level: str) -> dict[str, np.ndarray]:
    """Of three layers; the level b has what breaks a logarithm."""
    odd = level == "b"
    signal = np.array([[1.0, 0.0 if odd else 0.1, np.nan if odd else 1e-12]] * 2)
    histogram = np.full((2, 3, 61), np.nan if odd else 1 / 61)
    edges = (np.arange(62) - 30.5) * 0.1
    return {
        "activations/std": signal, "activations/dead_share": np.zeros((2, 3)), "activations/edges": edges,
        "activations/histogram": histogram, "weights/histogram": histogram, "weights/edges": edges,
        "gradients/norm": signal, "updates/ratio": signal, "updates/steps": np.array([0, 9]),
    }  # fmt: skip


@pytest.mark.parametrize("asked", [True, False])
def test_figures_are_drawn_where_the_study_asked_and_the_arrays_exist(asked: bool, tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    study = bench.study("small", "activation", {"a": 0.5, "b": 0.7, "lost": 0.6}, "a")
    study["probes"] = PROBES if asked else []
    for arm in study["arms"]:
        if arm["level"] != "lost":
            name = f"watched-{arm['level']}"
            result = record(name, 0, 0.5, arm["settings"])
            result.arrays = arrays(arm["level"])
            bench.store.write(result)
            arm["runs"] = [{"seed": 0, "fingerprint": name}]
    render(bench.save(), tmp_path / "reports", None)
    page = (tmp_path / "reports/small.html").read_text()
    assert ("Activations before training" in page) == asked
    assert ("Update size over weight size" in page) == asked


def test_every_figure_of_a_probe_is_registered() -> None:
    assert {name for name, _ in figure.all()} >= DRAWN
