"""Do intervals, verdicts and numbers of seeds do what they promise? Simulated grids whose truth is known.

python benchmarks/calibration.py                                      # all figures, half an hour on two cores
python benchmarks/calibration.py --grids 40                           # a quick look
python benchmarks/calibration.py --measure data/runs --name generated # add a measured grid to noise.csv

A simulated grid has the studies, contexts and levels of a measured one. What a run scatters by is resampled from it:
`noise.csv` holds, for every arm of two grids at profile quick and three seeds (800 generated pictures, and 800 of
CIFAR-10), the mean test accuracy, the residuals of the seeds, and their epochs to the target.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.analysis.arms import Arms, Key, State
from harness.analysis.contrasts import contrast, obstacle
from harness.analysis.moderation import Prior, fit_prior
from harness.analysis.power import MOST, POWER, seeds_to_decide
from harness.analysis.rules import PLAIN, Rule, Sweep, learn_rule, versus
from harness.analysis.statistics import Estimate, holm
from harness.analysis.tables import read_grid
from harness.analysis.verdicts import judge_claim
from harness.campaign.adaptive import looks, worth
from harness.core.records import Store
from harness.core.study import Claim, Comparison, Direction

HERE = Path(__file__).parent
NOISE, RESULTS = HERE / "noise.csv", HERE / "results"
SEEDS = (3, 4, 5, 10)
SHAPES = ("normal", "resampled", "heavy-tailed", "collapsing")
CHANCE, MARGIN, ALPHA = 0.1, 0.02, 0.05
EPOCHS, EVERY = 20, 2
# Residuals are of arms that learned; the correlation of level and control over seeds was 0.46 and 0.16 there.
SHARED = {"generated": 0.46, "cifar10": 0.16}
COLLAPSES = 0.2  # chance that a run of a collapsing level ends at chance
COLLAPSING = 0.1  # share of the levels that collapse
LEVEL, EFFECT = 0.7, 0.05  # accuracy of every level, and the effect whose power is told
HEAVY = 4  # degrees of freedom of the heavy-tailed shape


def measure(runs: Path, name: str) -> None:
    """Add the arms of a measured grid to noise.csv."""
    store = Store(runs)
    rows = []
    for tables in read_grid(store, store.read_plan()):
        for (context, level), arm in tables.counted.groupby(level=[0, 1], sort=False):
            accuracy, epochs = arm["test_accuracy"].to_numpy(), arm["epochs_to_target"].to_numpy()
            rows.append(
                {"grid": name, "study": tables.name, "context": context, "level": level}
                | {"control": level == tables.control, "mean": round(float(accuracy.mean()), 5)}
                | {f"residual_{n}": round(float(one - accuracy.mean()), 5) for n, one in enumerate(accuracy)}
                | {f"epochs_{n}": one for n, one in enumerate(epochs)}
                | {
                    "mixed": bool(arm["collapsed"].any() and arm["learned"].any()),
                    "guesses": bool(arm["guesses"].all()),
                }
            )
    others = pd.read_csv(NOISE, keep_default_na=False) if NOISE.is_file() else pd.DataFrame(columns=["grid"])
    pd.concat([others[others["grid"] != name], pd.DataFrame(rows)]).to_csv(NOISE, index=False, float_format="%.5g")


@dataclass(frozen=True)
class Measured:
    """What simulated grids are made of: a row an arm, and how the arms that learned scatter.

    `variances` are moderated, with `freedom` degrees of freedom; `pool` are residuals over their moderated spread.
    """

    name: str
    arms: pd.DataFrame
    variances: np.ndarray
    freedom: float
    pool: np.ndarray

    @property
    def studies(self) -> Iterator[tuple[str, pd.DataFrame]]:
        """The arms of each study."""
        yield from self.arms.groupby("study", sort=False)


@cache
def measured(name: str) -> Measured:
    """Return one of the measured grids; arms that guess or are mixtures have no shape of their own."""
    # A level may be called none, which is no gap; averages of runs have no epochs.
    gaps = {f"epochs_{n}": [""] for n in range(3)}
    table = pd.read_csv(NOISE, keep_default_na=False, na_values=gaps).astype({"level": str})
    table = table[table["grid"] == name].reset_index(drop=True)
    learned = table[~table["mixed"] & ~table["guesses"]]
    residuals = learned[["residual_0", "residual_1", "residual_2"]].to_numpy(dtype=float)
    variances = (residuals**2).sum(axis=1) / 2
    prior = fit_prior(variances, np.full(len(variances), 2.0))
    assert prior is not None
    freedom = prior.freedom + 2
    shrunk = (prior.freedom * prior.variance + 2 * variances) / freedom
    # Residuals of three seeds have two thirds of their variance.
    pool = (residuals / np.sqrt(shrunk[:, None] * 2 / 3)).ravel()
    return Measured(name, table, shrunk, freedom, pool / pool.std())


class Simulated(Arms):
    """Arms whose values are drawn, in the form that the bench judges."""

    def __init__(self, drawn: dict[Key, np.ndarray], metric: str, censored: dict[Key, int] | None = None) -> None:
        self.counted = {metric: drawn}  # type: ignore[assignment]
        self.drawn, self.metric = drawn, metric
        self.states = {key: state_of(values, metric, (censored or {}).get(key, 0)) for key, values in drawn.items()}

    def values(self, key: Key, metric: str) -> np.ndarray:
        """Return the drawn values; epochs are judged every second one of twenty."""
        if metric == self.metric:
            return self.drawn[key]
        return np.full(len(self.drawn[key]), {"evaluate_every": EVERY, "epochs": EPOCHS}.get(metric, np.nan))


def state_of(values: np.ndarray, metric: str, censored: int) -> State:
    """Return how the runs of a drawn arm ended."""
    accuracy = metric == "test_accuracy"
    guesses = int((values < CHANCE + 0.05).sum()) if accuracy else 0
    return State(len(values), 0, guesses, guesses, len(values) - guesses if accuracy else 0, censored)


@dataclass(frozen=True)
class Grid:
    """A simulated grid without effects: its studies, and the true spread of every arm."""

    sweeps: list[Sweep]
    spreads: list[dict[Key, float]]
    shared: float


def draw(source: Measured, shape: str, seeds: int, rng: np.random.Generator, effect: bool = False) -> Grid:
    """Return a grid of accuracies; `effect`: every arm has its measured difference to the control, if over 5 points."""
    sweeps, spreads = [], []
    for _, arms in source.studies:
        drawn: dict[Key, np.ndarray] = {}
        true: dict[Key, float] = {}
        for context, rows in arms.groupby("context", sort=False):
            control = float(rows.loc[rows["control"], "mean"].iloc[0])
            luck = noise(source, shape, (1, seeds), rng)[0]
            for level, mean in zip(rows["level"], rows["mean"], strict=True):
                variance = rng.choice(source.variances) * source.freedom / rng.chisquare(source.freedom)
                spread = min(np.sqrt(variance), 0.2)
                own = noise(source, shape, (1, seeds), rng)[0]
                shared = SHARED[source.name]
                values = LEVEL + spread * (np.sqrt(shared) * luck + np.sqrt(1 - shared) * own)
                if shape == "collapsing" and rng.random() < COLLAPSING:
                    values = np.where(rng.random(seeds) < COLLAPSES, CHANCE, values)
                if effect and abs(mean - control) > 0.05:
                    values = values + mean - control
                drawn[(context, level)], true[(context, level)] = values, spread
        levels = list(dict.fromkeys(arms["level"]))
        control = str(arms.loc[arms["control"], "level"].iloc[0])
        sweeps.append(Sweep(Simulated(drawn, "test_accuracy"), levels, control, list(dict.fromkeys(arms["context"]))))
        spreads.append(true)
    return Grid(sweeps, spreads, SHARED[source.name])


def noise(source: Measured, shape: str, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return draws of mean 0 and variance 1."""
    if shape == "resampled":
        return rng.choice(source.pool, size) * rng.choice([-1.0, 1.0], size)
    if shape == "heavy-tailed":
        return rng.standard_t(HEAVY, size) * np.sqrt((HEAVY - 2) / HEAVY)
    return rng.standard_normal(size)


