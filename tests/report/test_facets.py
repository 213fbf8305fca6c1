from harness.report.figures.facets import Scale, facets, short
from harness.report.figures.style import styled


def test_a_line_is_cut_off_at_the_edge_of_its_panel():
    with styled():
        figure, (panel, _) = facets(["a", "b"], Scale(0, 1), Scale(0, 1), ("x", "y"), [])
        panel.line([0, 1], [0, 50])
        line = figure.axes[0].lines[-1]
        left, bottom, right, top = line.get_clip_box().extents
        corner = figure.axes[0].transData.transform
        assert tuple(corner((panel.left, panel.bottom))) == (left, bottom)
        assert right == corner((panel.left + panel.width, 0))[0] < figure.bbox.width
        assert top < figure.bbox.height


def test_ticks_are_short():
    values = {
        1e-4: "1e-4",
        1e-7: "1e-7",
        1e-10: "1e-10",
        0.001: "0.001",
        0.025: "0.025",
        2.5: "2.5",
        1e6: "1e6",
        150: "150",
    }
    assert {value: short(value) for value in values} == values
