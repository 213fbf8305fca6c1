"""The figures of a study page: each is one registered function in a file of this folder.

To add one, write a file with a function under `@figure(...)`. It is called once per context and
yields a `Drawing` for each picture it has something to show in, or nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from matplotlib.figure import Figure

from harness.analysis.summary import ContextSummary, StudySummary


@dataclass(frozen=True)
class Drawing:
    """A drawn figure. `caption` says what to look at, `label` what a screen reader says instead."""

    figure: Figure
    title: str
    caption: str
    label: str
    part: str = ""  # tells the drawings of one function apart, such as the metric


Draw = Callable[[StudySummary, ContextSummary], Iterator[Drawing]]
FIGURES: dict[str, tuple[int, Draw]] = {}


def figure(name: str, order: int) -> Callable[[Draw], Draw]:
    """Register a function as the figure `name`; lower `order` comes first on the page."""

    def register(draw: Draw) -> Draw:
        if name in FIGURES:
            raise ValueError(f"there is a figure {name!r} already")
        FIGURES[name] = (order, draw)
        return draw

    return register


def all_figures() -> list[tuple[str, Draw]]:
    """Return (name, function) of every figure in the order of the page."""
    package = __name__.rpartition(".")[0]
    for module in iter_modules(import_module(package).__path__):
        import_module(f"{package}.{module.name}")
    return [(name, draw) for name, (_, draw) in sorted(FIGURES.items(), key=lambda item: (item[1][0], item[0]))]