def differences(sweep: Sweep, rule: Rule, metric: str = "test_accuracy") -> Iterator[tuple[Key, Estimate, Estimate]]:
    """Yield every level that can be compared with its control: by the rule, and by Student's t of its pairs."""
    for context in sweep.contexts:
        for level in sweep.levels:
            terms = versus(context, level, sweep.control)
            if level == sweep.control or terms[0].key not in sweep.arms.states or obstacle(sweep.arms, metric, terms):
                continue
            found = contrast(sweep.arms, metric, terms)
            assert found is not None
            mine, plain = rule.estimate(found, "difference"), PLAIN.estimate(found, "difference")
            if mine and mine.p is not None and plain and plain.p is not None:
                yield (context, level), mine, plain


def intervals(source: Measured, shape: str, seeds: int, grids: int, rng: np.random.Generator) -> dict[str, float]:
    """Return coverage, family error and power of grids in which nothing matters."""
    covered, plainly, false, falsely, found, plainly_found = [], [], [], [], [], []
    for _ in range(grids):
        grid = draw(source, shape, seeds, rng)
        rule = learn_rule(grid.sweeps, "test_accuracy")
        for sweep in grid.sweeps:
            rows = list(differences(sweep, rule))
            for mine, family, power, covers in ((1, false, found, covered), (2, falsely, plainly_found, plainly)):
                estimates = [row[mine] for row in rows]
                covers += [one.low <= 0 <= one.high for one in estimates]  # type: ignore[operator]
                family.append(any(p < ALPHA for p in adjusted(estimates)))
                moved = [replace(one, mean=one.mean + EFFECT) for one in estimates]
                power += [p < ALPHA for p in adjusted(moved)]
    rates = (covered, plainly, false, falsely, found, plainly_found)
    names = ("coverage", "plain coverage", "family error", "plain family error", "power", "plain power")
    return {name: float(np.mean(rate)) for name, rate in zip(names, rates, strict=True)}


