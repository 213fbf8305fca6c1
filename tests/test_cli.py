"""The command line in a copy of the project: what is printed, and with what exit code."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from harness.campaign.audit import parse
from harness.campaign.train import Campaign
from harness.core.config import load_params
from harness.core.console import console
from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import RunResult
from harness.engines.events import Epoch, Finished
from harness.planning.plan import make_plan
from harness.planning.studies import load_study
from harness.planning.target import Target
from harness.training.search import execute
from harness.training.split import RunData
from tests.conftest import ROOT, heed_interrupts, shared
from tests.quick import Server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The project with one small study, before anything has run."""
    for name in ("harness", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "params.yaml").unlink()
    text = (ROOT / "params.yaml").read_text().replace("profile: quick", "profile: smoke")
    (tmp_path / "params.yaml").write_text(text.replace("studies: all", "studies: [mine]"))
    (tmp_path / "experiments").mkdir()
    study = "title: T\nquestion: Q?\nfactor: activation\nlevels: [relu, tanh]\ncontrol: relu\n"
    (tmp_path / "experiments" / "mine.yaml").write_text(study)
    return tmp_path


server = cache(lambda: Server(ROOT))


def harness(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return server().run(folder, *arguments)


def with_code_of(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which imports the code that lies in `folder`."""
    return subprocess.run([sys.executable, "-m", "harness", *arguments], cwd=folder, capture_output=True, text=True)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_help_names_every_command(folder: Path) -> None:
    done = harness(folder, "--help")
    assert done.returncode == 0
    for command in ("new", "check", "prepare", "preview", "plan", "train", "cache", "track", "search", "report"):
        assert command in done.stdout


ENDING = """
import atexit, sys, threading, time
from harness.cli import program

def work():
    time.sleep(0.3)
    print("a thread")

threading.Thread(target=work).start()
atexit.register(print, "at exit")
sys.argv = ["harness", *sys.argv[1:]]
program()
"""


@pytest.mark.parametrize(("command", "code"), [("--help", 0), ("nothing", 2), ("show", 2)])
def test_a_program_ends_as_any_other(folder: Path, command: str, code: int) -> None:
    ended = subprocess.run([sys.executable, "-c", ENDING, command], cwd=folder, capture_output=True, text=True)
    assert ended.returncode == code
    assert ended.stdout.endswith("a thread\nat exit\n")
    assert ("Usage" in ended.stdout) == (code == 0)


def test_a_plan_before_training(folder: Path) -> None:
    assert harness(folder, "prepare").returncode == 0
    done = harness(folder, "plan")
    assert done.returncode == 0, done.stderr
    assert "2 runs (0 duplicates folded), 2 to train" in done.stdout
    assert "about" in done.stdout
    assert "one seed gives no interval" in done.stdout
    sheets = harness(folder, "preview")
    assert sheets.returncode == 0
    assert len(list((folder / "data" / "preview").glob("*.png"))) == 10


def test_a_dry_run_shows_what_would_be_read(folder: Path) -> None:
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.random.default_rng([len(name), number, ord(name[0])]).integers(
                0, 256, (8, 8, 3), dtype=np.uint8
            )
            Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")
    (folder / "photos" / "dog" / "readme.txt").write_text("x")
    edit(folder / "params.yaml", "source: synthetic", "source: image_folder")
    edit(folder / "params.yaml", "root: data/raw", "root: photos")
    before = set(folder.rglob("*"))
    done = harness(folder, "prepare", "--dry-run")
    sheet = folder / "data" / "preview" / "dry-run.png"
    assert set(folder.rglob("*")) - before == {sheet, sheet.parent, sheet.parent.parent}
    assert done.stdout.startswith("would read: image_folder, ") and " 2 classes in photos\n" in done.stdout
    assert "1 file left out:\n  photos/dog/readme.txt: this is neither PNG nor JPEG" in done.stdout
    assert "by number: data/preview/dry-run.png; nothing else was written" in done.stdout
    assert done.returncode == 2 and "error: prepare would stop at photos/dog/readme.txt" in done.stderr
    edit(folder / "params.yaml", "on_bad_image: fail", "on_bad_image: skip")
    assert harness(folder, "prepare", "--dry-run", "--sheet", "mine.png").returncode == 0
    assert (folder / "mine.png").read_bytes() == sheet.read_bytes()


def test_what_the_data_cannot_carry_is_a_line(folder: Path) -> None:
    text = "title: T\nquestion: Q?\nfactor: batch_size\nlevels: [20, 100, 1000]\ncontrol: 20\n"
    (folder / "experiments" / "mine.yaml").write_text(text)
    assert harness(folder, "prepare").returncode == 0
    line = "mine: 1000 left out: batch_size is larger than the training split, 200 pictures\n"
    assert line in harness(folder, "plan").stdout
    trained = harness(folder, "train")
    assert line in trained.stderr and "2 runs recorded" in trained.stderr
    edit(folder / "experiments" / "mine.yaml", "[20, 100, 1000]", "[20, 1000]")
    for command in ("plan", "train"):
        refused = harness(folder, command)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1
        assert "the data can carry none of the studies: mine left out: batch_size" in refused.stderr
    edit(folder / "params.yaml", "sampling: balanced", "sampling: {long_tailed: {imbalance: 50}}")
    for command in ("plan", "train", "preflight", "search"):
        refused = harness(folder, command)
        assert refused.returncode == 2 and refused.stderr.count("\n") == 1, refused.stderr
        assert "params.yaml: recipe.sampling needs 50 training pictures of every class" in refused.stderr


def test_the_cache_is_counted_and_pruned(folder: Path) -> None:
    nowhere = harness(folder, "cache")
    assert nowhere.returncode == 2 and "there is no .dvc here" in nowhere.stderr
    (folder / ".dvc").mkdir()
    assert harness(folder, "prepare").returncode == harness(folder, "train").returncode == 0
    assert f"records in {folder}/.dvc/cache/records: 2, " in harness(folder, "cache").stdout
    pruned = harness(folder, "cache", "--prune", "0")
    assert "records removed: 2" in pruned.stdout and "records: 0, 0.0 MB" in pruned.stdout
    # The second names of the same files are still there, and go back into the cache.
    again = harness(folder, "train")
    assert "2 runs recorded" in again.stderr and " of " not in again.stderr
    assert f"records in {folder}/.dvc/cache/records: 2, " in harness(folder, "cache").stdout


def test_a_search_ends_with_what_to_put_into_the_recipe(folder: Path) -> None:
    assert harness(folder, "prepare").returncode == 0
    edit(folder / "params.yaml", "epochs: 2", "epochs: 1")
    done = harness(folder, "search", "--how", "random", "--trials", "3", "--seed", "5")
    assert done.returncode == 0, done.stderr
    table, lines = done.stdout.split("For params.yaml:\n")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if line.startswith("│")]
    assert sorted(row[0] for row in rows) == ["1", "2", "3"]
    reached = [float(row[-1].rstrip("%")) for row in rows]
    assert reached == sorted(reached, reverse=True)
    found = yaml.safe_load(lines)["recipe"]
    assert found["learning_rate"] == float(rows[0][1])
    assert found["penalty"] == {"l2": {"strength": float(rows[0][2])}}
    # What it says is what params.yaml takes.
    edit(folder / "params.yaml", "penalty: none", f"penalty: {found['penalty']}")
    edit(folder / "params.yaml", "learning_rate: null", f"learning_rate: {found['learning_rate']}")
    assert harness(folder, "plan").returncode == 0


def test_an_audit_shows_choices_alone_and_with_one_another(folder: Path) -> None:
    edit(folder / "params.yaml", "seeds: null", "seeds: 2")
    (folder / ".dvc").mkdir()
    assert harness(folder, "prepare").returncode == 0
    assert harness(folder, "train").returncode == 0
    done = harness(folder, "audit", "activation=tanh", "dropout=0.5")
    assert done.returncode == 0, done.stderr
    # Of its four arms the study has trained the recipe and tanh alone.
    assert "4 of 4 runs" in done.stderr
    assert "4 arms, 2 seeds: test accuracy, points" in " ".join(done.stdout.split())
    for words in ("dropout=0.5", "without", "one factor at a time"):
        assert words in done.stdout
    # The plan of the grid is its own still.
    assert harness(folder, "report").returncode == 0


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (["norm=gruop", "depth=4"], "unknown norm 'gruop' in audit: norm; did you mean 'group'"),
        (["norm"], "write setting=value, norm=none for example, not 'norm'"),
        (["norm=none"], "takes 2 to 8 choices, not 1"),
        (["norm=none", "norm=layer"], "norm is named twice"),
        (["depht=4", "norm=none"], "did you mean 'depth'"),
        (["dropout=[", "norm=none"], "'[' is no value for dropout"),
    ],
)
def test_what_an_audit_cannot_take_is_one_line(choices: list[str], words: str) -> None:
    with pytest.raises(SettingError, match=re.escape(words)):
        parse(choices)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--how", "gird"], "unknown --how 'gird'; did you mean 'grid'"),
        (["--how", "none"], "choose from"),
        (["--how", "grid", "--trials", "10"], "square number, such as 4, 9 or 16, not 10"),
        (["--how", "coarse_to_fine", "--trials", "1"], "trials must lie in 2 to 10000, not 1"),
        ([], "prepare"),
    ],
)
def test_a_search_that_cannot_be_is_one_line(folder: Path, arguments: list[str], words: str) -> None:
    if arguments:
        harness(folder, "prepare")
    done = harness(folder, "search", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr


@pytest.mark.parametrize(
    ("command", "old", "new", "words"),
    [
        ("train", "profile: smoke", "profile: smok", "did you mean 'smoke'"),
        ("train", "studies: [mine]", "studies: [mien]", "did you mean 'mine'"),
        ("train", "activation: relu", "activation: rely", "did you mean 'relu'"),
        ("train", "device: auto", "device: cuda", "set it to auto or cpu"),
        ("prepare", "source: synthetic", "source: synthetik", "did you mean 'synthetic'"),
        ("prepare", "source: synthetic", "source: image_folder", "data.root"),
        ("track", "profile: smoke", "profile: smoke", "dvc repro"),
        ("report", "profile: smoke", "profile: smoke", "dvc repro"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(folder: Path, command: str, old: str, new: str, words: str) -> None:
    if command == "train":
        harness(folder, "prepare")
    edit(folder / "params.yaml", old, new)
    done = harness(folder, command)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr


def test_a_bug_ends_the_stage_after_the_others_are_kept(folder: Path) -> None:
    assert harness(folder, "prepare").returncode == 0
    (folder / "harness").unlink()
    shutil.copytree(ROOT / "harness", folder / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    edit(folder / "harness" / "factors" / "activation.py", "return nn.Tanh()", "return nn.Tanhh()")
    done = with_code_of(folder, "train")
    assert done.returncode == 1
    assert "mine · default · tanh · seed 0" in done.stderr
    assert "Tanhh" in done.stderr
    assert len(list((folder / "data" / "runs").iterdir())) == 1
    # Mended, it goes on with what is missing.
    edit(folder / "harness" / "factors" / "activation.py", "return nn.Tanhh()", "return nn.Tanh()")
    done = with_code_of(folder, "train")
    assert done.returncode == 0, done.stderr
    assert len(list((folder / "data" / "runs").iterdir())) == 2


def test_ctrl_c_stops_within_5_seconds_and_keeps_what_is_finished(folder: Path) -> None:
    assert harness(folder, "prepare").returncode == 0
    study = folder / "experiments" / "mine.yaml"
    # The control ends at once; the other level would take hours.
    study.write_text(study.read_text() + "contexts: {short: {epochs: 1}, long: {epochs: 100000}}\n")
    edit(folder / "params.yaml", "workers: auto", "workers: 1")
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "train"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    runs = folder / "data" / "runs"
    deadline = time.monotonic() + 180
    while not (runs.is_dir() and len(list(runs.iterdir())) == 2) and time.monotonic() < deadline:
        time.sleep(0.1)
    # As a terminal does: the whole group is interrupted.
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    _, printed = process.communicate(timeout=60)
    assert time.monotonic() - started < shared(5)
    assert process.returncode == 130
    assert "2 run(s) of this call are kept, the same command goes on" in printed
    assert "Traceback" not in printed
    assert len(list(runs.iterdir())) == 2


SEARCHES = """\
title: T
question: Q
factor: search
levels: [{random: {trials: 2}}, {grid: {trials: 1}}]
control: random
"""


def test_epochs_of_trials_are_not_tracked_as_those_of_the_run(
    tmp_path: Path, target: Target, recipe: dict[str, Any], run_data: RunData, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, float]] = []

    class Notes:
        def __init__(self, *_: Any) -> None: ...

        def epoch(self, fingerprint: str, point: dict[str, float]) -> None:
            told.append((fingerprint, point["epoch"]))

        def finished(self, result: RunResult) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr("harness.campaign.train.Tracker", Notes)
    (tmp_path / "mine.yaml").write_text(SEARCHES)
    store = Store(tmp_path / "runs")
    plan = make_plan([load_study(tmp_path / "mine.yaml")], recipe, 1, "smoke", target, store)
    searching, other = plan.pending.values()
    point = {"epoch": 1.0, "validation_accuracy": 0.5}
    events = [Epoch(searching, point, 1), Epoch(other, point), Finished(searching, execute(searching, run_data))]
    Campaign(load_params(ROOT / "params.yaml"), store, console).wave(plan, iter(events))
    # The tracker keeps the first value of an epoch: that of another trial must not be it.
    assert told == [(other.fingerprint, 1.0)]
    assert store.has(searching.fingerprint)


def test_a_record_is_shown_and_trained_again(folder: Path) -> None:
    edit(folder / "experiments" / "mine.yaml", "control: relu\n", "control: relu\nprobes: [activations]\n")
    assert harness(folder, "prepare").returncode == harness(folder, "train").returncode == 0
    shown = harness(folder, "show", "relu seed 0")
    assert shown.returncode == 0, shown.stderr
    fingerprint, title = (line.strip() for line in shown.stdout.splitlines()[:2])
    assert title == "mine · default · relu · seed 0"
    assert "watched by activations" in shown.stdout and "test accuracy" not in shown.stderr
    again = harness(folder, "rerun", fingerprint[:8])
    assert (again.returncode, again.stdout) == (0, f"{title}: equal to the bit\n"), again.stderr
    path = folder / "data" / "runs" / fingerprint / "record.json"
    record = json.loads(path.read_text())
    record["metrics"]["test_accuracy"] += 0.001
    record["curves"]["train_loss"][1] = 9.0
    record["environment"]["torch"] = "1.0"
    path.write_text(json.dumps(record))
    differs = harness(folder, "rerun", fingerprint[:8])
    assert differs.returncode == 1
    for words in ("test_accuracy", "curve train_loss, entry 2", "made with torch", "1.0"):
        assert words in differs.stdout
    assert "not equal: mine" in differs.stderr


def test_a_run_that_is_not_one_is_one_line(folder: Path) -> None:
    assert harness(folder, "prepare").returncode == harness(folder, "train").returncode == 0
    for wanted, words in (
        ("sigmoid", "no run is called 'sigmoid'"),
        ("mine", "2 runs are called 'mine'"),
        ("", "no run is called ''"),
        ("*", "no run is called '*'"),
    ):
        done = harness(folder, "show", wanted)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert words in done.stderr
