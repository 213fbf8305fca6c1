"""The real pipeline in a fresh copy: real DVC, real MLflow, real processes."""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from harness.analysis.counts import Runs
from harness.core.records import Store, cache_folder
from harness.core.study import Study
from harness.planning.studies import load_studies
from tests.conftest import ROOT
from tests.engines.test_local import numbers

CODE = (
    "harness",
    "experiments",
    "plugins",
    "params.yaml",
    "dvc.yaml",
    "requirements.lock",
    ".gitignore",
    ".dvcignore",
    ".dvc/plots",
    "data/.gitignore",
)
# DVC runs `python`: it must be this one.
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SMALL = ["-S", "profile=smoke", "-S", "studies=[dropout]"]


def dvc(folder: Path, *arguments: str, progress: bool = False) -> str:
    """What a command of DVC prints; with `progress` also what it and its stages tell while they work."""
    done = subprocess.run(["dvc", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr * progress


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def fresh_copy(folder: Path, **params: object) -> Path:
    """A commit of the code alone in a new repository, at profile smoke."""
    for name in CODE:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target)
    (folder / "data" / "raw").mkdir()
    (folder / "data" / "raw" / ".gitkeep").touch()
    text = (folder / "params.yaml").read_text().replace("profile: quick", "profile: smoke")
    for name, value in params.items():
        key = f"{name}: {yaml.safe_load((ROOT / 'params.yaml').read_text())[name]}"
        assert key in text
        text = text.replace(key, f"{name}: {json.dumps(value)}", 1)
    (folder / "params.yaml").write_text(text)
    git(folder, "init", "-q")
    shutil.move(folder / ".dvc" / "plots", folder / "plots")
    dvc(folder, "init", "-q", "--force")
    shutil.move(folder / "plots", folder / ".dvc" / "plots")
    dvc(folder, "config", "core.analytics", "false")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "code")
    return folder


def records(folder: Path, runs: Path | None = None) -> dict[str, object]:
    """The numbers of every record by fingerprint, of the output or in `runs`; a broken record would raise."""
    runs = runs or folder / "data" / "runs"
    store = Store(runs)
    found = {}
    for path in runs.iterdir():
        record = store.read(path.name)
        record.arrays = store.arrays(path.name)
        found[path.name] = numbers(record)
    return found


# Tuned rates, ensembles, two tasks and probes are among them; all 24 take minutes.
SOME = ["loss", "dropout", "ensemble", "transfer"]


@pytest.fixture(scope="module", params=["some", pytest.param("all", marks=pytest.mark.slow)])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies, from nothing to the report."""
    folder = fresh_copy(tmp_path_factory.mktemp("whole"), studies="all" if request.param == "all" else SOME)
    dvc(folder, "repro")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "results")
    return folder


def selected(folder: Path) -> list[Study]:
    """The studies that params.yaml of a copy names."""
    return load_studies(yaml.safe_load((folder / "params.yaml").read_text())["studies"], ROOT / "experiments")


def test_a_report_for_every_study(whole: Path) -> None:
    plan = json.loads((whole / "data" / "plan.json").read_text())
    names = {study.name for study in selected(whole)}
    assert {study["name"] for study in plan["studies"]} == names
    for page in ("index", "claims", *names):
        assert (whole / "reports" / f"{page}.html").stat().st_size > 5_000


def test_every_claim_has_its_verdict(whole: Path) -> None:
    # That they are the lecture's is tested in tests/test_studies.py.
    claims = [claim["id"] for study in selected(whole) for claim in study.to_json()["claims"]]
    with (whole / "reports" / "tables" / "claims.csv").open() as table:
        assert {row["claim"] for row in csv.DictReader(table)} == set(claims)
    page = (whole / "reports" / "claims.html").read_text()
    assert all(f'id="claim-{claim}"' in page for claim in claims)


def test_every_run_of_the_plan_is_recorded_and_tracked(whole: Path) -> None:
    import mlflow

    plan = json.loads((whole / "data" / "plan.json").read_text())
    client = mlflow.MlflowClient(f"sqlite:///{whole}/mlflow.db")
    found = records(whole)
    for study in plan["studies"]:
        wanted = [run["fingerprint"] for arm in study["arms"] for run in arm["runs"]]
        assert set(wanted) <= set(found)
        experiment = client.get_experiment_by_name(study["name"])
        runs = client.search_runs([experiment.experiment_id], "tags.tuning = 'false'", max_results=1000)
        assert sorted(run.data.tags["fingerprint"] for run in runs) == sorted(wanted)


def test_a_second_repro_does_nothing(whole: Path) -> None:
    said = dvc(whole, "repro", progress=True)
    assert said.count("didn't change") == 5
    assert " 0 of them added" in said
    assert nothing_changed(whole)


def nothing_changed(folder: Path) -> bool:
    """Whether DVC would run nothing but a look at MLflow."""
    return dvc(folder, "status").split() == ["track:", "always", "changed"]


def test_the_usual_tools_work(whole: Path) -> None:
    assert "train" in dvc(whole, "dag")
    assert "test_accuracy" in dvc(whole, "metrics", "show", "--json")
    dvc(whole, "params", "diff", "HEAD~1")
    dvc(whole, "metrics", "diff", "HEAD~1")
    assert "index.html" in dvc(whole, "plots", "show")
    git(whole, "add", "-A")


def test_results_travel_through_a_remote(whole: Path, tmp_path: Path) -> None:
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    dvc(whole, "remote", "add", "--force", "--local", "-d", "folder", str(remote))
    dvc(whole, "push")
    subprocess.run(["git", "clone", "-q", str(whole), str(clone)], check=True)
    dvc(clone, "remote", "add", "--local", "-d", "folder", str(remote))
    dvc(clone, "pull")
    assert (clone / "reports" / "index.html").read_bytes() == (whole / "reports" / "index.html").read_bytes()
    assert records(clone) == records(whole)
    # The records came along: nothing is trained again.
    assert nothing_changed(clone)


@pytest.fixture(scope="module")
def copy(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole with all results, elsewhere: MLflow's database is no output of DVC, and tells of files by their place."""
    folder = tmp_path_factory.mktemp("tracked") / "before"
    shutil.copytree(whole, folder, symlinks=True)
    return folder


