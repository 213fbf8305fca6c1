from dataclasses import replace

from harness.analysis.summary import summarise
from harness.analysis.tables import read_study
from harness.report.figures.curves import curves
from harness.report.figures.style import styled
from tests.report import made_up
from tests.report.made_up import Bench


def texts(figure):
    return {text.get_text() for part in (*figure.axes, *figure.legends) for text in part.texts}


def test_arms_without_curves_have_no_panel_and_a_context_without_any_no_figure(tmp_path, monkeypatch):
    def record(fingerprint, seed, accuracy, settings, status):
        result = trained(fingerprint, seed, accuracy, settings, status)
        return replace(result, curves={}) if settings["activation"] == "c" or settings["depth"] == 9 else result

    trained = made_up.record
    monkeypatch.setattr(made_up, "record", record)
    bench = Bench(tmp_path)
    levels = {"a": 0.5, "b": 0.6, "c": 0.7}
    bench.study("small", "activation", levels, "a", {"some": {}, "none": {"depth": 9}})
    plan = bench.save().read_plan()
    summary = summarise(read_study(bench.store, plan["studies"][0]))
    some, none = summary.contexts
    with styled():
        accuracy, loss = curves(summary, some)
        for drawing in (accuracy, loss):
            assert {"a", "b"} < texts(drawing.figure)
            assert "c" not in texts(drawing.figure)
            assert "a, validation" in texts(drawing.figure)
        assert list(curves(summary, none)) == []
