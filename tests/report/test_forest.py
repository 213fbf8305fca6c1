import math
from typing import Any

import pytest

from harness.analysis.statistics import Estimate
from harness.analysis.verdicts import Judged, JudgedClaim
from harness.core.study import Claim, Comparison
from harness.report.forest import Forest, forest


def claim(*rows: tuple[float, float | None, float | None], direction: Any = "higher", margin: float = 0.02) -> Forest:
    comparisons = [Comparison("test_accuracy", "a", "b", direction, margin, "plain") for _ in rows]
    judged = tuple(Judged(one, "open", Estimate(*row, 3)) for one, row in zip(comparisons, rows, strict=True))
    return forest(JudgedClaim(Claim("c", "w", "s", tuple(comparisons)), "open", judged))


def test_bars_of_one_quantity_share_an_axis_that_holds_zero_margin_and_intervals() -> None:
    found = claim((0.05, 0.03, 0.07), (-0.01, -0.03, 0.01))
    (axis,) = found.axes.values()
    assert axis.low < -0.03 and axis.high > 0.07
    first, second = found.bars[0], found.bars[1]
    assert first.zero == second.zero == axis.place(0)
    assert first.interval == (axis.place(0.03), axis.place(0.07)) and first.mean == axis.place(0.05)
    assert first.claimed == (axis.place(0.02), 100)
    assert not any(first.cut + second.cut)


@pytest.mark.parametrize(
    ("direction", "within", "beyond"),
    [
        ("higher", [0.03], [0.01, -0.03]),
        ("lower", [-0.03], [-0.01, 0.03]),
        ("equal", [0.01, -0.01], [0.03, -0.03]),
        ("not higher", [0.01, -0.03], [0.03]),
        ("not lower", [-0.01, 0.03], [-0.03]),
    ],
)
def test_what_is_shaded_is_where_the_claim_would_have_it(
    direction: str, within: list[float], beyond: list[float]
) -> None:
    found = claim((0.04, 0.03, 0.05), (-0.04, -0.05, -0.03), direction=direction)
    (axis,), (low, high) = found.axes.values(), found.bars[0].claimed
    assert all(low <= axis.place(value) <= high for value in within)
    assert not any(low <= axis.place(value) <= high for value in beyond)


def test_an_interval_that_would_flatten_the_rest_is_cut_and_said_to_be() -> None:
    found = claim((0.05, 0.03, 0.07), (0.02, -30.0, 30.0))
    (axis,) = found.axes.values()
    assert axis.high < 0.2
    assert found.bars[1].cut == (True, True) and found.bars[1].interval == (0, 100)
    assert found.bars[0].cut == (False, False)


def test_what_has_no_interval_is_a_point_and_what_was_not_measured_nothing() -> None:
    point = claim((0.05, None, None))
    assert point.bars[0].interval is None and not math.isnan(point.bars[0].mean)
    one = Comparison("test_accuracy", "a", "b", "higher", 0.0, "plain")
    nothing = forest(JudgedClaim(Claim("c", "w", "s", (one,)), "open", (Judged(one, "not testable here"),)))
    assert nothing.bars == {} and nothing.axes == {}


def test_an_axis_is_labelled_once() -> None:
    comparisons = [
        Comparison(metric, "a", "b", "higher", 0.0, "plain") for metric in ("test_accuracy", "final_train_loss") * 2
    ]
    judged = tuple(Judged(one, "open", Estimate(0.1, 0.0, 0.2, 3)) for one in comparisons)
    body = JudgedClaim(Claim("c", "w", "s", tuple(comparisons)), "open", judged)
    drawn = forest(body)
    assert list(drawn.axes) == [0, 1] and len(drawn.bars) == 4
    assert drawn.axes[0].ends[1].endswith("points")
