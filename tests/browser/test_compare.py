"""Arms side by side, and tables that can be sorted and filtered."""

import pytest

from harness.analysis.summary import summarise_grid
from harness.report.render import render
from tests.report.made_up import three_studies

CHOSEN = ["activation/plain/sigmoid", "activation/plain/relu", "dropout/dense/0.25"]
RESULTS = "#compare [data-part=results] tr"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("compare")
    store = three_studies(root)
    render(store, root / "reports", None, processes=1)
    return root / "reports", store


@pytest.fixture
def tab(browser):
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.said = []
    tab.on("console", lambda message: tab.said.append(message.text))
    tab.on("pageerror", lambda error: tab.said.append(str(error)))
    yield tab
    assert tab.said == []
    tab.close()


def pick(tab, *names):
    for name in names:
        study, context, level = name.split("/")
        row = tab.locator(f"tr[data-arm]:has(a[href='{study}.html'])").filter(has=tab.get_by_text(context, exact=True))
        row.get_by_label(level, exact=True).check()


def test_chosen_arms_show_what_differs_and_what_came_of_it(tab, made):
    report, store = made
    tab.goto((report / "compare.html").as_uri())
    assert "Choose two to six arms" in tab.locator("#compare").inner_text()
    pick(tab, *CHOSEN)
    table = tab.locator("table.beside")
    assert table.locator("[data-part=settings] th").all_inner_texts() == ["norm", "activation", "dropout"]
    assert table.locator("[data-part=settings] tr").nth(1).locator("td").all_inner_texts() == [
        "sigmoid",
        "relu",
        "relu",
    ]
    assert table.locator("tr.metric th").first.inner_text() == "test accuracy %"

    # The second arm is the control of its study, the first a level: the study page's numbers, the other way round.
    plan = store.read_plan()
    summary = summarise_grid(store, plan)[0]
    sigmoid = summary.contexts[0].arms[0].primary
    shown = tab.locator(RESULTS).nth(1).locator("td").nth(1).inner_text().replace("\u2212", "-")
    assert shown.startswith(f"+{-100 * sigmoid.difference.mean:.1f} ")
    assert f"{-100 * sigmoid.difference.high:+.1f} to {-100 * sigmoid.difference.low:+.1f}" in shown
    assert "3 seeds" in shown


def test_a_view_can_be_sent_and_holds_six_arms_at_most(tab, made, browser):
    report, _ = made
    tab.goto((report / "compare.html").as_uri())
    pick(tab, *CHOSEN, "dropout/conv/0", "dropout/conv/0.7", "initialization/standard/he")
    assert tab.locator("tr[data-arm] input:disabled").count() == 11
    address = tab.url
    assert tab.get_by_role("link", name="Link to this view").evaluate("link => link.href") == address
    other = browser.new_page()
    other.goto(address)
    heads = "table.beside thead th"
    assert other.locator(heads).all_inner_texts() == tab.locator(heads).all_inner_texts()
    assert other.locator(heads).count() == 6
    other.get_by_label("Compare with relu").click()
    assert other.locator(heads).first.inner_text().startswith("relu")
    other.get_by_label("Take out relu").click()
    assert other.locator(heads).count() == 5
    other.goto(address.replace("relu", "nobody"))
    assert "Not every arm of this link" in other.locator("#compare").inner_text()
    other.close()


def test_a_study_leads_to_its_levels_side_by_side(tab, made):
    report, _ = made
    tab.goto((report / "activation.html").as_uri())
    tab.get_by_role("link", name="side by side").first.click()
    assert tab.locator("table.beside thead th").count() == 4
    assert tab.locator("table.beside thead th").first.inner_text().startswith("relu")


def test_an_arm_is_compared_with_others_alone(tab, made):
    report, _ = made
    tab.goto((report / "compare.html").as_uri() + "#compare?arms=initialization/standard/he,dropout/dense/0")
    assert tab.locator("[data-part=settings] th").all_inner_texts() == ["initialization"]
    # With one arm twice nothing is compared.
    tab.goto((report / "compare.html").as_uri() + "#compare?arms=dropout/dense/0,dropout/dense/0")
    assert "One more" in tab.locator("#compare").inner_text()


def test_tables_sort_by_number_and_by_name_and_filter(tab, made):
    report, _ = made
    tab.goto((report / "compare.html").as_uri())
    table = tab.locator("table.pick")
    table.get_by_role("button", name="test accuracy").click()
    shown = [float(text.split()[0]) for text in table.locator("tbody td:last-child").all_inner_texts()]
    assert shown == sorted(shown) and len(shown) == 17
    assert table.locator("th[aria-sort=ascending]").count() == 1
    table.get_by_role("button", name="test accuracy").click()
    assert [float(text.split()[0]) for text in table.locator("tbody td:last-child").all_inner_texts()] == shown[::-1]
    table.get_by_role("button", name="level").click()
    names = table.locator("tbody th").all_inner_texts()
    assert names[:2] == ["0", "0"] and names[-1] == "zeros"
    tab.get_by_label("Only rows with").fill("dropout conv")
    assert table.locator("tbody tr:visible").count() == 3
    assert tab.locator("label.filter output").inner_text().strip() == "3 of 17"


def test_without_scripts_every_arm_is_in_a_still_table(browser, made):
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto((made[0] / "compare.html").as_uri())
    assert tab.locator("table.pick tbody tr:visible").count() == 17
    assert not tab.locator("#compare").is_visible() and not tab.locator("input").count()
    tab.context.close()
