from pathlib import Path

import pytest
import yaml

from harness.analysis.statistics import Estimate
from harness.analysis.summary import summarise
from harness.analysis.tables import read_study
from harness.quantities import QUANTITIES, quantity
from harness.report.figures.dots import metric
from harness.report.figures.style import DIFFERENT, STANDING_COLOURS, one_axes, rows_axes, styled
from harness.report.limits import within, within_difference
from tests.report import made_up
from tests.report.made_up import Bench

STUDIES = sorted(Path("experiments").glob("*.yaml"))


def named(path):
    """Return the metrics that a study file names, in its list or in a claim."""
    study = yaml.safe_load(path.read_text())
    expected = [one["metric"] for claim in study.get("claims") or [] for one in claim.get("expect") or []]
    return {*(study.get("metrics") or []), *expected} - {"test_accuracy"}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_metric_of_the_lecture_has_its_mechanism(path):
    assert all(quantity(name).why for name in named(path))


@pytest.mark.parametrize("name", QUANTITIES)
def test_the_name_of_every_quantity_lies_inside_its_figure_below_the_numbers(name):
    words = f"{quantity(name).label}, {quantity(name).unit or 'none'}"
    with styled():
        figure, axes = one_axes(2, words)
        figure.draw_without_rendering()
        box = figure.texts[0].get_window_extent()
        ticks = axes.xaxis.get_tightbbox()
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0
        assert ticks is not None and box.y1 <= ticks.y0 + 1
    assert figure.texts[0].get_text().replace("\n", " ") == words


def test_rows_stand_where_they_are_read_under_a_name_of_two_lines_too():
    with styled():
        figure, axes = rows_axes(["one", "two"], "a name that is far too long for a single line of a figure this wide")
        box = axes.get_position()
        bottom, top = (72 * figure.tall * (1 - edge) for edge in (box.y0, box.y1))
    first, second = (area.box for area in figure.areas)
    assert (first[1], second[1] + second[3]) == pytest.approx((top, bottom), abs=0.1)


def drawings(tmp_path, monkeypatch, levels, measured):
    """Return the drawing of each metric; `measured` gives a run's metrics by level and seed."""

    def record(fingerprint, seed, accuracy, settings, status):
        result = trained(fingerprint, seed, accuracy, settings, status)
        result.metrics.update(measured(settings["activation"], seed))
        return result

    trained = made_up.record
    monkeypatch.setattr(made_up, "record", record)
    bench = Bench(tmp_path)
    bench.study("small", "activation", levels, next(iter(levels)))["metrics"] += ["batch_cost_exponent", "steps"]
    plan = bench.save().read_plan()
    summary = summarise(read_study(bench.store, plan["studies"][0]))
    with styled():
        return {drawing.part: drawing for drawing in metric(summary, summary.contexts[0])}


def test_rows_are_of_measured_levels_and_the_rest_is_counted(tmp_path, monkeypatch):
    levels = {"a": 0.5, "b": 0.6, "c": 0.7}
    drawn = drawings(
        tmp_path, monkeypatch, levels, lambda level, _: {"batch_cost_exponent": 1.0} if level == "c" else {}
    )
    one = drawn["batch_cost_exponent"]
    assert [label.get_text() for label in one.figure.axes[0].get_yticklabels()] == ["c"]
    assert one.title == "Exponent of a step's time over its pictures: c, 1.00"
    assert "one gradient per picture" in one.caption and one.caption.endswith("Not measured for 2 other levels.")


def test_titles_say_what_is_to_be_seen(tmp_path, monkeypatch):
    steps = {"a": 100.0, "b": 20.0, "c": 300.0}

    def measured(level, seed):
        # What differs by the same number under every seed has no interval.
        return {"steps": steps[level] + seed + (0.1 if level != "a" and seed == 1 else 0.0)}

    drawn = drawings(tmp_path, monkeypatch, {"a": 0.5, "b": 0.5, "c": 0.5}, measured)
    words = drawn["steps"].title.replace("\u00a0", " ")
    assert words == "Steps: from 21 steps with b to 301 steps with c"
    assert "Violet differs from the control" in drawn["steps"].caption


def test_an_axis_ends_where_values_end(tmp_path, monkeypatch):
    # An interval of three such values reaches far below nothing.
    drawn = drawings(tmp_path, monkeypatch, {"a": 0.5, "b": 0.6}, lambda _, seed: {"steps": 1.0 + 100.0 * (seed == 0)})
    low, high = drawn["steps"].figure.axes[0].get_xlim()
    assert low >= -0.03 * high


def test_one_level_that_exploded_does_not_flatten_the_others_and_is_said(tmp_path, monkeypatch):
    steps = {"a": 1.0, "b": 2.0, "c": 3e11}
    drawn = drawings(
        tmp_path,
        monkeypatch,
        {"a": 0.5, "b": 0.5, "c": 0.5},
        lambda level, seed: {"steps": steps[level] * (1 + seed / 9)},
    )
    axes = drawn["steps"].figure.axes[0]
    assert axes.get_xlim()[1] < 10
    assert [text.get_text() for text in axes.texts] == ["3 values beyond"]
    across = [value for line in axes.lines for value in line.get_xdata()]
    assert max(across) < 10 and max(path[0] for path in axes.collections[0].get_offsets()) < 10
    assert drawn["steps"].title.replace("\u00a0", " ").endswith("to 3e11 with c")


@pytest.mark.parametrize(
    ("metric_name", "low", "high", "shown"),
    [
        ("test_accuracy", -0.2, 1.3, (0.0, 1.0)),
        ("train_seconds", -4.0, 9.0, (0.0, 9.0)),
        ("epochs_to_target", -3.0, 25.0, (0.0, 25.0)),
        ("generalisation_gap", -0.2, 1.3, (-0.2, 1.0)),
        ("start_gradient_ratio_log10", -9.0, 1.0, (-9.0, 1.0)),
    ],
)
def test_intervals_are_of_possible_values(metric_name, low, high, shown):
    cut = within(Estimate(0.5, low, high, 3), metric_name)
    assert (cut.low, cut.high) == shown


def test_no_difference_of_accuracies_is_wider_than_100_points():
    cut = within_difference(Estimate(0.5, -1.4, 2.0, 3), "test_accuracy")
    assert (cut.low, cut.high) == (-1.0, 1.0)


def test_each_standing_has_a_colour_of_its_own():
    told = {name: colour for name, colour in STANDING_COLOURS.items() if name != "suggestive"}
    assert len(set(told.values())) == len(told)
    assert STANDING_COLOURS["suggestive"] == STANDING_COLOURS["unresolved"]
    assert STANDING_COLOURS["different"] == DIFFERENT
