"""What the figures of a page repeat is written once."""

import re
from collections import Counter
from html import unescape

FIGURE = re.compile(r"<svg xmlns.*?</svg>", re.DOTALL)
MARK = re.compile(r'<defs>\s*<path id="([^"]+)" ([^>]*)/>\s*</defs>\s*')


def shared_parts(page: str) -> str:
    """Return a page of the same looks whose figures share what they repeat: styles as classes, and shapes of marks.

    Figures alone keep theirs, as they are kept in files too.
    """
    return shared_marks(shared_styles(page))


def shared_styles(page: str) -> str:
    """Return a page whose figures share the styles that they repeat, as classes: a quarter less."""
    styled = re.compile(
        r'<(?!svg)(\w+)((?: (?!class=|style=)[\w:-]+="[^"]*")*) style="([^"]*)"((?: (?!class=)[\w:-]+="[^"]*")*)(/?)>'
    )
    counts = Counter(tag[3] for figure in FIGURE.finditer(page) for tag in styled.finditer(figure[0]))
    names = {style: f"l{number}" for number, (style, count) in enumerate(counts.items()) if count > 1}

    def classed(tag: re.Match[str]) -> str:
        name = names.get(tag[3])
        return f'<{tag[1]}{tag[2]} class="{name}"{tag[4]}{tag[5]}>' if name else tag[0]

    page = FIGURE.sub(lambda figure: styled.sub(classed, figure[0]), page)
    looks = "\n".join(f".{name} {{ {unescape(style)} }}" for style, name in names.items())
    return page.replace("</style>", f"{looks}\n</style>", 1) if names else page


def shared_marks(page: str) -> str:
    """Return a page whose figures take the shapes of their marks from one place, under short names."""
    names: dict[str, str] = {}

    def taken(figure: re.Match[str]) -> str:
        own = {name: names.setdefault(shape, f"m{len(names)}") for name, shape in MARK.findall(figure[0])}
        return re.sub(
            r'href="#([^"]+)"', lambda match: f'href="#{own.get(match[1], match[1])}"', MARK.sub("", figure[0])
        )

    page = FIGURE.sub(taken, page)
    # Not within a figure, which may be hidden.
    shapes = "".join(f'<path id="{name}" {shape}/>\n' for shape, name in names.items())
    shared = f'<svg class="defs" width="0" height="0" aria-hidden="true"><defs>\n{shapes}</defs></svg>\n'
    return page.replace("<main>", f"{shared}<main>", 1) if names else page
