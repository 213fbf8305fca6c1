"""A page to mail, opened where nothing else lies beside it."""

from harness.report.render import write_single
from tests.report.made_up import three_studies


def test_a_page_to_mail_works(browser, tmp_path):
    write_single(three_studies(tmp_path), "activation", tmp_path / "one.html")
    tab = browser.new_page()
    problems, asked = [], []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((tmp_path / "one.html").as_uri())
    assert tab.locator("#recompute").is_visible()
    tab.locator("#fine-print details").last.evaluate("one => { one.open = true; }")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="levels").first.click()
    assert download.value.suggested_filename == "activation_levels.csv"
    assert not problems and asked[0].startswith("file:") and all(one.startswith("data:") for one in asked[1:])
    tab.close()
