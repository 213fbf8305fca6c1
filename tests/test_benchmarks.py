"""The script that measures a GPU, on a machine without one; the one that measures reports, at a tiny size."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks import gpu, reports
from harness.core.config import load_params
from harness.core.records import Store
from harness.planning.settings import check_recipe, resolve
from tests.conftest import ROOT
from tests.fake_cuda import fake_cuda
from tests.report.made_up import Bench, procedures


def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "benchmarks/gpu.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600
    )


@pytest.mark.parametrize(("profile", "recipe"), [("full", gpu.FULL), ("quick", gpu.QUICK)])
def test_its_recipes_are_those_of_params_yaml(profile: str, recipe: dict[str, Any]) -> None:
    params = load_params(ROOT / "params.yaml", profile)
    shipped = resolve(check_recipe(params.recipe, "params.yaml"), {}, params.data.train_images)
    assert gpu.settings(recipe) == shipped
    counts = (params.data.train_images, params.data.validation_images, params.data.test_images)
    assert counts == (gpu.Size().pictures if profile == "full" else gpu.Size().few)


def test_every_part_goes_through_at_a_tiny_size(tmp_path: Path) -> None:
    done = call("--out", str(tmp_path), "--tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.iterdir()
    report = json.loads(path.read_text())
    assert path.name.endswith(f"-tiny-{report['environment']['date']}.json") and report["size"] == "tiny"
    first, second, third, fourth, fifth = (report[f"part_{number}"] for number in range(1, 6))
    assert (first["failed"], first["not run"]) == (0, 0) and first["passed"] == len(first["rows"]) > 100
    # Without CUDA nothing is captured.
    assert not second["equal_as_a_cuda_graph"] and not fourth["full"]["captured"]
    assert second["runs"] == second["equal_alone"] == second["equal_beside_a_neighbour"] == 4
    assert [run["status"] for run in third["runs"]] == ["done", "done"]
    for net in (fourth["full"], fourth["quick"]):
        assert min(net["processes"]["1"], net["dataloader"], net["on_device"]) > 0
    assert fifth["runs"] > 0 and not fifth["failed"]
    assert fifth["whole_runs"] > 1000 and fifth["whole_hours"] > 0
    assert "part 5" in done.stdout


def test_a_part_that_fails_is_noted_and_the_next_one_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: object, seconds: float) -> dict[str, Any]:
        """Breaks."""
        raise ValueError("no such kernel\nand more")

    def fine(bench: object, seconds: float) -> dict[str, Any]:
        """Works."""
        return {"found": seconds}

    monkeypatch.setattr(gpu, "PARTS", ((broken, 10), (fine, 60), (fine, None)))
    report: dict[str, Any] = {}
    kept: list[int] = []
    bench = SimpleNamespace(left=50.0, minutes=4.0)
    assert not gpu.measure(bench, [1, 2, 3], report, lambda: kept.append(len(report)))  # type: ignore[arg-type]
    assert report["part_1"]["problem"] == "ValueError: no such kernel"
    assert "raise ValueError" in report["part_1"]["traceback"]
    assert report["part_2"]["found"] == 30.0, "half of the minutes is half of the share"
    assert report["part_3"]["found"] == 50.0, "all that is left"
    assert kept == [1, 2, 3], "written after every part"
    bench.left = 0.0
    assert not gpu.measure(bench, [2], report, lambda: None)  # type: ignore[arg-type]
    assert "no time is left" in report["part_2"]["problem"]


def test_levels_are_compared_with_captured_steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec, data = gpu.Bench(tmp_path, gpu.TINY, "cpu", 1.0).spec(gpu.TINY.quick, epochs=1), None
    results = {captured: SimpleNamespace(**vars(BARE_RESULT)) for captured in (False, True)}
    monkeypatch.setattr(gpu, "execute", lambda spec, data: results[spec.captured])
    assert gpu.captured_alike(spec, data) == ""  # type: ignore[arg-type]
    results[True].environment = {"eager_because": "a step waits for the GPU"}
    assert gpu.captured_alike(spec, data) == "a step waits for the GPU"  # type: ignore[arg-type]
    results[True].metrics = {"test_loss": 2.0}
    with pytest.raises(RuntimeError, match=r"test_loss is 2.0 with captured steps, and 1.0 without"):
        gpu.captured_alike(spec, data)  # type: ignore[arg-type]


BARE_RESULT = SimpleNamespace(
    status="done", metrics={"test_loss": 1.0}, curves={}, arrays={}, environment={}, error=None
)


def test_a_level_that_fails_is_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unlucky(spec: Any, data: object) -> Any:
        if spec.settings.norm.name == "group":
            raise RuntimeError("norm failed")
        if spec.settings.search.name != "none":
            raise ModuleNotFoundError("no optuna", name="optuna")
        return SimpleNamespace(status="done")

    monkeypatch.setattr(gpu, "execute", unlucky)
    monkeypatch.setattr(gpu, "CHECKS", ())
    found = gpu.part_1(gpu.Bench(tmp_path, gpu.TINY, "cpu", 1.0), 60.0)
    assert (found["failed"], found["not run"]) == (1, 3)
    (row,) = (row for row in found["rows"] if row["passed"] is False)
    assert row["what"] == "norm: group" and row["problem"] == "RuntimeError: norm failed"


def test_what_it_does_itself_goes_through_on_cuda_tensors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without values, on a machine without a GPU (`fake_cuda`); its processes and its first part are left out."""
    bench = gpu.Bench(tmp_path, replace(gpu.TINY, try_seconds=0.01), "cuda", 1.0)
    folder = bench.large
    with fake_cuda(monkeypatch):
        found = gpu.part_3(bench, 60.0)
        assert [(one["precision"], one["status"]) for one in found["runs"]] == [
            ("bfloat16", "done"), ("tf32", "done"), ("float32", "done"),
        ]  # fmt: skip
        data = gpu.data_of(folder, "cuda")
        assert gpu.pace_of(bench, data, deterministic=False) > 0
        assert gpu.pace_of(bench, data, deterministic=True) > 0
        # The loop beside it copies pictures from the CPU itself.
        assert gpu.rival_pace(bench, bench.spec(gpu.TINY.full), gpu.data_of(folder, "cpu"), gpu.from_device) > 0
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.conv.fp32_precision == "ieee", "put back as the bench has it"


