"""A few dozen random edits of the code; `benchmarks/stale.py --edits 300` makes hundreds."""

from pathlib import Path

import pytest

from benchmarks import stale


def test_no_edit_leaves_a_stale_result(tmp_path: Path) -> None:
    counts = stale.search(24, seed=1, folder=tmp_path)
    assert counts["edits"] == 24
    assert counts["fingerprints kept, and the run trained"] >= 10
    assert counts["fingerprints changed"] >= 20
    assert counts["stale"] == 0


def test_a_fingerprint_that_misses_an_edit_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if only settings counted.
    monkeypatch.setattr(stale, "print_of", lambda kind, source: kind.name)
    assert stale.search(6, seed=1, folder=tmp_path)["stale"] > 0
