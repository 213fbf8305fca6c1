"""Figures that answer to a pointer, and levels that are shown alone."""

import json
import re
from math import log

import pytest

from harness.report.render import render
from tests.report.made_up import three_studies


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("play")
    store = three_studies(root)
    render(store, root / "reports", None, processes=1)
    return root / "reports", store


@pytest.fixture
def tab(browser, made):
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    said = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto((made[0] / "activation.html").as_uri())
    yield tab
    assert said == []
    tab.close()


def accuracies(store, context, level):
    """Return {seed: test accuracy in percent} of an arm, from its records."""
    (study,) = (one for one in store.read_plan()["studies"] if one["name"] == "activation")
    (arm,) = (one for one in study["arms"] if (one["context"], one["level"]) == (context, level))
    return {run["seed"]: 100 * store.read(run["fingerprint"]).metrics["test_accuracy"] for run in arm["runs"]}


def chart(tab, title):
    return tab.locator("figure", has=tab.get_by_role("heading", name=title)).first


def areas(svg):
    return json.loads(svg.get_attribute("data-live"))["areas"]


def middle(svg, area, across=0.5):
    """Return where an area is on the screen, from the left upper corner of its figure."""
    box = svg.bounding_box()
    scale = box["width"] / float(svg.get_attribute("viewBox").split()[2])
    left, top, width, height = area[2:6]
    return {"x": (left + across * width) * scale, "y": (top + height / 2) * scale}


def test_a_row_tells_the_runs_behind_it(tab, made):
    svg = tab.locator("#differences .wide svg")
    area = next(one for one in areas(svg) if one[:2] == ["tanh", "deep"])
    svg.hover(position=middle(svg, area))
    said = tab.locator(".tip").inner_text().replace("\u2212", "-").replace("\xa0", " ")
    tanh, relu = (accuracies(made[1], "deep", level) for level in ("tanh", "relu"))
    for seed, value in tanh.items():
        assert re.search(rf"seed {seed}\s+{value:.1f} %\s+{value - relu[seed]:+.1f} points", said), said
    tab.mouse.move(2, 2)
    assert tab.locator(".tip").is_hidden()


def test_a_panel_tells_its_lines_where_the_pointer_is(tab, made):
    svg = chart(tab, "Loss over training").locator("svg")
    area = next(one for one in areas(svg) if one[0] == "silu")
    series = {part: dict(zip(x, y, strict=True)) for part, x, y in area[6]}
    svg.hover(position=middle(svg, area, 0.98))
    said = tab.locator(".tip").inner_text()
    last = max(series["training"])
    assert f"epoch {last}, loss" in said
    for part in ("training", "validation"):
        assert re.search(rf"{part}\s+{series[part][last]:g}\b", said), said
    # The value is that of the records.
    (study,) = (one for one in made[1].read_plan()["studies"] if one["name"] == "activation")
    (arm,) = (one for one in study["arms"] if (one["context"], one["level"]) == ("plain", "silu"))
    ends = [made[1].read(run["fingerprint"]).curves["validation_loss"][-1] for run in arm["runs"]]
    assert series["validation"][last] == pytest.approx(sum(ends) / len(ends), rel=1e-3)


