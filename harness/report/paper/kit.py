"""All that a paper takes from a study in one archive: figures as SVG, tables as CSV and LaTeX, methods, references."""

import io
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from harness.report.placing import Placed

# Equal records give equal bytes: the oldest date that an archive can hold.
DATE = (1980, 1, 1, 0, 0, 0)


def standing_alone(svg: str) -> str:
    """Return a figure of a page as a file: in the colours of paper, with a size, readable without the page's style."""
    text = re.sub(r"var\(--[\w-]+, (#\w+)\)", r"\1", str(svg)).replace("currentColor", "#000000")
    # What a page's script reads.
    text = re.sub(r" data-live='[^']*'| data-part=\"[^\"]*\"", "", text)
    # Without a size, readers that aren't browsers fall back to one of their own; a unit of the box is a point.
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()  # type: ignore[union-attr]
    return text.replace("<svg ", f'<svg width="{width}pt" height="{height}pt" ', 1) + "\n"


def packed(members: Mapping[str, str | bytes]) -> bytes:
    """Return an archive of files by name."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = ZipInfo(name, DATE)
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def write_kit(path: Path, figures: Iterable[Placed], tables: Mapping[str, Path], texts: Mapping[str, str]) -> None:
    """Write the archive: figures/<anchor>.svg, tables/<name>, and every text under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    members = {f"figures/{one.anchor}.svg": standing_alone(one.svg) for one in figures}
    members |= {f"tables/{name}": found.read_text(encoding="utf-8") for name, found in tables.items()}
    path.write_bytes(packed(members | dict(texts)))
