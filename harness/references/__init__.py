"""What reference grids found, beside which a report sets its own; links to docs/reference, in a package files."""

from functools import cache
from pathlib import Path

from harness.analysis.outcomes import Outcomes


@cache
def references() -> tuple[Outcomes, ...]:
    """Return what every reference found, in the order of their names."""
    return tuple(Outcomes.read(path) for path in sorted(Path(__file__).parent.glob("*.json")))


def reference(name: str) -> Outcomes | None:
    """Return what one reference found; None if there is none of that name."""
    path = Path(__file__).parent / f"{name}.json"
    return Outcomes.read(path) if path.is_file() else None
