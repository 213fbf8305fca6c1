"""The classroom: nothing of what came out is seen before it is revealed, and the file says what was predicted before."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe

from harness.analysis.predictions import grade, questions, read_predictions, report_id
from harness.analysis.summary import summarise_grid
from harness.report.render import render
from tests.browser.conftest import VIEWS
from tests.report.made_up import procedures, three_studies

OUTCOMES = ("upported", "ontradicted", " points", "%", "can't be told", "Best to worst")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("classroom")
    store = three_studies(root)
    procedures(root)
    render(store, root / "reports", None, processes=1)
    return root / "reports", store


@pytest.fixture
def tab(browser):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    tab = context.new_page()
    tab.said = []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    yield tab
    assert tab.said == []
    context.close()


def switch(tab, name):
    tab.locator(".menu summary").click()
    tab.locator(".menu").get_by_role("button", name=name).click()
    tab.keyboard.press("Escape")


def shown(tab):
    return tab.locator("main").inner_text()


def test_nothing_of_what_came_out_is_shown_until_it_is_revealed(tab, made):
    report, _ = made
    tab.goto((report / "activation.html").as_uri())
    assert "sigmoid and tanh fall" in shown(tab) and not tab.locator(".predict").is_visible()
    switch(tab, "Classroom")
    for name in ("activation", "index", "claims", "compare", "notes"):
        tab.goto((report / f"{name}.html").as_uri())
        # The claims page says what its words mean, and claims what they ask for.
        told = "\n".join(
            line
            for line in shown(tab).splitlines()
            if not line.startswith(("A claim is", "Asked:")) and "predict" not in line
        )
        assert not [words for words in OUTCOMES if words in told], (name, told)
        assert tab.locator("main figure:visible").count() == 0
    tab.goto((report / "activation.html").as_uri())
    assert tab.locator("#claims article").first.is_visible()
    tab.get_by_role("button", name="Reveal this study").click()
    assert "sigmoid and tanh fall" in shown(tab) and tab.locator("#differences svg").first.is_visible()
    tab.goto((report / "claims.html").as_uri())
    assert "Supported" in shown(tab)
    tab.goto((report / "index.html").as_uri())
    # What spans the studies waits for the last of them.
    assert "Best to worst" in shown(tab) and "What a good choice gains" not in shown(tab)
    tab.get_by_role("button", name="Leave").click()
    assert "What a good choice gains" in shown(tab)


def test_answers_are_hidden_before_the_page_is_drawn(browser, made):
    context = browser.new_context()
    tab = context.new_page()
    tab.goto((made[0] / "activation.html").as_uri())
    switch(tab, "Classroom")
    # As the parser leaves it where the scripts at the end have not run.
    tab.add_init_script("addEventListener('DOMContentLoaded', () => {}, true)")
    text = (made[0] / "activation.html").read_text()
    assert text.index("bench-${name}") < text.index("<body>")
    tab.reload()
    assert tab.evaluate("document.documentElement.className") == "classroom"
    context.close()


def test_predictions_are_kept_closed_by_the_reveal_exported_and_graded(tab, made):
    report, store = made
    tab.goto((report / "activation.html").as_uri())
    switch(tab, "Classroom")
    tab.locator(".predict").get_by_label("Tanh beats sigmoid.").select_option("supported")
    tab.locator(".predict").get_by_label("SiLU beats ReLU.").select_option("open")
    tab.locator(".predict").get_by_label("in plain").select_option("sigmoid")
    tab.reload()
    assert tab.locator(".predict").get_by_label("Tanh beats sigmoid.").input_value() == "supported"
    assert "3 predicted, 0 of 3 studies revealed" in tab.locator(".classbar").inner_text()
    tab.get_by_role("button", name="Reveal this study").click()
    assert tab.locator(".predict").get_by_label("Tanh beats sigmoid.").is_disabled()
    assert "Came out: it holds. Your prediction: held." in tab.locator(".predict").inner_text()
    assert "Came out: the opposite holds. Nothing was predicted." in tab.locator(".predict").inner_text()
    tab.goto((report / "dropout.html").as_uri())
    tab.locator(".predict").get_by_label("in dense").select_option("0.25")
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Export predictions").click()
    text = download.value.path().read_text()
    body = read_predictions(text, "p")
    plan = store.read_plan()
    assert body["report"] == report_id(plan) and download.value.suggested_filename == "predictions.json"
    revealed = {one["question"]: one["revealed"] for one in body["predictions"]}
    assert revealed["best/dropout/dense"] is None and revealed["claim/activation/act-tanh"]
    asked = [q for summary in summarise_grid(store, plan) for q in questions(summary)]
    results = {one.question.id: (one.result, one.before) for one in grade(asked, body["predictions"], "p")}
    assert results["claim/activation/act-tanh"] == ("held", True)
    assert results["claim/activation/act-silu"] == ("held", True)
    assert results["best/activation/plain"] == ("failed", True)
    assert json.loads(text)["format"] == 1
    tab.on("dialog", lambda dialog: dialog.accept())
    tab.get_by_role("button", name="Start over").click()
    assert "0 predicted, 0 of 3" in tab.locator(".classbar").inner_text()


@pytest.mark.parametrize("view", VIEWS)
def test_classroom_and_projector_fit_and_axe_finds_nothing_to_mend(browser, made, view):
    width, scheme = view
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    tab.goto((made[0] / "activation.html").as_uri())
    before = tab.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)")
    switch(tab, "Classroom")
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    tab.get_by_role("button", name="Reveal this study").click()
    switch(tab, "Projector")
    assert tab.evaluate("parseFloat(getComputedStyle(document.querySelector('main p')).fontSize)") == pytest.approx(
        1.5 * before
    )
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= width
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    context.close()


def test_without_scripts_nothing_is_hidden_and_no_switch_is_there(browser, made):
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto((made[0] / "activation.html").as_uri())
    assert "sigmoid and tanh fall" in shown(tab)
    assert not tab.locator(".predict, .classbar, .switches").filter(visible=True).count()
    tab.context.close()