def adjusted(estimates: list[Estimate]) -> list[float]:
    """Return the p-values of a study, adjusted."""
    return [p if p is not None else 1.0 for p in holm([one.p for one in estimates])]


def discoveries(source: Measured, seeds: int, grids: int, rng: np.random.Generator) -> dict[str, float]:
    """Return the share of false ones among better and worse over a whole grid, where only large effects are true."""
    shares = []
    for _ in range(grids):
        grid = draw(source, "resampled", seeds, rng, effect=True)
        rule = learn_rule(grid.sweeps, "test_accuracy")
        true = false = 0
        for (_, arms), sweep in zip(source.studies, grid.sweeps, strict=True):
            means = arms.set_index(["context", "level"])["mean"]
            rows = list(differences(sweep, rule))
            for (key, *_), p in zip(rows, adjusted([row[1] for row in rows]), strict=True):
                effect = means[key] - means[(key[0], sweep.control)]
                if p < ALPHA:
                    true, false = (true + 1, false) if abs(effect) > 0.05 else (true, false + 1)
        shares.append(false / max(true + false, 1))
    return {"false discoveries": float(np.mean(shares))}


def claims(source: Measured, seeds: int, grids: int, rng: np.random.Generator) -> dict[str, float]:
    """Return how often claims of 1, 4 and 16 comparisons get a wrong verdict, each where it is most likely.

    Supported and too small: every true difference lies on the margin. Contradicted: every one is zero.
    """
    wrong: dict[str, list[bool]] = {"supported": [], "too small": [], "contradicted": []}
    for _ in range(grids):
        grid = draw(source, "resampled", seeds, rng)
        rules = {"test_accuracy": learn_rule(grid.sweeps, "test_accuracy")}
        for sweep in grid.sweeps:
            null = sweep.arms
            keys = [key for key in null.states if key[1] != sweep.control]
            border = Simulated({k: null.drawn[k] + MARGIN * (k in keys) for k in null.states}, "test_accuracy")
            for size in (1, 4, 16):
                chosen = [keys[at] for at in rng.permutation(len(keys))[:size]]
                asked = tuple(Comparison("test_accuracy", k[1], sweep.control, "higher", MARGIN, k[0]) for k in chosen)
                claim = Claim("id", "words", "source", asked)
                verdict = judge_claim(claim, border, rules).verdict
                for name in ("supported", "too small"):
                    wrong[name].append(verdict.startswith(name))
                wrong["contradicted"].append(judge_claim(claim, null, rules).verdict == "contradicted")
    return {f"false {name}": float(np.mean(rate)) for name, rate in wrong.items()}


