from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.campaign.adaptive import grown, looks
from harness.core.records import Store
from harness.core.seeding import numpy_generator
from harness.core.spec import RunSpec
from harness.planning.plan import Key, Plan, make_plan
from harness.planning.studies import load_study
from harness.planning.target import Target
from tests.report.made_up import record

STUDY = """\
title: Widths
question: Q
factor: width
levels: [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
control: "4"
"""
# Points to the control: one that is told at once, one that takes more seeds, the rest nothing.
EFFECTS = {8: 0.3, 9: 0.045}
SCATTER = 0.02


@pytest.mark.parametrize(
    ("seeds", "most", "expected"),
    [(3, 12, [3, 6, 12]), (3, 10, [3, 6, 10]), (3, 3, [3]), (5, 4, [5]), (1, 2, [1, 2])],
)
def test_looks_double_up_to_the_most(seeds: int, most: int, expected: list[int]) -> None:
    assert looks(seeds, most) == expected


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


@pytest.fixture
def plan(tmp_path: Path, recipe: dict[str, Any], target: Target, store: Store) -> Callable[..., Plan]:
    path = tmp_path / "widths.yaml"
    path.write_text(STUDY)
    study = load_study(path)

    def planned(counts: Mapping[Key, int], number: int) -> Plan:
        return make_plan([study], recipe, 3, "quick", target, store, counts=counts, looks=number)

    return lambda most=12: grown(planned, 3, most, store)


def trained(spec: RunSpec) -> Any:
    width = spec.settings.width
    luck = numpy_generator(spec.seed, f"luck {width}").normal(0, SCATTER)
    made = record(spec.fingerprint, spec.seed, 0.6 + EFFECTS.get(width, 0.0) + luck, spec.settings.to_json())
    return replace(made, settings=spec.settings.to_json(), seed=spec.seed)


def train(store: Store, plan: Callable[..., Plan], batch: int | None = None, **more: Any) -> tuple[Plan, int]:
    """Train what is pending, a whole wave or a `batch` at a time; return the plan at the end and the calls it took."""
    calls, current = 0, plan(**more)
    while current.pending:
        for spec in list(current.pending.values())[:batch]:
            store.write(trained(spec))
        calls, current = calls + 1, plan(**more)
    return current, calls


def seeds_of(current: Plan) -> dict[str, int]:
    return {planned.arm.level: len(planned.runs) for planned in current.arms}


def test_seeds_go_where_something_is_open(store: Store, plan: Callable[..., Plan]) -> None:
    current, _ = train(store, plan)
    counts = seeds_of(current)
    assert counts["8"] == 3, "told after three seeds"
    assert counts["9"] > 3 and counts["4"] == max(counts.values()), "open at first, and so is what it is compared with"
    assert current.to_json()["looks"] == 3
    assert set(counts.values()) <= {3, 6, 12}
    assert sum(counts.values()) < 12 * 12


def test_the_plan_is_a_function_of_the_records(store: Store, plan: Callable[..., Plan], tmp_path: Path) -> None:
    whole, waves = train(store, plan)
    # Cut off again and again: other batches lead to the same plan.
    for spec in list(whole.distinct):
        store_path = store.root / spec
        for file in store_path.iterdir():
            file.unlink()
        store_path.rmdir()
    pieces, calls = train(store, plan, batch=5)
    assert seeds_of(pieces) == seeds_of(whole) and pieces.distinct.keys() == whole.distinct.keys()
    assert calls > waves


def test_as_many_seeds_as_allowed_and_no_more(store: Store, plan: Callable[..., Plan]) -> None:
    current, _ = train(store, plan, most=4)
    assert max(seeds_of(current).values()) == 4
    assert current.to_json()["looks"] == 2


def test_looking_more_than_once_widens_every_interval() -> None:
    from harness.analysis.statistics import student

    once, thrice = student(0.05, 0.01**2, 4, 3), student(0.05, 0.01**2, 4, 3, looks=3)
    assert thrice.low < once.low and thrice.high > once.high
    assert thrice.above(0) == pytest.approx(3 * once.above(0)) and thrice.p == pytest.approx(3 * once.p)
    assert thrice.half_width() == pytest.approx(thrice.high - thrice.mean)
    assert (-thrice).looks == 3 and (-thrice).p == pytest.approx(thrice.p)
