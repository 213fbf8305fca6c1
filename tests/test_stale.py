"""A few dozen random edits of the code; `benchmarks/stale.py --edits 300` makes hundreds."""

from pathlib import Path

import pytest

from benchmarks import stale


@pytest.mark.parametrize("edits", [10, pytest.param(48, marks=pytest.mark.slow)])
def test_no_edit_leaves_a_stale_result(edits: int, tmp_path: Path) -> None:
    counts = stale.search(edits, seed=1, folder=tmp_path)
    assert counts["edits"] == edits
    assert counts["fingerprints kept, and the run trained"] >= edits // 3
    assert counts["fingerprints changed"] >= edits // 2
    assert counts["stale"] == 0


def test_a_fingerprint_that_misses_an_edit_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if only settings counted.
    monkeypatch.setattr(stale, "print_of", lambda kind, source: kind.name)
    assert stale.search(6, seed=1, folder=tmp_path)["stale"] > 0
