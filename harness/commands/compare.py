"""Two grids side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.campaign.project import REPORTS
from harness.core.console import plain_console
from harness.core.errors import SettingError

if TYPE_CHECKING:
    from harness.analysis.agreement import Agreement
    from harness.analysis.outcomes import Outcomes

SIDE = "a commit or branch, a report's folder or its verdicts.json, or the name of a reference"


def compare(
    first: Annotated[str, typer.Argument(metavar="ONE", help=f"One side: {SIDE}.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="The other side, by default this report.")] = str(
        REPORTS
    ),
) -> None:
    """Print how far two grids agree: effects, ranks of levels, and every verdict that differs.

    Try this: python -m harness compare HEAD~1
    """
    from harness.analysis.agreement import agreement

    one, other = side(first), side(second)
    show(first, one, second, other, agreement(one, other))


def side(name: str) -> "Outcomes":
    """Return what one side found; SettingError says what it could be."""
    from harness.analysis.outcomes import FILE, Outcomes
    from harness.references import reference

    path = Path(name) / FILE if Path(name).is_dir() else Path(name)
    if path.is_file():
        return Outcomes.read(path)
    if found := reference(name):
        return found
    return Outcomes.from_text(committed(name, REPORTS / FILE), f"{REPORTS / FILE} of {name}")


def committed(revision: str, path: Path) -> str:
    """Return a file of the results that a commit names, from DVC's cache or its remote."""
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        return str(dvc.api.read(str(path), repo=".", rev=revision))
    except (DvcException, SCMError, OSError) as error:
        raise SettingError(f"there is no {path} of {revision!r}: {error}; name {SIDE}") from error


def show(first: str, one: "Outcomes", second: str, other: "Outcomes", found: "Agreement") -> None:
    """Print both sides, what they have in common, and where they differ."""
    from rich.table import Table

    from harness.quantities import PRIMARY, quantity

    out, shown = plain_console(soft_wrap=True), quantity(PRIMARY)
    for name, grid in ((first, one), (second, other)):
        out.print(f"{name}: {grid.title}. {grid.about.budget}")
    if not found.pairs and not found.claims:
        out.print("They have no study in common.")
        return
    tally = sum(pair.differs for pair in found.claims)
    out.print(
        f"\n{len(found.pairs)} effects in both: correlation {found.correlation:.2f}, Kendall's tau-b of a study's "
        f"levels {found.tau:.2f} on average; {len(found.resolved)} told from none in both, "
        f"{len(found.opposite)} of them of opposite sign."
    )
    out.print(
        f"{len(found.claims)} claims in both: {tally} with another verdict, "
        f"{sum(pair.reversed for pair in found.claims)} reversed."
    )
    if found.opposite:
        effects = Table("level", first, second, title="Of opposite sign, test accuracy against the control")
        for pair in found.opposite:
            effects.add_row(
                f"{pair.study} · {pair.context} · {pair.level}",
                shown.difference(pair.first.mean),
                shown.difference(pair.second.mean),
            )
        out.print(effects)
    if tally:
        verdicts = Table("claim", first, second, title="Verdicts that differ")
        for claim in found.claims:
            if claim.differs:
                verdicts.add_row(claim.name, claim.first.verdict, claim.second.verdict)
        out.print(verdicts)
