"""Terminals that show text as it is written."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.text import Text


def plain_console(**more: Any) -> Console:
    """Return a console to which square brackets, colons and numbers are text: names come from users."""
    return Console(markup=False, emoji=False, highlight=False, **more)


# What is told while a command works; its result goes to standard output.
console = plain_console(stderr=True)


def complain(what: str, problem: str, colour: str = "red") -> None:
    """Print what is wrong, its first words in a colour."""
    console.print(Text.assemble((what, colour), f" {problem}"), soft_wrap=True)


def counted(what: str) -> Callable[[int, int], None] | None:
    """Return a callback (done, total) that shows a count on a terminal; None elsewhere."""
    if not console.is_terminal:
        return None
    return lambda done, total: console.print(f"{done} of {total} {what}", end="\r" if done < total else "\n")
