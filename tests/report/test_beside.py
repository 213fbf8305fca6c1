"""What a reference found, beside what the grid itself found."""

import json
import re

import pytest

from harness.analysis.outcomes import Outcomes
from harness.core.errors import SettingError
from harness.planning.studies import load_studies
from harness.references import references
from harness.report.pages.lecture import PARTS
from harness.report.render import render
from tests.conftest import ROOT
from tests.report.made_up import Bench, claim, expects

MARK = "differs</span>"


def grid(root):
    """One level that gains 20 points, one that costs 20, and a claim on each."""
    bench = Bench(root, 3)
    claims = [
        claim("up", "Up helps", expects("test_accuracy", "up", "mid", "higher", 0.02)),
        claim(
            "both",
            "Both help",
            expects("test_accuracy", "up", "mid", "higher", 0.02),
            expects("test_accuracy", "down", "mid", "higher", 0.02),
        ),
    ]
    bench.study("small", "activation", {"mid": 0.7, "up": 0.9, "down": 0.5}, "mid", {"plain": {}}, claims=claims)
    return bench.save()


@pytest.fixture
def found(tmp_path):
    render(grid(tmp_path), tmp_path / "first", None, processes=1)
    return json.loads((tmp_path / "first" / "verdicts.json").read_text())


def shown(tmp_path, monkeypatch, found):
    other = Outcomes.from_text(json.dumps(found), "made up")
    monkeypatch.setattr("harness.report.beside.references", lambda: (other,))
    render(grid(tmp_path), tmp_path / "second", None, processes=1)
    return {name: (tmp_path / "second" / f"{name}.html").read_text() for name in ("index", "claims", "small")}


def test_every_effect_and_verdict_is_in_the_file_to_the_digits_of_the_tables(found):
    study = found["studies"]["small"]
    (context,) = study["effects"]
    assert study["control"] == "mid"
    assert study["effects"][context]["up"]["standing"] == "better"
    assert study["effects"][context]["up"]["mean"] == pytest.approx(0.2, abs=0.02)
    assert study["effects"][context]["down"]["low"] < -0.2 < study["effects"][context]["down"]["high"]
    assert {name: one["verdict"] for name, one in study["claims"].items()} == {"up": "supported", "both": "mixed"}
    assert found["about"]["runs"] == 9 and found["about"]["environments"]


def test_the_grid_itself_is_no_reference(tmp_path, monkeypatch, found):
    found["about"]["title"] = "itself"
    assert not any("itself" in text for text in shown(tmp_path, monkeypatch, found).values())


def test_what_is_the_same_elsewhere_is_shown_without_a_mark(tmp_path, monkeypatch, found):
    found["about"] |= {"title": "real ones", "data": found["about"]["data"] | {"digest": "other"}}
    pages = shown(tmp_path, monkeypatch, found)
    assert all("on real ones" in text.lower() for text in pages.values())
    assert not any(MARK in text or "here it gains" in text for text in pages.values())


def test_another_sign_and_another_verdict_are_said_in_words(tmp_path, monkeypatch, found):
    found["about"] |= {"title": "real ones", "data": found["about"]["data"] | {"digest": "other"}}
    study = found["studies"]["small"]
    (effects,) = study["effects"].values()
    effects["up"], effects["down"] = effects["down"], effects["up"]
    study["claims"]["up"]["verdict"] = "contradicted"
    del study["claims"]["both"]
    pages = shown(tmp_path, monkeypatch, found)
    assert "up: here it gains 20" in pages["small"] and "on real ones it costs 21" in pages["small"]
    assert "down: here it costs 21" in pages["small"]
    for page in pages.values():
        assert "contradicted" in page and MARK in page
    assert "not judged" in pages["claims"]


def test_a_file_of_another_kind_is_refused_in_one_line(found):
    for text, place in (("{", "its first line"), (json.dumps(found | {"studies": {"a": {}}}), "studies.a.control")):
        with pytest.raises(
            SettingError, match=f"^there is no verdicts.json of a report of this version: {place}"
        ) as told:
            Outcomes.from_text(text, "there")
        assert "\n" not in str(told.value)


def test_the_lecture_is_gone_through_in_its_order(tmp_path):
    bench = Bench(tmp_path, 3)
    sources = ("Adam", "Sigmoid", "No slide at all", "Dropout", "Sigmoid")
    asked = expects("test_accuracy", "up", "mid", "higher", 0.02)
    claims = [
        claim(f"c{number}", f"Claim {number}", asked) | {"source": source} for number, source in enumerate(sources)
    ]
    bench.study("small", "activation", {"mid": 0.7, "up": 0.9}, "mid", claims=claims)
    render(bench.save(), tmp_path / "reports", None, processes=1)
    page = (tmp_path / "reports" / "lecture.html").read_text()
    order = [int(number) for number in re.findall(r"small\.html#claim-c(\d)", page)]
    assert order == [1, 4, 3, 0, 2]
    assert page.index("Activation functions</h2>") < page.index("Dropout</h2>") < page.index("Further claims</h2>")
    # Not every run of a reference need be of a level that has all of its seeds.
    for grid in references():
        assert f"{grid.about.runs:,} runs under seeds {grid.about.seeds[0]} to {grid.about.seeds[-1]}." in page


def test_every_claim_of_the_studies_has_its_slide():
    known = {slide for slides in PARTS.values() for slide in slides}
    studies = load_studies("all", ROOT / "experiments")
    assert {claim.source for study in studies for claim in study.claims} == known
