"""The tables of the report as LaTeX (booktabs), each with the interval and the test named in its caption."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from harness.analysis.rules import PLAIN, Rules
from harness.analysis.sentences import seeds_of
from harness.analysis.statistics import Estimate
from harness.analysis.summary import COSTS, StudySummary, all_arms
from harness.analysis.verdicts import JudgedClaim
from harness.quantities import Quantity, quantity
from harness.quantities.quantity import TRUE_MINUS
from harness.report.limits import within_difference

SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", TRUE_MINUS: "$-$", "–": "--", "²": r"\textsuperscript{2}",
    "\u00a0": "~",
}  # fmt: skip
INTERVAL = "in brackets the 95 % interval over seeds"
LONG = 30  # rows; a table with more is broken over pages
SMALL = r"\footnotesize\setlength{\tabcolsep}{3pt}"
LETTERS = 78  # of that size in a line of LaTeX's article


def escape(text: object) -> str:
    """Return text as LaTeX prints it as written."""
    return "".join(SPECIAL.get(letter, letter) for letter in str(text))


def write_tables(summary: StudySummary, out: Path) -> dict[str, str]:
    """Write the tables of a study under `out`; return {what it holds: path relative to `out`}."""
    made = {
        "levels": table(levels(summary), caption_of_levels(summary), f"tab:{summary.name}"),
        "metrics": table(metrics(summary), caption_of_metrics(summary), f"tab:{summary.name}-metrics"),
        "costs": table(costs(summary), caption_of_costs(summary), f"tab:{summary.name}-costs"),
    }
    if summary.claims:
        body, caption = claims(summary.claims), f"{title(summary)}: the claims, judged. {CLAIMS}"
        made["claims"] = table(body, caption, f"tab:{summary.name}-claims")
    paths = {name: f"tables/{summary.name}_{name}.tex" for name in made}
    for name, text in made.items():
        (out / paths[name]).write_text(text, encoding="utf-8")
    return paths


def table(frame: pd.DataFrame, caption: str, label: str) -> str:
    """Return a table of texts as LaTeX; needs the packages booktabs and array, and longtable where it is long."""
    escaped, long = frame.map(escape).rename(columns=escape), len(frame) > LONG
    text = escaped.to_latex(
        index=False,
        column_format=column_format(frame),
        caption=escape(caption),
        label=label,
        longtable=long,
        position=None if long else "htbp",
    )
    # A float begins anew in the usual size, so that the small one has to be set within.
    return f"{{{SMALL}\n{text}}}\n" if long else text.replace("\n", f"\n{SMALL}\n", 1)


def column_format(frame: pd.DataFrame) -> str:
    """Return columns that fit a line: as wide as they are where all do, else the widest broken into lines."""
    widths = [max(map(len, [str(name), *frame[name]])) for name in frame]
    room = LETTERS - len(widths)
    kept: list[int] = []
    # The narrowest keep their width as long as they take no more than their part of what is left.
    for place in sorted(range(len(widths)), key=widths.__getitem__):
        left = room - sum(widths[one] for one in kept)
        if widths[place] <= left / (len(widths) - len(kept)):
            kept.append(place)
    broken = [place for place in range(len(widths)) if place not in kept]
    # A word can't be broken; what is left over goes to those that have most to break.
    words = [max(len(word) for cell in [str(name), *frame[name]] for word in cell.split() or [""]) for name in frame]
    spare = max(0, room - sum(widths[one] for one in kept) - sum(words[place] for place in broken))
    over = sum(widths[place] - words[place] for place in broken) or 1

    def column(place: int) -> str:
        if place not in broken:
            return "l" if place == 0 else "r"
        share = (words[place] + spare * (widths[place] - words[place]) / over) / LETTERS
        return rf">{{\raggedright\arraybackslash}}p{{{share:.3f}\linewidth}}"

    return "".join(column(place) for place in range(len(widths)))


def written(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of numbers and names as texts, numbers in four digits, a dash where there is none."""

    def write(value: object) -> str:
        return "–" if pd.isna(value) else f"{value:.4g}" if isinstance(value, float) else str(value)  # type: ignore[call-overload]

    return frame.map(write).rename(columns=lambda name: str(name).replace("_", " "))


def with_interval(estimate: Estimate | None, shown: Quantity, difference: bool = False) -> str:
    """Return `71.2 [69.9, 72.5]`; a dash where there is nothing, the mean alone where it has no interval."""
    if estimate is None:
        return "–"

    def write(number: float) -> str:
        return shown.difference(number, unit=False) if difference else shown.value(number, unit=False)

    ends = "" if estimate.low is None or estimate.high is None else f" [{write(estimate.low)}, {write(estimate.high)}]"
    return write(estimate.mean) + ends


