"""MLflow's database is no output of DVC: it is right all the same after whatever was done to it, or to the project."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.test_pipeline import dvc, fresh_copy, git


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fresh_copy(tmp_path_factory.mktemp("tracked") / "before", studies=["kernel_size"])
    dvc(folder, "repro")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "results")
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


def test_a_deleted_database_is_filled_again(project: Path) -> None:
    before = shown(project)
    assert before == {"kernel_size": (4, ["kernel_size.html"])}
    for path in project.glob("mlflow.db*"):
        path.unlink()
    shutil.rmtree(project / "mlruns")
    assert dvc(project, "repro").count("didn't change") == 5
    assert shown(project) == before


def test_results_of_a_temporary_copy_are_tracked_once_applied(project: Path) -> None:
    dvc(project, "exp", "run", "--temp", "-n", "other", "-S", "studies=[block]")
    assert set(shown(project)) == {"kernel_size"}
    dvc(project, "exp", "apply", "other")
    assert dvc(project, "repro").count("didn't change") == 5
    assert shown(project)["block"] == (3, ["block.html"])


def test_files_follow_a_project_that_is_moved(project: Path) -> None:
    moved = project.with_name("after")
    project.rename(moved)
    assert dvc(moved, "repro").count("didn't change") == 5
    assert not project.exists()
    # Also those of the study that the plan of the moment lacks.
    assert set(shown(moved)) == {"kernel_size", "block"}
