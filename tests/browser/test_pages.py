import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import VIEWS

PAGES = ["index", "many_levels", "activation", "claims", "compare", "surfaces", "preflight", "notes", "lecture"]
LEAST_CONTRAST = 4.5  # WCAG AA for text
LEAST_MARK_CONTRAST = 3.0  # WCAG AA for lines and dots

LEAST_TEXT = 11  # pixels, in a figure on a phone too

# Left, right and height of each figure; size of each text in it and how far it sticks out, in pixels.
FIGURES = """
() => [...document.querySelectorAll("figure svg")].filter((svg) => svg.getClientRects().length).map((svg) => {
  const box = svg.getBoundingClientRect();
  const scale = box.width / svg.viewBox.baseVal.width;
  const texts = [...svg.querySelectorAll("text")].map((text) => {
    const own = text.getBoundingClientRect();
    const size = parseFloat(getComputedStyle(text).fontSize) * scale;
    return [size, Math.max(box.left - own.left, own.right - box.right), text.textContent];
  });
  return [box.left, box.right, box.height, texts];
})
"""

# The contrast of an element with the nearest background that is not see-through (WCAG 2.1).
CONTRAST = """
([selector, property]) => {
  const channel = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = numbers(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll(selector)]
    .filter((node) => node.getClientRects().length && (property === "color" || node.style[property]) && !getComputedStyle(node)[property].startsWith("none"))
    .map((node) => {
      const pair = [light(numbers(getComputedStyle(node)[property])), light(behind(node))].sort((a, b) => b - a);
      return [(pair[0] + 0.05) / (pair[1] + 0.05), node.textContent.trim().slice(0, 40) || node.tagName];
    });
}
"""


@pytest.fixture(scope="module", params=VIEWS)
def visit(request, browser, report):
    """Return a function that opens a page; console messages and requests are kept on it."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.set_offline(True)

    def open_page(name):
        tab = context.new_page()
        tab.said, tab.asked = [], []
        tab.on("console", lambda message: tab.said.append(message.text))
        tab.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.on("request", lambda request: tab.asked.append(request.url))
        tab.goto((report / f"{name}.html").as_uri())
        # What is folded shall fit too.
        tab.evaluate("document.querySelectorAll('main details').forEach((one) => { one.open = true; })")
        return tab

    yield open_page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_quiet_and_fits(visit, name, report):
    tab = visit(name)
    assert tab.said == []
    assert tab.asked == [(report / f"{name}.html").as_uri()]
    width = tab.viewport_size["width"]
    assert tab.evaluate("document.scrollingElement.scrollWidth") <= width

    figures = tab.evaluate(FIGURES)
    assert len(figures) == tab.locator("figure:visible").count()
    for left, right, height, texts in figures:
        assert left >= 0 and right <= width and height > 80 and texts
        assert not [text for size, _, text in texts if size < LEAST_TEXT]
        assert not [text for _, outside, text in texts if outside > 4]

    texts = "h1, h2, h3, p, li, td, th, dt, dd, a, code, pre, figcaption, summary"
    for selector, wanted, least in (
        (texts, "color", LEAST_CONTRAST),
        ("figure svg text", "fill", LEAST_CONTRAST),
        ("figure svg use", "fill", LEAST_MARK_CONTRAST),
    ):
        found = tab.evaluate(CONTRAST, [selector, wanted])
        assert not [(ratio, text) for ratio, text in found if ratio < least], selector
    tab.close()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_to_mend(visit, name):
    tab = visit(name)
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    tab.close()


def test_every_link_leads_somewhere(browser, report):
    tab = browser.new_page()
    for name in PAGES:
        tab.goto((report / f"{name}.html").as_uri())
        for link in tab.eval_on_selector_all("a[href]", "links => links.map(link => link.href)"):
            assert link.startswith(report.as_uri()), link
            path = report / link.removeprefix(report.as_uri() + "/").partition("#")[0]
            assert path.is_file(), link
    tab.goto((report / "claims.html").as_uri())
    tab.click("a[href='activation.html#differences'] >> nth=0")
    assert tab.locator("#differences").is_visible()
    tab.close()


SHEET = (703, 1032)  # pixels between the margins of an A4 sheet: 186 x 273 mm at 96 dots an inch


# Height of every block that print must not break.
WHOLE = """
() => [...document.querySelectorAll("body *")]
  .filter((one) => getComputedStyle(one).breakInside === "avoid" && one.getClientRects().length)
  .map((one) => [one.getBoundingClientRect().height, one.outerHTML.slice(0, 80)])
