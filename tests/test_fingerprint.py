import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import harness.fingerprint as module
from harness.fingerprint import code_digest, fingerprint, statements
from harness.spec import Settings


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources that the digest reads, free to be edited."""
    copy = tmp_path / "harness"
    shutil.copytree(module.HARNESS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "HARNESS", copy)
    return copy


def digest_after(path: Path, old: str, new: str) -> str:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    statements.cache_clear()
    code_digest.cache_clear()
    return code_digest(RELU)


RELU = frozenset({("activation", "relu"), ("optimizer", "sgd")})


@pytest.fixture(autouse=True)
def fresh() -> None:
    statements.cache_clear()
    code_digest.cache_clear()


def test_comments_and_docstrings_change_nothing(source: Path) -> None:
    before = code_digest(RELU)
    assert digest_after(source / "factors/activation.py", '"""max(0, x) (', '"""Other words (') == before
    assert digest_after(source / "training/loop.py", "        # Sums stay", "        # All sums stay") == before


def test_numeric_code_changes_it(source: Path) -> None:
    before = code_digest(RELU)
    assert digest_after(source / "training/history.py", "score > self.best", "score >= self.best") != before


def test_a_level_changes_the_runs_that_use_it_alone(source: Path) -> None:
    before = code_digest(RELU)
    path = source / "factors/activation.py"
    assert digest_after(path, "return nn.Tanh()", "return nn.Hardtanh()") == before
    assert digest_after(path, "return nn.ReLU()", "return nn.ReLU6()") != before


def test_a_new_level_retrains_nothing(source: Path) -> None:
    before = code_digest(RELU)
    new = '@ACTIVATION.level("mish")\ndef mish() -> nn.Module:\n    return nn.Mish()\n\n\n@ACTIVATION.level("silu")'
    assert digest_after(source / "factors/activation.py", '@ACTIVATION.level("silu")', new) == before


def test_everything_that_can_change_a_number_is_in_it(settings: Callable[..., Settings]) -> None:
    base = dict(settings=settings(), seed=0, data_digest="d", device="cpu", precision="float32", threads=1)
    prints = {fingerprint(**base)}  # type: ignore[arg-type]
    for change in (
        {"settings": settings(learning_rate=0.04)},
        {"settings": settings(activation={"leaky_relu": {"slope": 0.2}})},
        {"seed": 1},
        {"data_digest": "e"},
        {"device": "cuda"},
        {"precision": "bfloat16"},
        {"threads": 2},
    ):
        prints.add(fingerprint(**(base | change)))  # type: ignore[arg-type]
    assert len(prints) == 8


def test_a_probe_changes_the_runs_that_ask_for_it_alone(source: Path, settings: Callable[..., Settings]) -> None:
    def prints() -> list[str]:
        statements.cache_clear()
        code_digest.cache_clear()
        asked = ((), ("gap",), ("modes",))
        return [fingerprint(settings(), 0, "d", "cpu", "float32", 1, probes) for probes in asked]

    before = prints()
    assert len(set(before)) == 3
    path = source / "probes/gap.py"
    path.write_text(path.read_text().replace("right / len(index)", "right / (len(index) + 1)"))
    after = prints()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
    path = source / "probes/looking.py"
    path.write_text(path.read_text().replace("PART = 128", "PART = 64"))
    assert [old == new for old, new in zip(after, prints(), strict=True)] == [True, False, False]