def seeds_needed(source: Measured, seeds: int, grids: int, rng: np.random.Generator) -> dict[str, float]:
    """Return how often the true number of seeds for 80 % power lies in the range that an open comparison prints.

    True differences are those measured in the grid, resampled.
    """
    within, printed = [], []
    measured_effects = np.concatenate([effects_of(arms) for _, arms in source.studies])
    for _ in range(grids):
        grid = draw(source, "normal", seeds, rng)
        rule = learn_rule(grid.sweeps, "test_accuracy")
        prior = rule.priors["difference"]
        for sweep, true in zip(grid.sweeps, grid.spreads, strict=True):
            others = [key for key in sweep.arms.states if key[1] != sweep.control]
            for key in (others[at] for at in rng.permutation(len(others))[:4]):
                effect = float(rng.choice(measured_effects))
                moved = sweep.arms.drawn | {key: sweep.arms.drawn[key] + effect}
                asked = Comparison("test_accuracy", key[1], sweep.control, "higher", MARGIN, key[0])
                arms = Simulated(moved, "test_accuracy")
                claim = judge_claim(Claim("id", "words", "source", (asked,)), arms, {"test_accuracy": rule})
                if claim.verdict != "open" or claim.seeds is None or prior is None:
                    continue
                a, b = true[key], true[(key[0], sweep.control)]
                spread = np.sqrt(a * a + b * b - 2 * grid.shared * a * b)
                needed = max(true_need(effect, spread, prior), seeds + 1)
                low, high = claim.seeds.low or MOST + 1, claim.seeds.high or np.inf
                within.append(low <= needed <= high)
                printed.append(min(high, MOST + 1) / low)
    return {"need in range": float(np.mean(within)), "width of range": float(np.median(printed))}


def effects_of(arms: pd.DataFrame) -> np.ndarray:
    """Return the measured differences to the control of a study."""
    control = arms[arms["control"]].set_index("context")["mean"]
    rest = arms[~arms["control"]]
    return (rest["mean"] - rest["context"].map(control)).to_numpy()


def true_need(effect: float, spread: float, prior: Prior) -> float:
    """Return the least number of seeds whose moderated t settles a difference of `effect` four times in five.

    By quadrature over the sample variance: `spread` is the true standard deviation of a pair. Beyond 100: infinity.
    """
    counts = np.arange(2, MOST + 1)[:, None]
    own = counts - 1.0
    variance = spread**2 * stats.chi2.ppf((np.arange(40) + 0.5) / 40, own) / own
    if np.isinf(prior.freedom):
        freedom, shrunk = np.full_like(own, prior.pooled), np.full_like(variance, prior.variance)
    else:
        freedom = np.minimum(prior.freedom + own, prior.pooled)
        shrunk = (prior.freedom * prior.variance + own * variance) / (prior.freedom + own)
    critical = special.stdtrit(freedom, 1 - ALPHA / 2) * np.sqrt(shrunk / counts)
    error = spread / np.sqrt(counts)
    # Supported above the margin, contradicted below zero, too small between the margins.
    beyond = special.ndtr((effect - MARGIN - critical) / error)
    under = special.ndtr((-effect - critical) / error)
    inside = np.maximum(
        special.ndtr((MARGIN - critical - effect) / error) - special.ndtr((critical - MARGIN - effect) / error), 0.0
    )
    # A small negative difference may be both contradicted and too small; either settles it.
    power = np.minimum(beyond + np.maximum(under, inside), 1.0).mean(axis=1)
    enough = np.flatnonzero(power >= POWER)
    return float(enough[0] + 2) if len(enough) else np.inf


