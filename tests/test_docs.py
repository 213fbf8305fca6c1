"""What docs/extending.md tells to do, done to the letter in a copy."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "extending.md").read_text()


def code(heading: str, language: str) -> str:
    section = TEXT[TEXT.index(f"## {heading}") :]
    found = re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "harness", tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    text = (ROOT / "params.yaml").read_text().replace("profile: quick", "profile: smoke")
    (tmp_path / "params.yaml").write_text(text.replace("studies: all", "studies: [mine]"))
    (tmp_path / "experiments").mkdir()
    return tmp_path


def harness(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "harness", *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


# What the example of a probe takes from elsewhere.
IMPORTS = """\
import numpy as np

from harness.probes.looking import watches_step
from harness.training.observer import PROBE, Findings, Observer


"""


def test_a_level_a_study_a_probe_a_quantity_and_a_data_source(folder: Path) -> None:
    with (folder / "harness" / "factors" / "activation.py").open("a") as file:
        file.write("\n\n" + code("A level", "python"))
    shutil.copy(ROOT / "experiments" / "activation.yaml", folder / "experiments")
    study = folder / "experiments" / "activation.yaml"
    study.write_text(study.read_text().replace("  - silu\n", "  - silu\n  - mish\n", 1))
    probes = folder / "harness" / "probes"
    (probes / "rates.py").write_text(IMPORTS + code("A probe", "python"))
    names = (probes / "__init__.py").read_text()
    (probes / "__init__.py").write_text(names.replace("    saturation,\n", "    rates,\n    saturation,\n"))
    inside = folder / "harness" / "quantities" / "inside.py"
    inside.write_text(inside.read_text().removesuffix("}\n") + code("A quantity", "python") + "}\n")
    asked = "metrics: [test_accuracy, highest_rate]\nprobes: [rates]\n"
    (folder / "experiments" / "mine.yaml").write_text(code("A study", "yaml") + asked)
    (folder / "harness" / "data" / "stripes.py").write_text(code("A data source", "python"))
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("studies: [mine]", "studies: [mine, activation]"))
    params.write_text(params.read_text().replace("source: synthetic", "source: stripes"))
    assert "stripes, 200 train" in harness(folder, "prepare")
    planned = harness(folder, "plan")
    # Three kernel sizes in two contexts; ten activations in two, and four of them in two more.
    assert re.search(r"mine\s*│\s*6\s", planned)
    assert re.search(r"activation\s*│\s*28\s", planned)
