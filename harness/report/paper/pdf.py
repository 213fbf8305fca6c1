"""Figures of a study as PDF, in the colours of paper, for those who can't place an SVG."""

import io
import warnings
from collections.abc import Mapping

import matplotlib
from matplotlib.artist import Artist
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure

from harness.report.figures.style import PAGE_COLOURS

# Equal figures give equal bytes.
NO_METADATA = {"CreationDate": None, "Creator": None, "Producer": None}
COLOURS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def pdf(figure: Figure) -> bytes:
    """Return a figure as a PDF whose text stays text; its stand-ins for the page's colours are replaced for good."""
    on_paper = {tuple(to_rgba_array(name)[0, :3]): fallback(colour) for name, colour in PAGE_COLOURS.items()}
    for artist in figure.findobj():
        recolour(artist, on_paper)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="pdf", transparent=True, metadata=NO_METADATA)
    return buffer.getvalue()


def fallback(colour: str) -> str:
    """Return the colour of a page's variable where there is no page: `var(--line, #d4d8de)`."""
    return "#000000" if colour == "currentColor" else colour.rstrip(")").rpartition(" ")[2]


def recolour(artist: Artist, on_paper: Mapping[tuple[float, ...], str]) -> None:
    """Give an artist the colours of paper in place of stand-ins, its own transparency kept."""
    for name in COLOURS:
        get, put = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
        if get is None or put is None:
            continue
        old = to_rgba_array(get())
        new = [(*to_rgba_array(on_paper.get(tuple(rgba[:3]), rgba[:3]))[0, :3], rgba[3]) for rgba in old]
        if len(old) and any(tuple(rgba[:3]) in on_paper for rgba in old):
            put(new[0] if len(new) == 1 else new)