BARE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import benchmarks.gpu
"""


def test_it_needs_torch_and_numpy_alone() -> None:
    names = {"mlflow", "dvc", "pydantic", "yaml", "optuna", "typer", "rich", "scipy", "pandas", "torchvision", "PIL"}
    done = subprocess.run(
        [sys.executable, "-c", BARE.format(names=names)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_it_is_for_and_what_it_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong, code, words in (
        (["--help"], 0, "--minutes"),
        (["--out", "x", "--parts", "1,9"], 2, "numbers from 1 to 5"),
        ([], 2, "name a folder"),
    ):
        monkeypatch.setattr(sys, "argv", ["gpu.py", *wrong])
        with pytest.raises(SystemExit) as end:
            gpu.main()
        told = capsys.readouterr()
        assert end.value.code == code
        assert words in (told.err.splitlines()[-1] if code else told.out)
        assert code or all(f"\n{number}  " in told.out for number in range(1, 6))


def test_the_grid_can_be_carried_to_where_its_plan_can_t_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "grid.json"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--grid", str(path)])
    gpu.main()
    kinds = json.loads(path.read_text())
    assert kinds == gpu.grid_of_full()
    assert all(gpu.settings(kind["settings"]) for kind in kinds)


def test_reports_are_measured_of_a_grid_and_of_one_many_times_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path / "data")
    bench.study("activation", "activation", {"tanh": 0.6, "relu": 0.7}, "relu", tune=[0.1, 1.0])
    bench.save()
    procedures(tmp_path / "data")
    arguments = ["reports.py", "--data", str(tmp_path / "data"), "--records", "20", "--out", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", arguments)
    reports.main()
    (path,) = (tmp_path / "out").iterdir()
    body = json.loads(path.read_text())
    assert path.name == f"reports-{body['environment']['date']}.json" and body["environment"]["processor"]
    measured, larger = body["grids"]
    # Six judged runs and four trials; two copies of the judged ones make it 20 or more.
    assert (measured["records"], larger["records"]) == (10, 22)
    for one in (measured, larger):
        assert one["seconds"] > 0 and one["processor_seconds"] > 0 and one["peak_memory_mb"] > 50
        assert one["largest_page"].endswith(".html") and 0 < one["largest_page_kb"] < 1e3 * one["files_mb"]
    assert "records 22" in capsys.readouterr().out


def test_a_copy_of_a_record_is_another_run_with_the_same_arrays(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    study = bench.study("activation", "activation", {"relu": 0.7}, "relu")
    run, other = study["arms"][0]["runs"][:2]
    run["members"] = [other["fingerprint"]]
    store = bench.save()
    (store.root / run["fingerprint"] / "arrays.npz").write_bytes(b"arrays")
    assert reports.multiply(tmp_path / "data", tmp_path / "larger", 6) == 6
    made = Store(tmp_path / "larger" / "data" / "runs")
    runs = made.read_plan()["studies"][0]["arms"][0]["runs"]
    assert [one["seed"] for one in runs] == [0, 1, 2, *(reports.STRIDE + seed for seed in range(3))]
    assert runs[3]["members"] == [runs[4]["fingerprint"]] != run["members"]
    for first, copy in zip(runs[:3], runs[3:], strict=True):
        before, after = made.read(first["fingerprint"]), made.read(copy["fingerprint"])
        assert (after.fingerprint, after.seed) == (copy["fingerprint"], copy["seed"])
        assert after.metrics == before.metrics
    assert (made.root / runs[3]["fingerprint"] / "arrays.npz").read_bytes() == b"arrays"
