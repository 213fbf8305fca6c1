"""A matplotlib figure -> an inline SVG that follows the page's colours and shares its ids with nobody."""

import io
import re
import warnings
from hashlib import sha256
from html import escape

import matplotlib
from matplotlib.figure import Figure

from harness.report.figures.chart import PART, TICKS
from harness.report.figures.style import PAGE_COLOURS

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def inline_svg(figure: Figure, identifier: str, label: str, live: str = "") -> str:
    """Return `figure` as an `<svg>` element; equal figures give equal text.

    `identifier` is its id and makes those inside its own, `label` is what a screen reader says, `live` what
    `Chart.live` says of where things are.
    """
    buffer = io.StringIO()
    # The salt makes the ids of clip paths depend on nothing but the figure.
    with matplotlib.rc_context({"svg.hashsalt": identifier, "svg.fonttype": "none"}), warnings.catch_warnings():
        # Letters that matplotlib's own font lacks are drawn by the browser's.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata=NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = own_ids(text.replace("xlink:href", "href"), identifier)
    for stand_in, colour in PAGE_COLOURS.items():
        text = text.replace(stand_in, colour)
    # The root names the fonts once, for all texts in it.
    text = re.sub(r"font-family: ?[^;\"]+; ?|; font-family: ?[^;\"]+", "", text)
    text = re.sub(r"font: ?((?:\w+ )*)([\d.]+px) [^;\"]+", long_font, text)
    text = text.replace(' transform="rotate(-0 ', ' transform="rotate(0 ')
    text = re.sub(r' transform="rotate\(0 [^"]*"', "", text)
    # A hundredth of a point is invisible, and the digits are half of the file. Numbers that are read stay.
    text = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), text)
    text = re.sub(r"<use [^>]+>", lambda tag: re.sub(r"-?\d+\.\d+", lambda number: tenth(number[0]), tag[0]), text)
    text = lean(text)
    text = re.sub(r"<svg[^>]*>", lambda match: opening(match[0], identifier, label, live), text, count=1)
    # Newlines between elements show nothing, and there are thousands.
    return re.sub(r">\s+<", "><", re.sub(r"\n\s*", "\n", text)).strip()


def long_font(match: re.Match[str]) -> str:
    """Return a `font:` shorthand as its weight and size alone."""
    weight = match[1].strip()
    return (f"font-weight: {weight}; " if weight else "") + f"font-size: {match[2]}"


def lean(text: str) -> str:
    """Return the same picture without groups that group nothing, clips and paths of no effect, and long paths."""
    text = re.sub(r'<path [^>]*style="fill: none"/>', "", text)
    text = without_whole_clips(text)
    text = re.sub(r"<defs>\s*</defs>", "", text)
    text = re.sub(r' d="([^"]*)"', lambda match: f' d="{short_path(match[1])}"', text)
    kept: list[bool] = []

    def group(tag: re.Match[str]) -> str:
        if tag[0] == "</g>":
            return tag[0] if kept.pop() else ""
        kept.append(tag[0] != "<g>")
        return tag[0] if kept[-1] else ""

    text = re.sub(r"<g(?: [^>]*)?>|</g>", group, text)
    # One group for all numbers of an axis that are drawn one after another.
    name = TICKS.removeprefix(PART)
    ticks = re.compile(rf'(<g data-part="{name}">(?:(?!</?g[ >]).)*)</g>\s*<g data-part="{name}">', re.DOTALL)
    while (merged := ticks.sub(r"\1", text)) != text:
        text = merged
    return text


def without_whole_clips(text: str) -> str:
    """Return the same picture without clips to the whole of it, which large axes name on every mark."""
    whole = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    clips = re.compile(
        r'<clipPath id="([^"]+)">\s*<rect x="0" y="0" width="([\d.]+)" height="([\d.]+)"/>\s*</clipPath>'
    )
    for clip in clips.finditer(text):
        if whole and clip.groups()[1:] == whole.groups():
            text = text.replace(clip[0], "").replace(f' clip-path="url(#{clip[1]})"', "")
    return text


def short_path(path: str) -> str:
    """Return a path to a tenth of a point, without the spaces that its letters make needless."""
    path = re.sub(r"\d*\.\d+", lambda number: tenth(number[0]), path)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", path.strip())


def tenth(number: str) -> str:
    """Return a number to a tenth."""
    return f"{float(number):.1f}".removesuffix(".0")


def own_ids(text: str, identifier: str) -> str:
    """Drop the ids that nothing refers to; others are the figure's own, and short: thousands of marks repeat them."""
    prefix = f"s{sha256(identifier.encode()).hexdigest()[:7]}"
    used = dict.fromkeys(name for pair in re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', text) for name in pair if name)
    names = {name: f"{prefix}-{number}" for number, name in enumerate(used)}

    def rename(match: re.Match[str]) -> str:
        if match[1].startswith(PART):
            return f' data-part="{match[1].removeprefix(PART)}"'
        return f' id="{names[match[1]]}"' if match[1] in names else ""

    text = re.sub(r' id="([^"]+)"', rename, text)
    text = re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{names[match[1]]})", text)
    return re.sub(r'href="#([^"]+)"', lambda match: f'href="#{names[match[1]]}"', text)


def opening(tag: str, identifier: str, label: str, live: str) -> str:
    """Return the opening tag without a fixed size, so that the page decides on the width."""
    box = re.search(r'viewBox="[^"]+"', tag)
    assert box is not None
    # In single quotes, as JSON is full of double ones.
    carried = escape(live, quote=False).replace("'", "&#39;")
    known = f" data-live='{carried}'" if live else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0]} id="{identifier}" role="img" '
        f'aria-label="{escape(label, quote=True)}" style="font-family: {FONTS}"{known}>'
    )
