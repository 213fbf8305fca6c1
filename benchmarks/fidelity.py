"""How far can generated pictures be trusted? The default grid on them and on CIFAR-10's; -> docs/synthetic-data.md.

python benchmarks/fidelity.py --work DIR --pictures CIFAR10   # {train,test}/<class>/*; an hour or two on two cores

Trained are a grid on generated pictures and, where its outcomes aren't kept in `results/`, one on those pictures of
CIFAR-10 that the grid on CIFAR-10 kept there has not read.
"""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.grids import ROOT, Grid, described, number, paragraphs, table
from harness.analysis.agreement import Agreement, agreement, tau_b
from harness.analysis.outcomes import Outcomes
from harness.campaign.project import REPORTS
from harness.core.config import DataParams, load_params
from harness.core.seeding import numpy_generator
from harness.data.prepare import prepare
from harness.data.progress import silent
from harness.data.sources import open_source
from harness.data.split import split_source
from harness.references import references

PAGE = ROOT / "docs" / "synthetic-data.md"
# Not to be looked at while the generated pictures are changed.
HELD_OUT = ("augmentation", "batch_size", "dropout", "initialization", "loss", "schedule")
GENERATED = Grid("first")
# The default grid on real pictures: how it is asked for, what it found and its table of levels, without its records.
ASKED = {"source": "image_folder", "test_images": 3000}
RESULTS = ROOT / "benchmarks" / "results"
REAL, REAL_LEVELS = RESULTS / "cifar10-quick.json", RESULTS / "cifar10-quick-levels.csv"
# What the grid on other real pictures found; where the file is missing it is trained and written.
OTHER = RESULTS / "cifar10-other.json"
RESAMPLES = 2000


def main() -> None:
    """Train the grids, and write how far they agree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the clones; goes on where it stopped")
    parser.add_argument("--pictures", type=Path, required=True, help="CIFAR-10's, in {train,test}/<class>/*")
    arguments = parser.parse_args()
    work, pictures = arguments.work.resolve(), arguments.pictures.resolve()
    real = Outcomes.read(REAL)
    generated = GENERATED.train(work)
    if not OTHER.is_file():
        other_pictures(work, pictures, real).write(OTHER)
    reached = [accuracy(path) for path in (generated.folder / REPORTS / "tables" / "levels.csv", REAL_LEVELS)]
    PAGE.write_text(page(generated.outcomes, real, Outcomes.read(OTHER), *reached), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")


def other_pictures(work: Path, pictures: Path, real: Outcomes) -> Outcomes:
    """Return what the default grid finds on pictures of CIFAR-10 that `real` has not read."""
    changes = ASKED | {"root": pictures}
    params = load_params(ROOT / "params.yaml").data.model_copy(update=changes)
    check_read(params, real)
    unread = rest(params, work / "unread")
    asked = {f"data.{name}": value for name, value in (ASKED | {"root": unread}).items()}
    asked["recipe.target_accuracy"] = real.about.settings["target_accuracy"]
    return Grid("real-other", tuple(f"{name}={value}" for name, value in asked.items())).train(work).outcomes


def check_read(params: DataParams, real: Outcomes) -> None:
    """Refuse pictures that aren't those that a grid was trained on."""
    with TemporaryDirectory() as folder:
        digest = prepare(params, Path(folder), silent)["digest"]
    if digest != real.about.data["digest"]:
        sys.exit(f"error: {real.title} was trained on other pictures than those of {params.root}")


def rest(params: DataParams, to: Path) -> Path:
    """Return a folder of links to all pictures that a grid did not read, or copies where there can be no links."""
    if to.is_dir():
        return to
    source = open_source(params)
    chosen = split_source(source, params).values()
    read = {source.parts[part].name(place) for part, places in chosen for place in places}
    every = (part.name(place) for part in source.parts.values() for place in range(len(part.labels)))
    for path in (Path(name) for name in every if name not in read):
        target = to.with_suffix(".new") / path.relative_to(params.root)
        if target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copyfile(path, target)
    to.with_suffix(".new").rename(to)
    return to


