import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from harness.report.figures.chart import Area, Chart
from harness.report.figures.facets import Scale, facets
from harness.report.figures.registry import Drawing
from harness.report.figures.style import rows_axes, styled
from harness.report.paper.kit import standing_alone
from harness.report.placing import live
from harness.report.svg import inline_svg

HOSTILE = """it's <b>"bold"</b> & so"""


def test_areas_are_in_points_from_the_upper_left_corner():
    chart = Chart(4, 3)
    area = chart.area("relu", 1, 0.5, 2, 1)
    assert area.box == (72, 108, 144, 72)


def test_a_panel_says_where_it_is_and_what_its_named_lines_go_through():
    with styled():
        drawn, (panel, _) = facets(["a", "b"], Scale(0, 4), Scale(0, 1), ("epoch", "loss"), [])
        panel.line([0, 2, 4], [0.1, np.nan, 1 / 3], "training")
        panel.line([0, 4], [0.2, 0.2])
    said = json.loads(drawn.live())
    assert said["words"] == ["epoch", "loss"]
    assert [one[0] for one in said["areas"]] == ["a", "b"]
    assert said["areas"][0][6] == [["training", [0, 4], [0.1, 0.3333]]] and said["areas"][1][6] == []


def test_rows_fill_the_figure_from_the_first_on_top():
    with styled():
        chart, axes = rows_axes(["first", "second"], "accuracy")
    first, second = (area.box for area in chart.areas)
    assert first[1] < second[1] and first[1] + first[3] == pytest.approx(second[1], abs=0.11)
    # The middle of a row is where its mark is drawn.
    mark = axes.transData.transform((0, 0))[1] * 72 / chart.dpi
    assert chart.tall * 72 - mark == pytest.approx(first[1] + first[3] / 2, abs=0.1)


def test_a_name_is_no_markup_and_a_file_has_none_of_it():
    with styled():
        chart, axes = rows_axes([HOSTILE], "accuracy")
        axes.plot([0], [0], gid="part:training")
        svg = inline_svg(chart, "one", "label", chart.live())
    import xml.etree.ElementTree as ElementTree

    root = ElementTree.fromstring(svg)
    assert json.loads(root.get("data-live"))["areas"][0][0] == HOSTILE
    assert 'data-part="training"' in svg
    alone = standing_alone(svg)
    ElementTree.fromstring(alone)
    assert "data-" not in alone


def test_a_plain_figure_of_a_plugin_says_nothing():
    assert live(Drawing(Figure(), "title", "caption", "label")) == ""
    assert Chart(1, 1).live() == ""


def test_nothing_is_read_of_a_line_without_a_value():
    area = Area("relu", (0, 0, 1, 1))
    area.carry("training", [1, 2], [np.nan, np.inf])
    assert area.series == []
