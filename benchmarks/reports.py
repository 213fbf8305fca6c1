"""How long do reports of a grid take, and of one many times its size? Time, memory and bytes of `harness report`.

python benchmarks/reports.py                                    # the project's own records, and 10,000 made of them
python benchmarks/reports.py --data ../other/data --records 2000 --out benchmarks/results

The larger grid has every judged run again under further seeds, each a record of its own with the same values, and the
trials of tuning once. What lies beside the records (prepared data, pictures, surfaces, preflight) is shown as well.
Each report is drawn by one process on one core. Where there is no `os.wait4`, as on Windows, it can't be measured.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from datetime import date
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.analysis.counts import every_run
from harness.campaign.project import REPORTS, RUNS
from harness.core.config import PARAMS
from harness.core.records import ARRAYS, RECORD, Store
from harness.core.written import PlanJson, RunJson, StudyJson

ROOT = Path(__file__).parents[1]
RECORDS = 10_000
# Between the seeds of one copy and those of the next.
STRIDE = 100_000


def main() -> None:
    """Measure both reports, print them, and keep them where `--out` says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / RUNS.parent, help="folder with runs/ and plan.json")
    parser.add_argument("--records", type=int, default=RECORDS, help="of the larger grid, at least")
    parser.add_argument("--out", type=Path, help="folder to keep the numbers in")
    arguments = parser.parse_args()
    report = {"environment": environment(), "grids": []}
    with tempfile.TemporaryDirectory() as folder:
        for name, records in (("measured", 0), ("multiplied", arguments.records)):
            project = Path(folder) / name
            count = multiply(arguments.data, project, records)
            found = {"grid": name, "records": count, **timed(project)}
            report["grids"].append(found)
            print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found.items()), flush=True)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        path = arguments.out / f"reports-{report['environment']['date']}.json"
        path.write_text(json.dumps(report, indent=1) + "\n")
        print(f"written to {path}")


def multiply(data: Path, project: Path, records: int) -> int:
    """Make a project whose grid is that of `data` under so many more seeds that it has `records`; return how many."""
    store, made = Store(data / RUNS.name), Store(project / RUNS)
    made.root.mkdir(parents=True)
    shutil.copy(ROOT / PARAMS, project)
    for path in data.iterdir():
        if path.name not in (RUNS.name, store.plan_path.name, "raw"):
            (made.root.parent / path.name).symlink_to(path.resolve())
    plan = store.read_plan()
    single, judged = prints_of(plan["studies"]), judged_prints(plan)
    copies = 1 + max(0, ceil((records - len(single)) / len(judged)))
    for print_ in single:
        (made.root / print_).symlink_to((store.root / print_).resolve())
    for number in range(1, copies):
        for print_ in judged:
            copy_record(store, made, print_, number)
    made.write_plan(with_copies(plan, copies))
    return len(prints_of(made.read_plan()["studies"]))


def prints_of(studies: list[StudyJson]) -> set[str]:
    """Return the fingerprints of all runs, members of ensembles too."""
    return {print_ for run in every_run(studies) for print_ in (run["fingerprint"], *run.get("members", ()))}


def judged_prints(plan: PlanJson) -> list[str]:
    """Return the fingerprints of the judged runs, with their members."""
    runs = [run for study in plan["studies"] for arm in study["arms"] for run in arm["runs"]]
    return sorted({print_ for run in runs for print_ in (run["fingerprint"], *run.get("members", ()))})


def with_copies(plan: PlanJson, copies: int) -> PlanJson:
    """Return the plan with every judged run `copies` times."""
    made = deepcopy(plan)
    for study in made["studies"]:
        for arm in study["arms"]:
            arm["runs"] = [again(run, number) for number in range(copies) for run in arm["runs"]]
    return made


def again(run: RunJson, number: int) -> RunJson:
    """Return a run under the seed of a copy; copy 0 is itself."""
    found: RunJson = {"seed": run["seed"] + STRIDE * number, "fingerprint": copied(run["fingerprint"], number)}
    if "members" in run:
        found["members"] = [copied(print_, number) for print_ in run["members"]]
    return found


def copied(print_: str, number: int) -> str:
    """Return the fingerprint of a copy, as long as the first; copy 0 is itself."""
    return sha256(f"{print_}/{number}".encode()).hexdigest()[: len(print_)] if number else print_


def copy_record(store: Store, made: Store, print_: str, number: int) -> None:
    """Write a copy of a record; its arrays are those of the first."""
    source, folder = store.root / print_, made.root / copied(print_, number)
    folder.mkdir()
    body = json.loads((source / RECORD).read_text(encoding="utf-8"))
    body |= {"fingerprint": folder.name, "seed": body["seed"] + STRIDE * number}
    if body.get("members"):
        body["members"] = [[seed + STRIDE * number, copied(member, number)] for seed, member in body["members"]]
    (folder / RECORD).write_text(json.dumps(body), encoding="utf-8")
    if (source / ARRAYS).is_file():
        (folder / ARRAYS).symlink_to((source / ARRAYS).resolve())


def timed(project: Path) -> dict[str, Any]:
    """Render the reports of a project in a process of its own on one core; return what it took and what it wrote."""
    command, paths = [sys.executable, "-m", "harness", "report"], {"PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    log = project / "report.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            command, cwd=project, env=os.environ | paths, stdout=file, stderr=file, preexec_fn=on_one_core
        )
        # What `wait` leaves out: the time and the memory of this one process.
        _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{log.read_text()}\n{' '.join(command)} ended with {process.returncode}")
    files = {path: path.stat().st_size for path in (project / REPORTS).rglob("*") if path.is_file()}
    pages = {path.name: size for path, size in files.items() if path.suffix == ".html"}
    largest = max(pages, key=lambda name: pages[name])
    return {
        "seconds": round(seconds, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        # Kilobytes, but bytes on macOS.
        "peak_memory_mb": round(used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)),
        "files": len(files),
        "files_mb": round(sum(files.values()) / 1e6, 1),
        "pages": len(pages),
        "largest_page": largest,
        "largest_page_kb": round(pages[largest] / 1e3),
    }


def on_one_core() -> None:
    """Keep this process to one of its cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def environment() -> dict[str, Any]:
    """Return where and with what this was measured."""
    from harness.training.device import cpu_info

    return {
        "date": date.today().isoformat(),
        "processor": cpu_info().get("model name") or platform.processor() or platform.machine(),
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "matplotlib": matplotlib.__version__,
    }


if __name__ == "__main__":
    main()
