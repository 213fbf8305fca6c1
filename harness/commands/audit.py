"""Do one-factor conclusions hold when other choices change?"""

import sys
from itertools import combinations
from typing import TYPE_CHECKING, Annotated

import typer

from harness.campaign.project import parameters
from harness.core.console import complain, console, plain_console

if TYPE_CHECKING:
    from harness.analysis.factorial import Effect


def audit(
    choices: Annotated[
        list[str] | None,
        typer.Argument(metavar="SETTING=VALUE ...", help="Two to eight choices other than the recipe's."),
    ] = None,
) -> None:
    """Train a small fractional factorial of a few choices; list one-factor conclusions that flip with another choice.

    A study varies one factor and holds the others at the recipe. Here every choice is also seen with the others
    changed: a full factorial of up to four, sixteen arms of up to eight, and each choice alone; three seeds, or as
    many as the profile has. Without arguments, eight usual choices.

    Try this: python -m harness audit norm=none learning_rate=x3 dropout=0.5 augmentation=flip_crop
    """
    from harness.analysis.factorial import effects_of
    from harness.campaign.audit import USUAL, parse, planner, store, study_of, values_of
    from harness.campaign.train import Campaign

    levels = parse(choices or USUAL)
    campaign = Campaign(parameters(), store(), console, plan=planner(study_of(levels)), tracked=False)
    current = campaign.run()
    if campaign.failed:
        complain("error:", f"{len(campaign.failed)} run(s) failed, see above; all others are kept")
        sys.exit(1)
    values = values_of(current.to_json())
    if values.shape[1] < 2:
        complain("error:", "one seed shows no scatter; call it with a profile of two seeds or more")
        sys.exit(1)
    show([level.label for level in levels], effects_of(values, len(levels)), values.shape)


def show(names: list[str], effects: list["Effect"], shape: tuple[int, ...]) -> None:
    """Print what every choice does alone, on average and at most and at least, and what flips."""
    from rich.table import Table

    from harness.quantities import PRIMARY, quantity

    shown = quantity(PRIMARY)

    def words(one: "Effect") -> str:
        return shown.difference(one.estimate.mean, unit=False) + ("" if one.sure else " ?")

    what = f"{shape[0]} arms, {shape[1]} seeds: {shown.label}, {shown.difference_unit}"
    table = Table(title=f"{what}; ? may be nothing (Holm, 5 %)")
    for head in ("choice", "alone, at the recipe", "averaged over the others", "least, with", "most, with"):
        table.add_column(head, overflow="fold")
    flips: list[str] = []
    for factor, name in enumerate(names):
        mine = [one for one in effects if one.factor == factor]
        alone = next(one for one in mine if one.alone)
        average = next(one for one in mine if not one.alone and one.given is None)
        given = sorted((one for one in mine if one.given), key=lambda one: one.estimate.mean)
        least, most = (f"{words(one)} {condition(one, names)}" for one in (given[0], given[-1]))
        table.add_row(name, words(alone), words(average), least, most)
        flips += [
            f"{name}: {words(one)} {condition(one, names) or 'on average'}, {words(alone)} alone"
            for one in [average, *given]
            if one.against(alone)
        ]
    out = plain_console(soft_wrap=True)
    out.print(table)
    if flips:
        out.print(f"{len(flips)} conclusion(s) of one factor at a time flip:")
        for line in flips:
            out.print(f"  {line}", markup=False)
    else:
        out.print("No conclusion of one factor at a time flips among these choices.")
    if len(names) > 4:
        out.print(confounded(names))


def condition(effect: "Effect", names: list[str]) -> str:
    """Return `with dropout=0.5` or `without`; nothing of an effect on average."""
    if effect.given is None:
        return ""
    other, changed = effect.given
    return f"{'with' if changed else 'without'} {names[other]}"


def confounded(names: list[str]) -> str:
    """Return what sixteen arms of so many choices can't tell apart."""
    from harness.analysis.factorial import aliases

    count = max(len(aliases(len(names), pair)) for pair in combinations(range(len(names)), 2))
    if not count:
        return "With five choices no two of their pairs are confounded."
    return (
        f"Sixteen arms can't tell the interplay of a pair of {len(names)} choices from that of up to {count} other "
        "pair(s): name the two or three in question alone to see which it is."
    )
