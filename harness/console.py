"""Terminals that show text as it is written."""

from typing import Any

from rich.console import Console


def plain_console(**more: Any) -> Console:
    """Return a console to which square brackets, colons and numbers are text: names come from users."""
    return Console(markup=False, emoji=False, highlight=False, **more)
