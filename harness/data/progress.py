"""How far the reading is: a bar on a terminal, a line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness.core.console import plain_console

SECONDS_BETWEEN_LINES = 5.0

# Called with (what, done, total) after every batch.
Report = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def shown(console: Console | None = None) -> Iterator[Report]:
    """Yield a report that draws on stderr for as long as the block runs."""
    console = console or plain_console(stderr=True)
    if not console.is_terminal:
        yield plain_lines(console)
        return
    columns = (
        TextColumn("{task.description:<10}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield bars(bar)


def bars(bar: Progress) -> Report:
    """Return a report that keeps one bar per `what`."""
    tasks = {}

    def report(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done)

    return report


def plain_lines(console: Console) -> Report:
    """Return a report for log files: the end of each task, and a line every few seconds before it."""
    last = monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if done == total or monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = monotonic()
            console.print(f"{what}: {done} of {total} pictures")

    return report
