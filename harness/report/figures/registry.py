"""The figures of a study page: each is one registered function in a file of this folder.

To add one, write a file with a function under `@figure(...)`. It is called once per context and
yields a `Drawing` for each picture it has something to show in, or nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from harness.analysis.summary import ContextSummary, StudySummary
from harness.report.ordered import Ordered


@dataclass(frozen=True)
class Drawing:
    """A drawn figure. `caption` says what to look at, `label` what a screen reader says instead."""

    figure: Figure
    title: str
    caption: str
    label: str
    part: str = ""  # tells the drawings of one function apart, such as the metric


Draw = Callable[[StudySummary, ContextSummary], Iterator[Drawing]]
figure: Ordered[Draw] = Ordered("figure", __name__.rpartition(".")[0])
