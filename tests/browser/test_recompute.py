"""What a page computes in the browser is what Python computes from the same runs."""

import json
import re
from dataclasses import replace
from math import isclose

import pytest

from harness.analysis.arms import Arms
from harness.analysis.compared import compare_levels
from harness.analysis.statistics import student
from harness.analysis.summary import summarise_grid
from harness.analysis.verdicts import judge_claim
from harness.core.records import Store
from harness.report.render import render
from tests.report.made_up import Bench, claim, expects, three_studies


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A report whose claims take every way to a verdict, and what Python knows of its studies."""
    root = tmp_path_factory.mktemp("judged")
    bench = Bench(root, seeds=4)

    def plain(name, *comparisons, **more):
        return claim(name, f"About {name}.", *comparisons) | more

    given = expects("test_accuracy", "tanh", "sigmoid", "higher", 0.02)
    claims = [
        plain("holds", expects("test_accuracy", "tanh", "sigmoid", "higher", 0.02)),
        plain("wrong", expects("test_accuracy", "tanh", "sigmoid", "lower", 0.02)),
        plain("same", expects("test_accuracy", "relu", "silu", "equal", 0.2)),
        plain("small", expects("test_accuracy", "relu", "silu", "higher", 0.2)),
        plain("not", expects("test_accuracy", "relu", "silu", "not higher", 0.1)),
        plain("mixed", *(expects("test_accuracy", level, "sigmoid", "higher", 0.35) for level in ("tanh", "relu"))),
        plain("number", expects("test_accuracy", "relu", 0.5, "higher", 0.05)),
        plain("deeper", expects("test_accuracy", "tanh", "sigmoid", "higher", 0.01, context="deep", more_than="plain")),
        plain("target", expects("epochs_to_target", "relu", "sigmoid", "lower", 1)),
        plain("events", expects("diverged", "shaky", "relu", "higher", 0)),
        plain("lost", expects("test_loss", "shaky", "relu", "higher", 0)),
        plain("nobody", expects("dead_share", "relu", "silu", "higher", 0)),
        plain("steps", expects("steps", "relu", "silu", "equal", 0), check=True),
        plain("where", expects("test_accuracy", "relu", "tanh", "higher", 0, given=given)),
        plain("elsewhere", expects("test_accuracy", "relu", "tanh", "higher", 0, given=given | {"direction": "lower"})),
    ]
    levels = {"sigmoid": 0.32, "tanh": 0.62, "relu": 0.70, "silu": 0.70, "shaky": 0.7}
    contexts = {"plain": {}, "deep": {"depth": 8}}
    bench.study("activation", "activation", levels, "relu", contexts, diverged={"shaky": 2}, claims=claims)
    bench.study("noisy", "dropout", {"0": 0.6, "0.25": 0.62, "0.5": 0.5}, "0", contexts, spread=0.05)
    store = bench.save()
    render(store, root / "reports", None, processes=1)
    return root / "reports", store


def summary_of(store, name):
    return next(one for one in summarise_grid(store, store.read_plan()) if one.name == name)


def near(one, other):
    """Whether two numbers agree to four digits; those that are nothing to a share of runs or a p-value are equal."""
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=5e-5, abs_tol=1e-9)


@pytest.mark.parametrize("dropped", [[], [1], [0, 2]])
def test_claims_are_judged_as_python_does_with_every_seed_and_without_some(browser, judged, dropped):
    report, store = judged
    summary = summary_of(store, "activation")
    kept = Arms(summary.counted[~summary.counted["seed"].isin(dropped)])
    tab = browser.new_page()
    tab.goto((report / "activation.html").as_uri())
    ask = "([at, dropped]) => verdicts.judgeClaim(shown.carried(), shown.carried().claims[at], dropped)"
    seen = set()
    for at, claim_ in enumerate(summary.tables.claims):
        wanted, found = judge_claim(claim_, kept, summary.rules), tab.evaluate(ask, [at, dropped])
        assert found["verdict"] == wanted.verdict, claim_.id
        seen.add(wanted.verdict)
        for mine, theirs in zip(found["judged"], wanted.comparisons, strict=True):
            assert mine["verdict"] == theirs.verdict, claim_.id
            # Where nothing can be tested, Python tells no difference.
            if theirs.difference is not None:
                for name in ("mean", "low", "high"):
                    assert near(mine["estimate"][name], getattr(theirs.difference, name)), (claim_.id, name)
            for name in ("supported", "contradicted", "small") if theirs.chances else ():
                assert near(mine["chances"][name], getattr(theirs.chances, name)), (claim_.id, name)
    assert {"supported", "contradicted", "holds", "not testable here"} <= seen
    tab.close()


@pytest.mark.parametrize("dropped", [[], [1]])
@pytest.mark.parametrize("control", ["0", "0.5"])
@pytest.mark.parametrize("metric", ["test_accuracy", "epochs_to_target", "generalisation_gap"])
def test_levels_are_compared_as_python_does_with_any_control(browser, judged, metric, control, dropped):
    report, store = judged
    summary = summary_of(store, "noisy")
    kept = Arms(summary.counted[~summary.counted["seed"].isin(dropped)])
    tables = replace(summary.tables, plan=summary.tables.plan | {"control": control})
    wanted = [one for one in compare_levels(tables, kept, metric, summary.rules) if one.standing != "control"]
    tab = browser.new_page()
    tab.goto((report / "noisy.html").as_uri())
    found = tab.evaluate("(a) => statistics.compareLevels(shown.carried(), ...a)", [metric, control, dropped])
    assert len(found) == len(wanted) == 4
    for mine, theirs in zip(found, wanted, strict=True):
        assert mine["standing"] == theirs.standing
        assert near(mine["p"], theirs.p) and near(mine["adjusted"], theirs.p_adjusted)
        for name in ("mean", "low", "high"):
            assert near(mine["estimate"][name], getattr(theirs.difference, name)), name
    tab.close()


def test_the_distribution_of_student_is_that_of_scipy(browser, judged):
    tab = browser.new_page()
    tab.goto((judged[0] / "noisy.html").as_uri())
    for freedom in (1.0, 2.0, 3.7, 12.0, 250.5, 4000.0):
        half = student(0.0, 1.0, freedom, 1).high
        assert isclose(tab.evaluate("(d) => statistics.studentQuantile(0.975, d)", freedom), half, rel_tol=1e-9)
    tab.close()


def test_a_reader_leaves_out_a_seed_and_changes_the_margin_and_can_send_what_is_seen(browser, judged):
    report, _ = judged
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    problems = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto((report / "activation.html").as_uri())
    section = tab.locator("#recompute")
    section.get_by_label("Judge").select_option("claim:holds")
    outcome = section.locator("[data-part=outcome]")
    assert outcome.text_content() == "Supported, with every seed, as the page says."
    before = section.locator("tbody td").nth(3).text_content()
    section.get_by_label("2", exact=True).uncheck()
    assert outcome.text_content() == "Supported, without seed 2, as the page says."
    assert section.locator("tbody td").nth(3).text_content() != before
    section.get_by_label("Margin of").fill("90")
    section.get_by_label("Margin of").press("Enter")
    assert outcome.text_content() == "Too small to matter, without seed 2; the page says supported."
    section.get_by_role("link", name="Link to this view").click()
    sent = tab.url
    assert re.search(r"#recompute\?what=claim%3Aholds&margins=0.9&without=2$", sent)
    other = browser.new_page()
    other.goto(sent)
    assert other.locator("#recompute [data-part=outcome]").text_content() == outcome.text_content()
    assert not problems
    tab.close()
    other.close()


def test_without_scripts_nothing_of_it_is_shown(browser, judged):
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto((judged[0] / "activation.html").as_uri())
    assert not tab.locator("#recompute").is_visible() and not tab.get_by_text("Recompute").is_visible()
    tab.context.close()


def test_the_runs_of_a_page_are_those_of_the_store(tmp_path):
    store = three_studies(tmp_path)
    render(store, tmp_path / "reports", None, processes=1)
    text = (tmp_path / "reports" / "initialization.html").read_text()
    carried = json.loads(re.search(r'id="carried">(.*?)</script>', text, re.DOTALL)[1])
    assert carried["seeds"] == [0, 1, 2] and [arm["level"] for arm in carried["arms"]] == [
        "zeros",
        "large_normal",
        "he",
    ]
    run = next(run for run in store.read_plan()["studies"][1]["arms"][2]["runs"] if run["seed"] == 1)
    accuracy = Store(tmp_path / "runs").read(run["fingerprint"]).metrics["test_accuracy"]
    assert carried["metrics"]["test_accuracy"]["values"]["2"][1] == pytest.approx(accuracy, rel=1e-11)