def page(generated: Outcomes, real: Outcomes, other: Outcomes, reached: float, reached_real: float) -> str:
    """Return the page: generated against real pictures, and real against other real ones as the ceiling.

    Beside them both against every reference that ships: what real pictures at the default budget reach there is the
    ceiling of generated ones. `reached` is the control's test accuracy in per cent.
    """
    grids = {"generated": generated, "CIFAR-10 (quick)": real, "other pictures": other}
    found, ceiling = (agreement(one, real) for one in (generated, other))
    pairs = {"generated against CIFAR-10 (quick)": found, "CIFAR-10 (quick) against other pictures": ceiling}
    pairs |= {
        f"{words} against {one.title}": agreement(grids[words], one)
        for one in references()
        for words in ("generated", "CIFAR-10 (quick)")
    }
    ceilings = {"CIFAR-10 (quick)": (found, ceiling)}
    ceilings |= {
        one.title: (pairs[f"generated against {one.title}"], pairs[f"CIFAR-10 (quick) against {one.title}"])
        for one in references()
    }
    held = [rest_of(one, held_out=True) for one in pairs.values()]
    return paragraphs(
        "# How far can the generated pictures be trusted?",
        "The default grid on generated pictures, on CIFAR-10's, and on other pictures of CIFAR-10, none of them in "
        "both: no generated pictures could agree better with CIFAR-10's than these do. A reference that ships had "
        "another budget: what the default grid on CIFAR-10 reaches against it is the ceiling there. "
        "`python benchmarks/fidelity.py --work DIR --pictures CIFAR10` trains the first and writes this page; what "
        "the others found is kept in `benchmarks/results/`.",
        "\n".join(f"- {words}: {described(one)}" for words, one in grids.items()),
        table(("", *pairs), measured(list(pairs.values()))),
        f"The control reaches {reached:.0f} % on generated pictures and {reached_real:.0f} % on CIFAR-10's.",
        "The tau-b of all effects that generated pictures reach, as a share of the ceiling; the interval holds 95 % of "
        f"{RESAMPLES:,} draws of the studies, with replacement:",
        table(
            ("against", "share", "from", "to"), [(words, *map(number, share(*two))) for words, two in ceilings.items()]
        ),
        "## Study by study",
        "Kendall's tau-b of the levels of a study, its contexts averaged. Six studies are held out: nothing of the "
        "generated pictures may be changed by what they show. Of these alone:",
        table(("", *pairs), measured(held)),
        table(("study", *pairs), study_by_study(list(pairs.values()))),
        "## Levels of opposite sign",
        table(("level", "grids", "points in the first", "in the second"), rows)
        if (rows := opposed(pairs))
        else "None is surely better on one and surely worse on the other.",
        "## Verdicts reversed",
        table(("claim", "grids", "verdict of the first", "of the second"), rows)
        if (rows := turned(pairs))
        else "No claim is supported by one and contradicted by the other.",
    )


def measured(found: Sequence[Agreement]) -> list[tuple[str, ...]]:
    """Return a row for every measure."""
    return [(words, *(measure(one) for one in found)) for words, measure in MEASURES.items()]


def study_by_study(found: Sequence[Agreement]) -> list[tuple[str, ...]]:
    """Return a row for every study."""
    return [
        (
            name + (" (held out)" if name in HELD_OUT else ""),
            *(number(one.taus.get(name, float("nan"))) for one in found),
        )
        for name in sorted(found[0].taus)
    ]


MEASURES: dict[str, Callable[[Agreement], str]] = {
    "effects in both": lambda found: str(len(found.pairs)),
    "correlation of effects": lambda found: number(found.correlation),
    "Kendall's tau-b, mean over studies": lambda found: number(found.tau),
    "Kendall's tau-b of all effects": lambda found: number(found.pooled_tau),
    "levels told from their control in both": lambda found: str(len(found.resolved)),
    "of these of opposite sign": lambda found: str(len(found.opposite)),
    "claims in both": lambda found: str(len(found.claims)),
    "verdicts that differ": lambda found: str(sum(one.differs for one in found.claims)),
    "verdicts reversed": lambda found: str(sum(one.reversed for one in found.claims)),
}


def share(found: Agreement, ceiling: Agreement) -> tuple[float, float, float]:
    """Return the pooled tau-b of an agreement as a share of a ceiling's, and the 95 % bootstrap interval over studies.

    Effects of one study have runs in common, so that whole studies are drawn (Efron, 1979).
    """

    def means(one: Agreement) -> pd.DataFrame:
        rows = [(pair.study, pair.context, pair.level, pair.first.mean, pair.second.mean) for pair in one.pairs]
        return pd.DataFrame(rows).set_index([0, 1, 2])

    both = pd.concat([means(found), means(ceiling)], axis=1, join="inner")
    studies = {str(name): part.to_numpy() for name, part in both.groupby(level=0)}

    def of(names: Iterable[str]) -> float:
        values = np.concatenate([studies[name] for name in names])
        return tau_b(values[:, :2].tolist()) / tau_b(values[:, 2:].tolist())

    rng = numpy_generator(0, "share of the ceiling")
    drawn = [of(rng.choice(list(studies), len(studies))) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return of(list(studies)), float(low), float(high)


def rest_of(found: Agreement, held_out: bool) -> Agreement:
    """Return the part of an agreement that is of the studies held out, or of the others."""
    return Agreement(
        tuple(one for one in found.pairs if (one.study in HELD_OUT) == held_out),
        tuple(one for one in found.claims if (one.study in HELD_OUT) == held_out),
        {name: tau for name, tau in found.taus.items() if (name in HELD_OUT) == held_out},
    )


def opposed(pairs: Mapping[str, Agreement]) -> list[tuple[str, str, str, str]]:
    """Return the levels that are surely better in one grid of a pair and surely worse in the other."""
    return [
        (
            f"{one.study} · {one.context} · {one.level}",
            words,
            f"{100 * one.first.mean:+.1f}",
            f"{100 * one.second.mean:+.1f}",
        )
        for words, found in pairs.items()
        for one in found.opposite
    ]


def turned(pairs: Mapping[str, Agreement]) -> list[tuple[str, str, str, str]]:
    """Return the claims that one grid of a pair supports and the other contradicts."""
    return [
        (f"{one.study} · {one.name}", words, one.first.verdict, one.second.verdict)
        for words, found in pairs.items()
        for one in found.claims
        if one.reversed
    ]


def accuracy(path: Path) -> float:
    """Return from a table of levels the test accuracy of the recipe itself, the control of width, in per cent."""
    levels = pd.read_csv(path)
    return 100 * float(levels.loc[(levels["study"] == "width") & levels["control"], "test_accuracy"].item())


if __name__ == "__main__":
    main()
