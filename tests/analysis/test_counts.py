"""What train, report and track count adds up."""

from typing import Any

from harness.analysis.counts import Runs
from harness.commands.track import sum_of


def arm(*fingerprints: str, tuning: tuple[str, ...] = (), members: tuple[str, ...] = ()) -> dict[str, Any]:
    runs: list[dict[str, Any]] = [{"seed": 0, "fingerprint": one} for one in fingerprints]
    if members:
        runs[0]["members"] = list(members)
    return {"runs": runs, "tuning": {"runs": [{"fingerprint": one} for one in tuning]} if tuning else None}


def test_a_run_counts_once_whoever_shows_it() -> None:
    plan = {"studies": [{"arms": [arm("a", "b"), arm("c", tuning=("t", "a"))]}, {"arms": [arm("a", "b")]}]}
    runs = Runs.of(plan["studies"])
    assert (sorted(runs.trained), runs.hidden, runs.ensembles) == (["a", "b", "c", "t"], set(), set())
    assert str(runs) == "4 runs"
    assert sum_of(runs, 4, 7) == "  7 runs = 4 trained + 3 shown again by another study or context"
    assert sum_of(runs, 3, 6) == "  6 runs = 4 trained - 1 without a record + 3 shown again by another study or context"


def test_members_that_no_study_shows_are_told_apart() -> None:
    runs = Runs.of([{"arms": [arm("a"), arm("e", members=("a", "m", "n"))]}])
    assert str(runs) == "3 runs, 2 of them for ensembles alone, and 1 ensemble"
    assert sum_of(runs, 2, 2) == "  2 runs = 3 trained - 2 that ensembles alone average + 1 ensemble"
