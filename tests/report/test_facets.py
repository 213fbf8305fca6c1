import numpy as np
import pytest

from harness.report.figures.facets import PANEL_HEIGHT, Scale, facets, short
from harness.report.figures.style import styled


def drawn(scale=None):
    """Return the axes of a figure of two panels, and the first panel."""
    figure, (panel, _) = facets(["a", "b"], Scale(0, 4), scale or Scale(0, 1), ("x", "y"), [])
    return figure.axes[0], panel


def inches(axes):
    """Return the points of what was drawn last, as shares of its panel's height."""
    return axes.lines[-1].get_xdata(), axes.lines[-1].get_ydata()


@pytest.mark.parametrize("far", [50.0, 1e17, -3.0, np.inf])
def test_what_lies_outside_of_a_panel_is_cut_off_before_it_is_drawn_and_counted(far):
    with styled():
        axes, panel = drawn()
        panel.line([0, 1, 2, 3, 4], [0.0, 0.5, far, far, 0.5])
        across, up = inches(axes)
        shown = np.isfinite(up)
        assert (up[shown] >= panel.bottom - 1e-6).all() and (up[shown] <= panel.bottom + PANEL_HEIGHT + 1e-6).all()
        assert (across <= panel.left + panel.width + 1e-6).all()
        assert panel.note.get_text() == "2 values beyond"
        panel.line([0, 1], [0.2, far])
        assert panel.note.get_text() == "3 values beyond"
        panel.behind([0, 1], [0.2, far])
        assert panel.note.get_text() == "3 values beyond"


def test_a_cut_line_leaves_its_panel_where_the_whole_one_would():
    with styled():
        axes, panel = drawn()
        panel.line([0, 1, 2], [0.5, 1.5, 0.5])
        across, up = inches(axes)
        edge = panel.bottom + PANEL_HEIGHT
        at = across[np.isclose(up, edge)]
        assert np.allclose((at - panel.left) / panel.width * 4, [0.5, 1.5])
        assert np.isnan(up).sum() == 1


def test_marks_beyond_are_left_out_and_those_within_stay():
    with styled():
        axes, panel = drawn()
        panel.line([0, 1, 2], [0.5, 1.5, 1.0], linestyle="", marker="o")
        assert np.isfinite(inches(axes)[1]).tolist() == [True, False, True]
        assert panel.note.get_text() == "1 value beyond"


def test_nothing_is_said_where_everything_is_within():
    with styled():
        _, panel = drawn(Scale(1e-3, 1e3, log=True))
        panel.line([0, 4], [1e-3, 1e3], marker="o")
        assert panel.note is None


def test_a_band_is_cut_off_too():
    with styled():
        axes, panel = drawn()
        panel.band([0, 1, 2, 3], [-1.0, 0.2, np.nan, -1e15], [0.5, 1e15, np.nan, 1e15])
        heights = np.concatenate([patch.get_path().vertices[:, 1] for patch in axes.patches])
        assert heights.min() >= panel.bottom - 1e-6 and heights.max() <= panel.bottom + PANEL_HEIGHT + 1e-6


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
