from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from harness.campaign import progress
from harness.campaign.progress import TrainingProgress
from harness.core.console import plain_console
from harness.core.spec import RunSpec
from harness.engines.events import Epoch


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