def probability(p: float | None) -> str:
    """Return a p-value in three digits."""
    return "–" if p is None else "< 0.001" if p < 0.0005 else f"{p:.3f}"


def test_of(rules: Rules, metric: str) -> str:
    """Return the name of the test by which differences of a quantity are judged."""
    if quantity(metric).kind == "event":
        return "exact unconditional test (Santner and Snell 1980)"
    rule = rules.get(metric, PLAIN)
    pairs = "paired" if rule.paired else "unpaired (Welch and Satterthwaite)"
    return f"{pairs} moderated t (Smyth 2004)" if rule.priors.get("difference") else "paired Student's t"


def title(summary: StudySummary) -> str:
    """Return the title of a study."""
    return str(summary.tables.plan["title"])


def unit_of(unit: str) -> str:
    """Return a unit as the head of a column has it."""
    return f" ({unit})" if unit else ""


def levels(summary: StudySummary) -> pd.DataFrame:
    """Return the main table: a row per context and level."""
    rows = []
    for arm in all_arms(summary):
        one, shown = arm.primary, quantity(arm.primary.metric)
        rows.append(
            {
                "context": arm.context,
                str(summary.tables.plan["factor"]).replace("_", " "): arm.level,
                shown.label + unit_of(shown.unit): with_interval(one.value, shown),
                "difference" + unit_of(shown.difference_unit): with_interval(
                    within_difference(one.difference, one.metric), shown, difference=True
                ),
                "adjusted p": probability(one.p_adjusted),
                "unfinished": str(sum(arm.unfinished.values())),
            }
        )
    frame = pd.DataFrame(rows)
    return frame if len(summary.contexts) > 1 else frame.drop(columns="context")


def metrics(summary: StudySummary) -> pd.DataFrame:
    """Return every quantity of a study: a row per quantity, context and level, with the test of each."""
    rows = []
    for one in summary.metrics:
        shown = quantity(one.metric)
        rows.append(
            {
                "quantity": shown.label + unit_of(shown.unit),
                "context": one.context,
                "level": one.level,
                "mean": with_interval(one.value, shown),
                "difference": with_interval(within_difference(one.difference, one.metric), shown, difference=True),
                "adjusted p": probability(one.p_adjusted),
                "test": test_of(summary.rules, one.metric),
            }
        )
    return pd.DataFrame(rows)


def costs(summary: StudySummary) -> pd.DataFrame:
    """Return what the runs of each arm cost."""
    named = {name: quantity(name) for name in COSTS}
    return pd.DataFrame(
        {"context": arm.context, "level": arm.level}
        | {shown.label + unit_of(shown.unit): with_interval(arm.costs[name], shown) for name, shown in named.items()}
        for arm in all_arms(summary)
    )


def claims(judged: Iterable[JudgedClaim]) -> pd.DataFrame:
    """Return the claims: a row per comparison."""
    rows = []
    for one in judged:
        for each in one.comparisons:
            asked, shown = each.comparison, quantity(each.comparison.metric)
            more = f" less {asked.more_than}" if asked.more_than else ""
            rows.append(
                {
                    "claim": one.claim.id,
                    "comparison": f"{shown.label}: {asked.level} against {asked.against}, {asked.context}{more}",
                    "expected": f"{asked.direction}, {shown.difference(asked.margin, sign=False, short=True)}",
                    "difference": with_interval(each.difference, shown, difference=True),
                    "verdict": one.verdict,
                }
            )
    return pd.DataFrame(rows, columns=["claim", "comparison", "expected", "difference", "verdict"])


CLAIMS = (
    f"Difference: {INTERVAL}, each by the test of its quantity; the expected direction is followed by its margin. "
    "Supported: every interval lies beyond its margin; contradicted: one surely lies on the other side of zero, "
    "one-sided 2.5 %, adjusted over the comparisons of the claim (Holm 1979)."
)


def caption_of_levels(summary: StudySummary) -> str:
    """Return what the main table holds, with seeds, interval and test."""
    shown = quantity(summary.contexts[0].arms[0].primary.metric)
    return (
        f"{title(summary)}: {shown.label} and its difference to {summary.tables.control}, mean over "
        f"{seeds_of(all_arms(summary))}, {INTERVAL}; "
        f"{test_of(summary.rules, 'test_accuracy')}, p adjusted over all levels and contexts (Holm 1979)."
    )


def caption_of_metrics(summary: StudySummary) -> str:
    """Return what the table of quantities holds."""
    return (
        f"{title(summary)}: every quantity, and its difference to {summary.tables.control}; {INTERVAL}, by the test in "
        "the last column, p adjusted over all levels and contexts (Holm 1979)."
    )


def caption_of_costs(summary: StudySummary) -> str:
    """Return what the table of costs holds."""
    return f"{title(summary)}: what a run costs, mean over seeds; {INTERVAL} (Student's t of these seeds), no test."
