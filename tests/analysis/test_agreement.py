"""Two grids of known effects side by side."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau
from typer.testing import CliRunner

from harness.analysis.agreement import agreement
from harness.analysis.outcomes import FILE, Outcomes
from harness.cli import app
from harness.commands import compare, reference
from harness.core.errors import SettingError

ABOUT = {
    "budget": "Few pictures.",
    "profile": "quick",
    "data": {"digest": "d"},
    "settings": {},
    "seeds": [0, 1],
    "runs": 8,
    "seconds": 1.5,
    "device": "cpu",
    "precision": "float32",
    "environments": [],
}


def grid(effects, verdict="supported", control="mid"):
    study = {
        "control": control,
        "effects": {
            "plain": {level: {"mean": mean, "standing": standing} for level, (mean, standing) in effects.items()}
        },
        "claims": {"up-helps": {"verdict": verdict, "comparisons": {}}},
    }
    return Outcomes.from_text(json.dumps({"about": ABOUT, "studies": {"small": study}}), "made up")


ONE = {"up": (0.2, "better"), "down": (-0.1, "worse"), "same": (0.01, "unresolved")}
OTHER = {"up": (0.1, "better"), "down": (0.05, "better"), "same": (-0.02, "unresolved")}


def test_effects_ranks_and_verdicts_of_two_grids():
    found = agreement(grid(ONE), grid(OTHER, "contradicted"))
    assert found.correlation == pytest.approx(np.corrcoef([0.2, -0.1, 0.01], [0.1, 0.05, -0.02])[0, 1])
    expected = kendalltau([0.2, -0.1, 0.01, 0], [0.1, 0.05, -0.02, 0]).statistic
    assert found.taus == {"small": pytest.approx(expected)} and found.tau == pytest.approx(expected)
    assert [one.level for one in found.resolved] == ["up", "down"]
    assert [one.level for one in found.opposite] == ["down"]
    assert [(one.name, one.reversed) for one in found.claims if one.differs] == [("up-helps", True)]


def test_a_grid_agrees_with_itself():
    found = agreement(grid(ONE), grid(ONE))
    assert (found.correlation, found.tau, found.opposite) == (pytest.approx(1), 1, [])
    assert not any(one.differs for one in found.claims)


def test_other_controls_and_other_studies_have_no_effect_in_common():
    found = agreement(grid(ONE), grid(OTHER, control="up"))
    assert not found.pairs and np.isnan(found.correlation) and np.isnan(found.tau)


def test_the_command_prints_where_they_differ(tmp_path: Path):
    for name, one in (("a", grid(ONE)), ("b", grid(OTHER, "contradicted"))):
        (tmp_path / name).mkdir()
        one.write(tmp_path / name / FILE)
    done = CliRunner().invoke(app, ["compare", str(tmp_path / "a"), str(tmp_path / "b" / FILE)])
    assert done.exit_code == 0, done.output
    assert "2 told from none in both, 1 of them of opposite sign" in done.output
    assert "1 claims in both: 1 with another verdict, 1 reversed" in done.output
    assert "small · plain · down" in done.output and "up-helps" in done.output


def test_a_side_that_is_nowhere_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match=r"there is no reports/verdicts.json of 'nowhere'.*name a commit"):
        compare.side("nowhere")


def test_a_report_is_kept_as_a_reference_and_nothing_else_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingError, match="run `dvc repro` first"):
        reference.reference(Path("kept"), "Real ones")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "index.html").write_text("page")
    grid(ONE).write(tmp_path / "reports" / FILE)
    for _ in range(2):
        reference.reference(Path("kept"), "Real ones")
    assert Outcomes.read(tmp_path / "kept" / FILE).title == "Real ones"
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["index.html", FILE]
    (tmp_path / "mine").mkdir()
    with pytest.raises(SettingError, match="holds something else"):
        reference.reference(Path("mine"), "Real ones")
