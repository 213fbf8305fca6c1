"""A page of a study as one file to mail: it needs no other, and leads to none."""

import re
from base64 import b64encode
from pathlib import Path

LARGEST = 200_000  # bytes of a table that travels with the page
MENU = re.compile(r'<header class="top">.*?</header>|<div class="classbar".*?</div>', re.DOTALL)
LINK = re.compile(r'<a ([^>]*?)href="([^"#][^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
TYPES = {".csv": "text/csv", ".tex": "application/x-tex"}


def single_page(html: str, folder: Path) -> str:
    """Return a page without its menu; links hold the small tables they lead to, other links keep their words alone."""

    def settle(link: re.Match[str]) -> str:
        path = folder / link[2]
        kind = TYPES.get(path.suffix)
        if kind is None or not path.is_file() or path.stat().st_size > LARGEST:
            return link[3]
        body = b64encode(path.read_bytes()).decode()
        return f'<a download="{path.name}" href="data:{kind};base64,{body}">{link[3]}</a>'

    return LINK.sub(settle, MENU.sub("", html))