def test_a_click_shows_a_level_alone_everywhere_and_the_address_says_it(tab, made, browser):
    svg = tab.locator("#differences .wide svg")
    wanted = next(one for one in areas(svg) if one[0] == "tanh")
    veiled = "[...document.querySelectorAll('svg[data-live]')].map((svg) => svg.querySelectorAll('.veil').length)"
    assert not any(tab.evaluate(veiled)) and tab.locator(".alone").is_hidden()
    svg.click(position=middle(svg, wanted))
    others = "[...document.querySelectorAll('svg[data-live]')].map((svg) => JSON.parse(svg.dataset.live).areas.filter((one) => one[0] !== 'tanh').length)"
    assert tab.evaluate(veiled) == tab.evaluate(others)
    faint = tab.locator("tr.off").evaluate_all("rows => [...new Set(rows.map((row) => row.dataset.level))]")
    assert sorted(faint) == ["relu", "sigmoid", "silu"]
    assert "Only tanh" in tab.locator(".alone").inner_text()
    link = tab.locator(".alone a").get_attribute("href")

    tab.get_by_text("Levels shown", exact=True).first.click()
    boxes = tab.get_by_role("group", name="Levels shown")
    assert boxes.get_by_label("tanh").is_checked() and not boxes.get_by_label("relu").is_checked()
    boxes.get_by_label("relu", exact=True).check()
    assert "Only tanh, relu" in tab.locator(".alone").inner_text()
    tab.get_by_role("button", name="Show all").click()
    assert not any(tab.evaluate(veiled)) and not tab.locator("tr.off").count()

    again = browser.new_page()
    again.goto((made[0] / "activation.html").as_uri() + link)
    assert "Only tanh" in again.locator(".alone").inner_text()
    again.close()


def test_a_logarithmic_axis_places_values_by_their_logarithms_and_back(tab):
    figure = chart(tab, "Loss over training")
    svg = figure.locator("svg")
    lines = "(svg) => [...svg.querySelectorAll('[data-part=validation] path')].map((path) => path.getAttribute('d'))"
    plain = svg.evaluate(lines)
    live = json.loads(svg.get_attribute("data-live"))
    button = figure.get_by_role("button", name="log axis")
    button.click()
    assert svg.evaluate(lines) != plain
    area = next(one for one in live["areas"] if one[0] == "sigmoid")
    left, top, width, height = area[2:6]
    values = next(y for part, _, y in area[6] if part == "validation")
    every = [y for one in live["areas"] for _, _, ys in one[6] for y in ys if y > 0]
    high = live["scale"][1]
    least = max(min(every), high / 1e4) / 1.2
    expected = [top + height * (1 - log(max(value, least) / least) / log(high / least)) for value in values]
    own = [
        [float(number) for number in re.findall(r"-?[\d.]+ (-?[\d.]+)", d)]
        for d in svg.evaluate(lines)
        if not d.endswith("z") and left - 1 <= float(re.match(r"M(-?[\d.]+)", d)[1]) <= left + width + 1
    ]
    assert any(heights == pytest.approx(expected, abs=0.06) for heights in own)
    button.click()
    assert svg.evaluate(lines) == plain


def test_a_part_can_be_hidden(tab):
    figure = chart(tab, "Accuracy over training")
    lines = figure.locator("[data-part=training] path").first
    assert lines.is_visible()
    figure.get_by_role("button", name="training").click()
    assert not lines.is_visible() and figure.locator("[data-part=validation] path").first.is_visible()
    figure.get_by_role("button", name="training").click()
    assert lines.is_visible()


def test_a_closer_look_magnifies_moves_and_comes_back(tab):
    figure = chart(tab, "Accuracy over training")
    whole = figure.locator("svg").get_attribute("viewBox")
    figure.get_by_role("button", name="Enlarge").click()
    dialog = tab.locator("dialog")
    svg = dialog.locator("svg")
    assert svg.bounding_box()["width"] > 800
    dialog.get_by_label("Larger").click()
    zoomed = [float(number) for number in svg.get_attribute("viewBox").split()]
    assert zoomed[2] == pytest.approx(float(whole.split()[2]) / 1.5)
    tab.keyboard.press("ArrowRight")
    assert float(svg.get_attribute("viewBox").split()[0]) > zoomed[0]
    box = svg.bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.mouse.wheel(0, -100)
    assert float(svg.get_attribute("viewBox").split()[2]) < zoomed[2]
    tab.keyboard.press("Escape")
    assert figure.locator("svg").get_attribute("viewBox") == whole and not dialog.is_visible()


def test_without_scripts_they_are_stills(browser, made):
    context = browser.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto((made[0] / "activation.html").as_uri())
    assert still.locator("#differences .wide svg").is_visible()
    assert (
        not still.get_by_role("button", name="Enlarge").count() and not still.get_by_text("Levels shown").is_visible()
    )
    context.close()