def epochs(source: Measured, seeds: int, grids: int, rng: np.random.Generator) -> dict[str, float]:
    """Return the coverage of differences of epochs to a target: whole, judged every second epoch, cut off at twenty.

    The moment a run gets there scatters by one and a half epochs around its arm's measured mean; the truth is the
    mean of the epochs counted.
    """
    covered = []
    for _ in range(grids):
        sweeps, truths = [], []
        for _, arms in source.studies:
            drawn, censored, truth = {}, {}, {}
            for row in arms.dropna(subset="epochs_0").itertuples():
                key = (row.context, row.level)
                middle, spread = np.mean([row.epochs_0, row.epochs_1, row.epochs_2]), rng.uniform(0.5, 2.5)
                values, truth[key] = counted_epochs(middle, spread, rng.standard_normal(seeds))
                drawn[key], censored[key] = values, int((values > EPOCHS).sum())
            sweeps.append(
                Sweep(
                    Simulated(drawn, "epochs_to_target", censored),
                    list(dict.fromkeys(arms["level"])),
                    str(arms.loc[arms["control"], "level"].iloc[0]),
                    list(dict.fromkeys(arms["context"])),
                )
            )
            truths.append(truth)
        rule = learn_rule(sweeps, "epochs_to_target")
        for sweep, truth in zip(sweeps, truths, strict=True):
            for key, mine, _ in differences(sweep, rule, "epochs_to_target"):
                true = truth[key] - truth[(key[0], sweep.control)]
                covered.append(mine.low - 1e-9 <= true <= mine.high + 1e-9)  # type: ignore[operator]
    return {"coverage of epochs": float(np.mean(covered))}


