import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from harness.analysis.predictions import NO_LEVEL, best_question, grade, questions, read_predictions, report_id
from harness.analysis.summary import summarise_grid
from harness.cli import app, main
from harness.core.errors import SettingError
from tests.report.made_up import three_studies

ROOT = Path(__file__).parents[2]


def context(*best):
    arms = [SimpleNamespace(level=level) for level in ("a", "b", "c")]
    return SimpleNamespace(name="plain", arms=arms, near_best=best)


@pytest.mark.parametrize(
    ("best", "results"),
    [
        (("b",), {"a": "failed", "b": "held", "c": "failed", NO_LEVEL: "failed"}),
        (("a", "b"), {"a": "undecided", "b": "undecided", "c": "failed", NO_LEVEL: "held"}),
        ((), {"a": "not graded", "b": "not graded", "c": "not graded", NO_LEVEL: "not graded"}),
    ],
)
def test_the_best_level_is_held_only_if_it_surely_is_and_nobody_for_sure_counts_the_same(best, results):
    assert best_question("s", context(*best), several=False).results == results


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with records, and what can be predicted of it."""
    root = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "params.yaml", root)
    store = three_studies(root / "data")
    plan = store.read_plan()
    asked = [q for summary in summarise_grid(store, plan) for q in questions(summary)]
    return root, plan, asked


def test_every_context_and_every_claim_is_asked_but_checks(project):
    ids = [question.id for question in project[2]]
    assert ids[:3] == ["best/activation/plain", "best/activation/deep", "claim/activation/act-tanh"]
    assert "claim/activation/act-steps" not in ids and "best/initialization/standard" in ids


def test_negative_predictions_count_like_others_and_late_ones_do_not(project, monkeypatch):
    root, plan, asked = project
    monkeypatch.chdir(root)
    told = {question.id: question for question in asked}
    assert told["claim/activation/act-silu"].results["open"] == "held"
    times = {"predicted": "2026-01-01T10:00:00.000Z", "revealed": "2026-01-01T11:00:00.000Z"}
    predictions = [
        {"question": "claim/activation/act-tanh", "answer": "supported", **times},
        {"question": "claim/activation/act-silu", "answer": "open", **times},
        {"question": "claim/activation/act-same", "answer": "supported", **times},
        {"question": "claim/activation/act-dead", "answer": "supported", **times},
        {"question": "best/initialization/standard", "answer": "he"},
        {
            "question": "claim/activation/act-fast",
            "answer": "supported",
            **times,
            "revealed": "2026-01-01T09:00:00.000Z",
        },
    ]
    (root / "p.json").write_text(json.dumps({"format": 1, "report": report_id(plan), "predictions": predictions}))
    done = CliRunner().invoke(app, ["grade", "p.json"])
    assert done.exit_code == 0, done.output
    assert "Of 5 predictions: 3 held, 1 failed, 1 not graded." in done.output
    assert "1 of those that held said that nothing would be found for sure: they count the same." in done.output
    assert done.output.count("reveal") == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "p.json is no JSON"),
        ("[]", 'p.json has no list "predictions"'),
        ('{"format": 9, "predictions": []}', "p.json has format 9, not 1"),
        ('{"predictions": [{}]}', 'prediction 1 of p.json names no "question"'),
        ('{"predictions": [{"question": "claim/activation/act-tan"}]}', "did you mean 'claim/activation/act-tanh'"),
        ('{"predictions": [{"question": "claim/activation/act-tanh", "answer": "yes"}]}', "p.json answers 'yes' to"),
    ],
)
def test_a_file_that_cannot_be_graded_is_told_in_one_line(project, monkeypatch, capsys, text, complaint):
    monkeypatch.chdir(project[0])
    Path("p.json").write_text(text)
    monkeypatch.setattr("sys.argv", ["harness", "grade", "p.json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert complaint in told and told.startswith("error:") and told.count("\n") == 1


def test_a_missing_file_is_named(project, monkeypatch, capsys):
    monkeypatch.chdir(project[0])
    monkeypatch.setattr("sys.argv", ["harness", "grade", "nowhere.json"])
    with pytest.raises(SystemExit):
        main()
    assert "nowhere.json can't be read" in capsys.readouterr().err


def test_what_was_revealed_without_a_prediction_is_not_graded(project):
    body = read_predictions('{"predictions": [{"question": "best/initialization/standard", "answer": null}]}', "p")
    (one,) = grade(project[2], body["predictions"], "p")
    assert (one.result, one.before) == ("not graded", None)
    with pytest.raises(SettingError):
        read_predictions("not json", "p")
