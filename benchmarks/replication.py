"""Do verdicts stand? The default grid under other seeds, and on other generated pictures; writes docs/replication.md.

python benchmarks/replication.py --work DIR      # trains what is missing there: three grids, hours on two cores
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pandas as pd

from benchmarks.grids import ROOT, Grid, Trained, described, number, paragraphs, table
from harness.analysis.agreement import Agreement, agreement
from harness.analysis.arms import Arms
from harness.analysis.compared import compare_levels
from harness.analysis.summary import rules_of
from harness.analysis.tables import StudyTables, read_grid
from harness.core.written import ContextJson, StudyJson
from harness.quantities import PRIMARY

FIRST = Grid("first")
AGAIN = Grid("again", ("first_seed=100",))
OTHER = Grid("other-pictures", ("first_seed=200", "data.seed=1"))
PAGE = ROOT / "docs" / "replication.md"
OPEN = ("open", "not testable")
SETTLED = ("better", "worse")


@dataclass(frozen=True)
class Discoveries:
    """What is found between two grids that differ in luck alone: `studies` with any of the `found` comparisons."""

    comparisons: int
    found: int
    studies: int
    of: int


def main() -> None:
    """Train the grids, and write what became of the verdicts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the clones; goes on where it stopped")
    parser.add_argument("--same-pictures", action="store_true", help="without the grid on other pictures")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    first, again = FIRST.train(work), AGAIN.train(work)
    others = {"other seeds": again}
    if not arguments.same_pictures:
        others["other seeds and pictures"] = OTHER.train(work)
    PAGE.write_text(page(first, others), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def page(first: Trained, others: dict[str, Trained]) -> str:
    """Return the page: what was kept, opened and reversed under other luck, and what luck alone finds."""
    pairs = {name: agreement(first.outcomes, one.outcomes) for name, one in others.items()}
    luck = between(first, next(iter(others.values())))
    rested = [f"- {name}: {described(one.outcomes)}" for name, one in {"first": first, **others}.items()]
    return paragraphs(
        "# Do verdicts stand?",
        f"The default grid as it is, and again under {' and under '.join(pairs)}, which tune and train. "
        f"`python benchmarks/replication.py --work DIR{' --same-pictures' if len(pairs) == 1 else ''}` trains these "
        "grids and writes this page.",
        "\n".join(rested),
        "Opened is what can't be told any more, closed what could not be told before; reversed is supported against "
        "contradicted, or better against worse.",
        table(("verdicts on claims", *pairs), counted(verdicts, pairs)),
        table(("levels against their control", *pairs), counted(standings, pairs)),
        table(
            ("effects", *pairs),
            [
                ("correlation with the first grid's", *(number(pair.correlation) for pair in pairs.values())),
                ("Kendall's tau-b of a study's levels, mean", *(number(pair.tau) for pair in pairs.values())),
            ],
        ),
        "**What luck alone finds.** Each arm of the first grid is compared with the same arm under the other seeds, "
        f"where there is no true difference: {luck.found} of {luck.comparisons} comparisons are called better or "
        f"worse, in {luck.studies} of {luck.of} studies.",
        "## Verdicts that are not the same",
        table(("claim", "first", *pairs), list(changed(list(pairs.values())))),
    )


KINDS = ("kept", "opened", "closed", "another", "reversed")


def counted(kinds: Callable[[Agreement], Iterator[str]], pairs: dict[str, Agreement]) -> list[tuple[Any, ...]]:
    """Return a row for every kind of fate: how many there are of it in each pair of grids."""
    found = [Counter(kinds(pair)) for pair in pairs.values()]
    return [(name, *(counts[name] for counts in found)) for name in KINDS]


def verdicts(found: Agreement) -> Iterator[str]:
    """Yield what became of each verdict."""
    for one in found.claims:
        verdicts = one.first.verdict, one.second.verdict
        yield fate(*verdicts, [name not in OPEN for name in verdicts], one.reversed)


def standings(found: Agreement) -> Iterator[str]:
    """Yield what became of each level."""
    for one in found.pairs:
        standings = one.first.standing, one.second.standing
        yield fate(*standings, [name in SETTLED for name in standings], one.opposite)


def fate(first: str, second: str, settled: list[bool], reversed_: bool) -> str:
    """Return what became of what was settled in none, in either or in both."""
    if reversed_:
        return "reversed"
    if first == second or not any(settled):
        return "kept"
    return "another" if all(settled) else "opened" if settled[0] else "closed"


def changed(pairs: list[Agreement]) -> Iterator[tuple[str, ...]]:
    """Yield every claim of which the grids don't say the same."""
    found = [{(one.study, one.name): one.second.verdict for one in pair.claims} for pair in pairs]
    for one in pairs[0].claims:
        verdicts = one.first.verdict, *(pair.get((one.study, one.name), "-") for pair in found)
        if len(set(verdicts)) > 1:
            yield one.name, *verdicts


def between(first: Trained, again: Trained) -> Discoveries:
    """Judge every arm against itself under other seeds, by the rules of the bench; whatever is found is false."""
    grids = [read_grid(one.store, one.store.read_plan()) for one in (first, again)]
    studies = [both(*pair) for pair in zip(*grids, strict=True)]
    rules = rules_of(studies)
    found = [
        [one for one in compare_levels(study, Arms(study.counted), PRIMARY, rules) if one.p is not None]
        for study in studies
    ]
    false = [sum(one.standing in SETTLED for one in ones) for ones in found]
    return Discoveries(sum(map(len, found)), sum(false), sum(map(bool, false)), len(studies))


def both(first: StudyTables, again: StudyTables) -> StudyTables:
    """Return a study with a context per arm, where the second grid's runs are the level and the first's the control."""
    offset = int(again.runs["seed"].min() - first.runs["seed"].min())
    runs = pd.concat(
        [
            one.runs.assign(
                context=one.runs["context"] + " · " + one.runs["level"], level=level, seed=one.runs["seed"] - moved
            )
            for one, level, moved in ((first, "first", 0), (again, "again", offset))
        ],
        ignore_index=True,
    )
    contexts: list[ContextJson] = [{"name": name, "changes": None} for name in dict.fromkeys(runs["context"])]
    plan: StudyJson = {
        **first.plan,
        "control": "first",
        "levels": ["first", "again"],
        "contexts": contexts,
        "claims": [],
    }
    return replace(first, plan=plan, runs=runs)


if __name__ == "__main__":
    main()
