"""What the command says of each state, and by what it exits."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.campaign import project
from harness.commands import preflight as command
from harness.data import prepared
from harness.procedures import preflight as procedure
from harness.training import split

CODES = {"passed": 0, "look": 0, "failed": 1}


@pytest.mark.parametrize("state", CODES)
@pytest.mark.parametrize("keep_going", [False, True])
def test_only_a_failed_check_ends_with_an_error(
    state: str, keep_going: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = {"title": "The rate", "state": state, "found": "Found.", "expected": "that", "remedy": "Lower it."}
    params = project.load_params(Path(__file__).parents[2] / "params.yaml")
    for name, value in (("parameters", lambda: params), ("recipe_spec", lambda *_: SimpleNamespace(device="cpu"))):
        monkeypatch.setattr(command, name, value)
    monkeypatch.setattr(command, "PREFLIGHT", tmp_path / "preflight.json")
    monkeypatch.setattr(prepared.Prepared, "load", lambda _: None)
    monkeypatch.setattr(split, "load_run_data", lambda *_: None)
    monkeypatch.setattr(procedure, "preflight", lambda *_: {"state": state, "checks": [one]})
    code = 0
    try:
        command.preflight(keep_going)
    except SystemExit as error:
        code = int(error.code or 0)
    assert code == (0 if keep_going else CODES[state])
    said = capsys.readouterr()
    assert state in said.out
    words = {"passed": "", "look": "look at this: The rate. Lower it.", "failed": "failed: The rate. Lower it."}[state]
    assert said.err.strip() == words
    assert (tmp_path / "preflight.json").is_file()
