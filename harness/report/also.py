"""Where more is shown of a claim than the runs it is judged by: a sentence and a link under its verdict.

To add one, name the claim in `ALSO` with a function of the whole bench that returns a `Pointer`, or None
where the report has nothing to show.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.report.pages.registry import Bench

VALLEY_RULES = ("sgd", "momentum", "nesterov")


@dataclass(frozen=True)
class Pointer:
    """A sentence, and the page (with its anchor) behind the words `label`."""

    words: str
    link: str
    label: str


Find = Callable[[Bench], Pointer | None]


def also(bench: Bench, claim: str) -> Pointer | None:
    """Return where more is shown of the claim with this id; None if nowhere."""
    find = ALSO.get(claim)
    return find(bench) if find else None


def valley(bench: Bench) -> Pointer | None:
    """Point at the paths on the narrow valley, with the steps that momentum saves there."""
    found = bench.found("surfaces")
    return Pointer(valley_words(found), "surfaces.html#valley", "the paths") if found else None


def valley_words(found: dict[str, Any]) -> str:
    """Return how many steps plain and accelerated descent need on the valley of `surfaces.json`."""
    surface = next(one for one in found["surfaces"] if one["name"] == "valley")
    steps = {one["rule"]: one["steps"] for one in surface["rules"]}
    never = f"more than {found['steps']}"
    needed = [f"{rule} {never if steps[rule] is None else steps[rule]}" for rule in VALLEY_RULES]
    where = "to the lowest point of a long narrow valley of two weights"
    return f"Steps {where}, each rule at its best rate: {', '.join(needed)}."


def slip(anchor: str, words: str) -> Find:
    """Return what points at one entry of the page of slips."""
    return lambda bench: Pointer(words, f"notes.html#{anchor}", "the slip in the lecture")


ALSO: dict[str, Find] = {
    "opt-momentum": valley,
    "act-tanh": slip("tanh", "Tanh is a rescaled sigmoid, of twice the input."),
    "init-xavier": slip("xavier", "Two formulas go by the name of Xavier."),
    "init-printed": slip("he", "The slide prints another formula than the paper."),
    "opt-cost": slip("cost", "The slide says exponentially; it is in proportion."),
    "opt-bias": slip("adam", "The correction counts updates from 1."),
    "pen-generalise": slip("elastic-net", "The strength of an elastic net is not on the scale of L2's."),
    "stop-cheap": slip("early-stopping", "Patience is counted in evaluations."),
}
