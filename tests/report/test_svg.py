import re

from harness.report.figures.style import INK, PAGE_COLOURS, one_axes, styled
from harness.report.sharing import shared_parts
from harness.report.svg import inline_svg


def drawn(identifier="one"):
    with styled():
        figure, axes = one_axes(2, "step < size & more")
        axes.plot([0, 1], [0, 1], color=INK)
        return inline_svg(figure, identifier, 'says "this"')


def test_colours_are_the_pages_own():
    svg = drawn()
    assert "currentColor" in svg
    assert not any(stand_in in svg for stand_in in PAGE_COLOURS)
    assert not re.search(r"#[0-9a-f]{6}", svg.replace("#d4d8de", ""))


def test_text_stays_text_in_the_readers_font():
    svg = drawn()
    assert "step &lt; size &amp; more</text>" in svg
    assert "DejaVu" not in svg
    assert "system-ui" in svg


def test_ids_are_its_own_and_the_same_each_time():
    first, second = drawn(), drawn("two")
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, second)]
    assert not ids[0] & ids[1]
    assert "one" in ids[0] and max(map(len, ids[0])) <= 12
    assert first == drawn()


def test_it_says_what_it_shows_and_has_no_fixed_width():
    opening = drawn().partition(">")[0]
    assert 'role="img"' in opening
    assert 'aria-label="says &quot;this&quot;"' in opening
    assert "viewBox" in opening and "width=" not in opening


def test_numbers_that_are_read_are_not_rounded():
    with styled():
        figure, axes = one_axes(2, "rate")
        axes.text(0.123456, 0.5, "0.00025")
        svg = inline_svg(figure, "one", "label")
    assert ">0.00025</text>" in svg
    assert not re.search(r'="[^"]*\.\d{3,}', svg)


def test_figures_of_a_page_share_the_styles_that_they_repeat():
    mark = '<path d="M0 0" style="fill: &quot;red&quot;"/>'
    once = '<text x="1" class="own" style="fill: blue">a</text><g style="opacity: 0.5"/>'
    page = f'<style>\np {{ }}\n</style><p style="fill: &quot;red&quot;"><svg xmlns="x">{mark}{mark}{once}</svg></p>'
    found = shared_parts(page)
    assert found.count('<path d="M0 0" class="l0"/>') == 2
    assert '.l0 { fill: "red" }\n</style>' in found
    # What is there once, has a class already or is outside of figures stays.
    assert once in found and '<p style="fill: &quot;red&quot;">' in found
    assert shared_parts("<p>none</p>") == "<p>none</p>"