LOOK = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
found = {}
for experiment in client.search_experiments(filter_string="name != 'Default'"):
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'FINISHED'")
    found[experiment.name] = {
        run.info.run_name: [run.info.artifact_uri, [file.path for file in client.list_artifacts(run.info.run_id)]]
        for run in runs
        if run.data.tags.get("kind") != "arm"
    }
print(json.dumps(found))
"""


def shown(folder: Path) -> dict[str, tuple[int, list[str]]]:
    """By study, the number of runs that ended and the files of its report; every file must be in the folder."""
    # In a process of its own: MLflow keeps a database open that has been deleted.
    command = [sys.executable, "-c", LOOK, f"sqlite:///{folder}/mlflow.db"]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found = {}
    for study, runs in json.loads(told.splitlines()[-1]).items():
        assert all(place.startswith(folder.as_uri()) for place, _ in runs.values())
        _, report = runs.pop("report")
        assert all(names == ["environment.json", "settings.json"] for _, names in runs.values())
        found[study] = len(runs), report
    return found


@pytest.fixture(scope="module")
def tracked(whole: Path) -> dict[str, tuple[int, list[str]]]:
    """What MLflow shows of the whole."""
    return shown(whole)


def test_a_deleted_database_is_filled_again(copy: Path, whole: Path, tracked: dict[str, tuple[int, list[str]]]) -> None:
    assert {study: report for study, (_, report) in tracked.items()} == {
        study.name: [f"{study.name}.html"] for study in selected(whole)
    }
    for path in copy.glob("mlflow.db*"):
        path.unlink()
    shutil.rmtree(copy / "mlruns")
    assert dvc(copy, "repro").count("didn't change") == 5
    assert shown(copy) == tracked


def test_results_of_a_temporary_copy_are_tracked_once_applied_even_where_the_project_is_moved_to(
    copy: Path, tracked: dict[str, tuple[int, list[str]]]
) -> None:
    dvc(copy, "exp", "run", "--temp", "-n", "other", "-S", "studies=[kernel_size]")
    assert shown(copy) == tracked
    dvc(copy, "exp", "apply", "other")
    moved = copy.with_name("after")
    copy.rename(moved)
    assert dvc(moved, "repro").count("didn't change") == 5
    assert not copy.exists()
    # Files also of the studies that the plan of the moment lacks.
    assert shown(moved) == tracked | {"kernel_size": (4, ["kernel_size.html"])}


def test_an_experiment_trains_one_study(whole: Path) -> None:
    before = records(whole)
    dvc(whole, "exp", "run", "-S", "studies=[loss]")
    plan = json.loads((whole / "data" / "plan.json").read_text())
    assert [study["name"] for study in plan["studies"]] == ["loss"]
    after = records(whole)
    assert set(after) == Runs.of(plan["studies"]).trained
    assert all(before[fingerprint] == values for fingerprint, values in after.items()), "it was there already"
    # What the others had is in the cache.
    assert records(whole, cache_folder(whole)) == before


@pytest.fixture(scope="module")
def stopped(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without what was trained, whose pipeline is killed again and again before it may finish."""
    folder = tmp_path_factory.mktemp("stopped") / "copy"
    shutil.copytree(whole, folder, symlinks=True)
    for trained in ("data/runs", ".dvc/cache/records", ".dvc/cache/runs"):
        shutil.rmtree(folder / trained)
    params = folder / "params.yaml"
    params.write_text(re.sub(r"(?m)^studies:.*\n(- .*\n)*", "studies: [dropout]\n", params.read_text()))
    luck = random.Random(0)
    for _ in range(3):
        repro = subprocess.Popen(
            ["dvc", "repro", "train"], cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_records(folder, repro, luck.randint(0, 5))
        for process in [*psutil.Process(repro.pid).children(recursive=True), psutil.Process(repro.pid)]:
            if luck.random() < 0.7 or process.pid == repro.pid:
                process.send_signal(signal.SIGKILL)
        repro.wait()
        time.sleep(luck.random())
    return folder


def wait_for_records(folder: Path, repro: subprocess.Popen[bytes], more: int) -> None:
    """Return once `more` further records are there, or the pipeline has ended."""
    runs = folder / "data" / "runs"

    def count() -> int:
        return len(list(runs.iterdir())) if runs.is_dir() else 0

    wanted = count() + more
    while repro.poll() is None and count() < wanted:
        time.sleep(0.05)


def test_what_was_killed_goes_on_to_the_same_records(stopped: Path, whole: Path) -> None:
    dvc(stopped, "repro", "train")
    found, expected = records(stopped), records(whole, cache_folder(whole))
    assert len(found) == 13
    assert all(expected[fingerprint] == values for fingerprint, values in found.items())
