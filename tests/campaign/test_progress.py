from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from harness.campaign import progress
from harness.campaign.progress import TrainingProgress
from harness.core.console import plain_console
from harness.core.spec import RunResult, RunSpec
from harness.engines.events import Epoch, Failed, Finished


@pytest.mark.parametrize(
    ("trial", "words"), [(None, "25.0% after epoch 2 of 6"), (4, "25.0% after epoch 2 of trial 4")]
)
def test_an_epoch_is_that_of_its_run_or_of_a_trial(
    trial: int | None, words: str, spec: Callable[..., RunSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    one, out = spec(epochs=6), StringIO()
    with TrainingProgress({one.fingerprint: "mine"}, 80, Console(file=out, width=200)) as shown:
        shown.show(Epoch(one, {"epoch": 2, "validation_accuracy": 0.25}, trial))
    assert f"mine: {words}" in out.getvalue()
    # Every second epoch is told of; both had their pictures.
    assert shown.pictures == 160


def test_names_are_shown_as_written(spec: Callable[..., RunSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    one, name = spec(epochs=6), "30 % [/100] [red]x[/red] :smile: {0} %s \\[b]"
    for terminal in (True, False):
        out = StringIO()
        console = plain_console(file=out, width=200, force_terminal=terminal)
        with TrainingProgress({one.fingerprint: name}, 80, console) as shown:
            shown.show(Epoch(one, {"epoch": 1, "validation_accuracy": 0.25}))
            shown.show(Epoch(one, {"epoch": 3, "validation_accuracy": 0.25}))
        assert name in out.getvalue()
        assert shown.pictures == 240


def test_the_time_left_goes_by_work(spec: Callable[..., RunSpec], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(progress, "monotonic", lambda: now)
    small, large = spec(seed=0, epochs=6), spec(seed=1, epochs=6)
    names = {one.fingerprint: "run" for one in (small, large)}
    work = {small.fingerprint: 1.0, large.fingerprint: 5.0}
    shown = TrainingProgress(names, 80, Console(file=StringIO()), work, later=4.0)
    assert "left" not in shown.rates()
    now = 10.0
    shown.show(Finished(small, RunResult(small.fingerprint, "done", {}, 0, "", {}, {}, {}, {})))
    assert shown.rates().endswith("1 min 30 s left")
    # A part of a run counts as well.
    now = 20.0
    shown.show(Epoch(large, {"epoch": 3, "validation_accuracy": 0.25}))
    assert shown.rates().endswith("37 s left")
    now = 30.0
    shown.show(Failed(large, "bug"))
    # These runs are done, and others follow.
    assert shown.done == shown.total and shown.rates().endswith("20 s left")