def counted_epochs(middle: float, spread: float, luck: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the epochs at which runs are seen to have got there, and their true mean."""

    def seen(moment: np.ndarray) -> np.ndarray:
        epoch = np.maximum(np.ceil(moment / EVERY) * EVERY, EVERY)
        return np.where(epoch > EPOCHS, EPOCHS + 1.0, epoch)

    # Behind the moment a run gets there the next look follows: half a step later on average.
    moments = middle - EVERY / 2 + spread * luck
    quantiles = special.ndtri((np.arange(400) + 0.5) / 400)
    return seen(moments), float(seen(middle - EVERY / 2 + spread * quantiles).mean())


def adaptive(source: Measured, seeds: int, grids: int, rng: np.random.Generator) -> dict[str, float]:
    """Return what seeds added where something is open cost and find, beside all seeds everywhere (`train.adaptive`).

    Up to four times the seeds, at looks that double. Runs are those of all arms; found are true effects over 5 points
    that are told from none. Family errors are those of grids in which nothing matters.
    """
    schedule = looks(seeds, 4 * seeds)
    spent, found, fixed, false, falsely = [], [], [], [], []
    for number in range(grids):
        grid = draw(source, "resampled", schedule[-1], rng, effect=number % 2 == 0)
        counts, sweeps, rule = added(grid.sweeps, schedule)
        everywhere = learn_rule(grid.sweeps, "test_accuracy")
        for (_, arms), here, whole, count in zip(source.studies, sweeps, grid.sweeps, counts, strict=True):
            means = arms.set_index(["context", "level"])["mean"]
            some, all_ = (told(*pair) for pair in ((here, rule), (whole, everywhere)))
            if number % 2:
                false.append(bool(some))
                falsely.append(bool(all_))
                continue
            true = {key for key in count if abs(means[key] - means[(key[0], whole.control)]) > 0.05}
            spent.append((sum(count.values()), len(count) * schedule[-1]))
            found.append(len(true & some))
            fixed.append(len(true & all_))
    runs, most = np.sum(spent, axis=0)
    return {
        "runs spent adaptively": float(runs / most),
        "found adaptively, of what all seeds find": float(np.sum(found) / max(np.sum(fixed), 1)),
        "adaptive family error": float(np.mean(false)),
        "family error of all seeds": float(np.mean(falsely)),
    }


def added(whole: list[Sweep], schedule: list[int]) -> tuple[list[dict[Key, int]], list[Sweep], Rule]:
    """Return the seeds of every arm, the grid with these alone, and its rule: as harness.campaign.adaptive does."""
    counts = [dict.fromkeys(sweep.arms.states, schedule[0]) for sweep in whole]
    # After the last look nothing is added.
    for before, after in pairwise([*schedule, schedule[-1]]):
        sweeps = [replace(sweep, arms=first(sweep.arms, count)) for sweep, count in zip(whole, counts, strict=True)]
        rule = replace(learn_rule(sweeps, "test_accuracy"), looks=len(schedule))
        for sweep, count in zip(sweeps, counts, strict=True):
            rows = list(differences(sweep, rule))
            for (key, mine, _), p in zip(rows, adjusted([row[1] for row in rows]), strict=True):
                way: Direction = "higher" if mine.mean > 0 else "lower"
                asked = Comparison("test_accuracy", key[1], sweep.control, way, 0.0, key[0])
                if p >= ALPHA and worth(seeds_to_decide(mine, asked, rule.priors["difference"]), schedule[-1]):
                    for one in (key, (key[0], sweep.control)):
                        count[one] = after if count[one] == before else count[one]
    return counts, sweeps, rule


def first(arms: Arms, counts: dict[Key, int]) -> Simulated:
    """Return arms with their first so many seeds; the others are missing."""
    assert isinstance(arms, Simulated)
    cut = {key: np.where(np.arange(len(values)) < counts[key], values, np.nan) for key, values in arms.drawn.items()}
    return Simulated(cut, arms.metric)


def told(sweep: Sweep, rule: Rule) -> set[Key]:
    """Return the levels that are told from their control."""
    rows = list(differences(sweep, rule))
    return {row[0] for row, p in zip(rows, adjusted([row[1] for row in rows]), strict=True) if p < ALPHA}


def main() -> None:
    """Simulate, print one table, and keep it with date and versions."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--grids", type=int, default=2000, help="simulated grids in all, for the coverage")
    arguments.add_argument("--measure", type=Path, metavar="RUNS", help="add the grid of these records to noise.csv")
    arguments.add_argument("--name", default="generated", help="its name there")
    asked = arguments.parse_args()
    if asked.measure:
        measure(asked.measure, asked.name)
        return
    each = max(1, asked.grids // (len(SHARED) * len(SHAPES) * len(SEEDS)))
    with ProcessPoolExecutor(len(SHARED)) as pool:
        rows = [row for part in pool.map(figures, SHARED, [each] * len(SHARED)) for row in part]
    print(table(rows))
    RESULTS.mkdir(exist_ok=True)
    body = {"date": date.today().isoformat(), "python": platform.python_version(), "numpy": np.__version__}
    (RESULTS / "calibration.json").write_text(json.dumps(body | {"grids": asked.grids, "rows": rows}, indent=1) + "\n")


def figures(name: str, grids: int) -> list[dict[str, Any]]:
    """Return every figure of one measured grid: a row for each number of seeds, and for each shape where it matters."""
    source, rows = measured(name), []
    for seeds in SEEDS:
        rng = np.random.default_rng([seeds, len(name)])
        for shape in SHAPES:
            rows.append({"grid": name, "seeds": seeds, "shape": shape, **intervals(source, shape, seeds, grids, rng)})
            print(rows[-1], flush=True)
        # More than 40 seeds nobody spends.
        parts = (discoveries, claims, epochs, seeds_needed, *((adaptive,) if seeds < max(SEEDS) else ()))
        for part in parts:
            rows.append({"grid": name, "seeds": seeds, **part(source, seeds, grids, rng)})
            print(rows[-1], flush=True)
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """Return the figures as a table of Markdown, by seeds: the mean over shapes and grids, the least and the most."""
    frame = pd.DataFrame(rows)
    names = [name for name in frame if name not in ("grid", "seeds", "shape")]
    lines = ["| | " + " | ".join(f"{seeds} seeds" for seeds in SEEDS) + " |", "|---" * (len(SEEDS) + 1) + "|"]
    for name in names:
        by = frame.groupby("seeds")[name].agg(["mean", "min", "max"])
        unit = 1 if name.startswith("width") else 100
        cells = (
            "-" if by.loc[n].isna().any() else "{:.1f} ({:.1f} to {:.1f})".format(*by.loc[n] * unit) for n in SEEDS
        )
        lines.append(f"| {name}{'' if unit == 1 else ', %'} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
