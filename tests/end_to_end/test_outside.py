"""A bench outside of the repository, made by an installed package and filled as docs/extending.md tells to."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "extending.md").read_text().partition("## A bench of your own")[2]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The package as `pip install .` leaves it, found before this repository is."""
    folder = tmp_path_factory.mktemp("installed")
    uv = Path(sys.executable).parent / "uv"
    built = run(uv, "build", "--offline", "--wheel", "--out-dir", folder, cwd=ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    target = ["--python", sys.executable, "--target", site]
    done = run(uv, "pip", "install", "--offline", "--no-deps", *target, wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    paths = [str(site / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    return {"PATH": os.pathsep.join(paths), "PYTHONPATH": str(site)}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """An empty folder, after every step of the guide but the last two commands."""
    folder = tmp_path_factory.mktemp("outside")
    install, new, change = blocks("sh")[0].splitlines()
    assert (install, change) == ("pip install .", "cd my-bench")
    done = run(*new.split(), cwd=folder, **environment)
    assert done.returncode == 0, done.stderr
    made = folder / "my-bench"
    levels = made / "plugins" / "my_levels.py"
    levels.write_text("\n\n".join([levels.read_text(), *blocks("python")]))
    (made / "experiments" / "models.yaml").write_text(blocks("yaml")[0])
    params = made / "params.yaml"
    assert "source: synthetic" in params.read_text() and "`source: stripes`" in GUIDE
    text = params.read_text().replace("source: synthetic", "source: stripes")
    params.write_text(text.replace("profile: quick", "profile: smoke"))
    return made


def harness(bench: Path, environment: dict[str, str], *arguments: str) -> str:
    done = run("harness", *arguments, cwd=bench, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def repro(bench: Path, environment: dict[str, str], *stages: str) -> str:
    done = run("dvc", "repro", *stages, cwd=bench, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def records(bench: Path) -> set[str]:
    return {path.name for path in (bench / "data" / "runs").iterdir()}


def test_the_guide_leads_from_an_empty_folder_to_a_report(bench: Path, environment: dict[str, str]) -> None:
    assert blocks("sh")[1].split("\n") == ["harness check", "dvc repro", ""]
    checked = harness(bench, environment, "check").splitlines()
    wanted = ("data source stripes", "activation gentle", "model patches", "probe rates")
    assert checked == [f"passed: {one}" for one in wanted]

    said = repro(bench, environment)
    assert "> harness train" in said
    plan = json.loads((bench / "data" / "plan.json").read_text())
    assert [study["name"] for study in plan["studies"]] == ["models", "my_study"]
    assert plan["data"]["source"] == "stripes"
    assert len(records(bench)) == 4
    page = (bench / "reports" / "models.html").read_text()
    assert "highest learning rate" in page.lower()
    assert "patches" in page
    # Nothing of the bench came from the repository's own folder.
    assert f"{ROOT}/" not in run("harness", "--help", cwd=bench, **environment).stderr
    where = run(sys.executable, "-c", "import harness; print(harness.__file__)", cwd=bench, **environment)
    assert str(ROOT) not in where.stdout

    # With nothing to do, nothing is done but to look.
    again = repro(bench, environment)
    assert re.findall(r"Running stage '(\w+)'", again) == ["installed", "track"]


@pytest.mark.slow
def test_a_changed_level_trains_its_own_runs_again(bench: Path, environment: dict[str, str]) -> None:
    before = records(bench)
    plugin = bench / "plugins" / "my_levels.py"
    text = plugin.read_text()
    assert "nn.LeakyReLU(slope)" in text
    plugin.write_text(text.replace("nn.LeakyReLU(slope)", "nn.LeakyReLU(2 * slope)"))
    assert "my_levels: gentle changed" in harness(bench, environment, "plan")
    assert "Running stage 'train'" in repro(bench, environment, "train")
    assert len(before & records(bench)) == 3 and len(records(bench)) == 4


def test_mistakes_are_one_line(bench: Path, environment: dict[str, str]) -> None:
    done = run("harness", "new", ".", cwd=bench, **environment)
    assert (done.returncode, done.stderr) == (2, "error: . is there already and isn't empty; name a new folder\n")
    plugin = bench / "plugins" / "my_levels.py"
    text = plugin.read_text()
    plugin.write_text(f"{text}\nimport nowhere_to_be_found\n")
    done = run("harness", "plan", cwd=bench, **environment)
    line = len(text.splitlines()) + 2
    words = f"error: my_levels.py:{line}: ModuleNotFoundError: No module named 'nowhere_to_be_found'\n"
    assert (done.returncode, done.stderr) == (2, words)
    plugin.write_text(text)