"""


def test_print_has_dark_ink_on_white_fits_the_paper_and_leaves_no_sheet_blank(browser, report):
    tab = browser.new_context(viewport={"width": SHEET[0], "height": SHEET[1]}, color_scheme="dark").new_page()
    tab.emulate_media(media="print", color_scheme="dark")
    for name in PAGES:
        tab.goto((report / f"{name}.html").as_uri())
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert tab.evaluate("document.scrollingElement.scrollWidth") <= SHEET[0]
        # A block that moves to the next sheet leaves at most its own height behind.
        assert not [(height, what) for height, what in tab.evaluate(WHOLE) if height > 0.6 * SHEET[1]]
        # Whatever is not shown on paper leaves no gap either.
        assert not tab.locator("header.top").is_visible()
    tab.context.close()


def test_the_menu_leads_everywhere_by_keyboard_and_closes_again(browser, report):
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    tab.goto((report / "activation.html").as_uri())
    menu, summary = tab.locator("details.menu"), tab.locator("details.menu summary")
    assert menu.locator("a").first.is_hidden()
    summary.press("Enter")
    assert {"many_levels.html", "activation.html", "surfaces.html"} <= set(
        menu.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    )
    assert menu.locator("a[aria-current=page]").text_content() == "Activation"
    tab.keyboard.press("Escape")
    assert menu.locator("a").first.is_hidden()
    summary.click()
    tab.mouse.click(200, 780)
    assert menu.locator("a").first.is_hidden()
    tab.get_by_label("Previous study").click()
    assert tab.url.endswith("many_levels.html")
    tab.close()


def test_a_link_opens_what_is_folded_around_its_target(browser, report):
    tab = browser.new_page()
    tab.goto((report / "activation.html").as_uri())
    assert not tab.locator("#seeds-deep").is_visible()
    tab.goto((report / "activation.html").as_uri() + "#seeds-deep")
    assert tab.locator("#seeds-deep").is_visible()
    tab.close()


def test_a_study_opens_with_its_figure_on_the_first_screen(browser, report):
    for width, drawn in ((1440, ".wide"), (390, ".narrow")):
        tab = browser.new_page(viewport={"width": width, "height": 900})
        tab.goto((report / "activation.html").as_uri())
        box = tab.locator(f"#differences {drawn} svg").bounding_box()
        assert box and box["y"] < 900 and box["width"] > 0.5 * width
        other = {".wide": ".narrow", ".narrow": ".wide"}[drawn]
        assert not tab.locator(f"#differences {other}").is_visible()
        tab.close()


def test_factors_can_be_put_in_another_order_and_stand_by_gain_without_scripts(browser, report):
    names = "rows => rows.map(row => row.dataset.name)"
    tab = browser.new_page()
    tab.goto((report / "index.html").as_uri())
    rows = tab.locator("ol.lanes > li")
    by_gain = rows.evaluate_all(names)
    tab.get_by_role("button", name="name").press("Enter")
    assert rows.evaluate_all(names) == sorted(by_gain)
    assert tab.get_by_role("button", name="name").get_attribute("aria-pressed") == "true"
    tab.get_by_role("button", name="cost").click()
    costs = rows.evaluate_all("rows => rows.map(row => Number(row.dataset.cost))")
    assert costs == sorted(costs, reverse=True) and max(costs) > 0
    tab.close()
    still = browser.new_context(java_script_enabled=False).new_page()
    still.goto((report / "index.html").as_uri())
    assert not still.get_by_role("button", name="cost").is_visible()
    assert [one.get_attribute("data-name") for one in still.locator("ol.lanes > li").all()] == by_gain
    still.context.close()


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_paths_are_whole_at_first_and_can_be_stepped_through_by_keyboard(browser, report, motion):
    tab = browser.new_context(reduced_motion=motion).new_page()
    tab.goto((report / "surfaces.html").as_uri())
    slider, output, play = tab.locator("input[type=range]"), tab.locator("output"), tab.locator("button.play")
    assert output.text_content() == "step 10"
    assert tab.locator(".track.arrived").count() == 2
    slider.focus()
    slider.press("Home")
    assert output.text_content() == "step 0" and tab.locator(".track.arrived").count() == 0
    for _ in range(3):
        slider.press("ArrowRight")
    assert output.text_content() == "step 3" and tab.locator(".track.arrived").count() == 1
    assert len(tab.locator("polyline.done").first.get_attribute("points").split()) == 4
    tab.get_by_label("One step back").press("Enter")
    assert output.text_content() == "step 2"
    play.press("Enter")
    assert play.text_content() == "Pause"
    expect(output).to_have_text("step 10", timeout=15_000)
    assert play.text_content() == "Play"
    tab.context.close()


def test_without_scripts_the_paths_are_a_still_picture(browser, report):
    tab = browser.new_context(java_script_enabled=False).new_page()
    tab.goto((report / "surfaces.html").as_uri())
    assert tab.locator("polyline.whole").count() == 3
    assert not tab.locator(".player").is_visible()
    tab.context.close()
