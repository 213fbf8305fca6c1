"""The results of a report in Markdown, for a pull request."""

from collections.abc import Sequence

from harness.analysis import claim_sentences, sentences
from harness.analysis.summary import StudySummary, all_arms
from harness.analysis.verdicts import JudgedClaim
from harness.core.written import PlanJson
from harness.quantities import quantity
from harness.report.lanes import factors, in_words

SPECIAL = "\\`*_{}[]<>#|"


def escape(text: object) -> str:
    """Return text as Markdown shows it as written, on one line."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in " ".join(str(text).split()))


def summary_text(plan: PlanJson, summaries: Sequence[StudySummary], judged: Sequence[tuple[str, JudgedClaim]]) -> str:
    """Return the budget, what to do and avoid, the answers of the studies, the claims, and what did not finish."""
    claims = [claim for _, claim in judged]
    counts = {name: count for name, count in claim_sentences.tally(claims).items() if count}
    checks = {name: count for name, count in claim_sentences.tally(claims, checks=True).items() if count}
    lines = ["# Which training choices matter?", "", escape(sentences.budget(plan)), ""]
    lines += [f"- **{name}**: {escape(words)}." for name, words in in_words(factors(summaries)).items()]
    lines += ["", "| study | context | answer |", "|---|---|---|"]
    for summary in summaries:
        for context in summary.contexts:
            answer = sentences.headline(context, summary.tables.plan["factor"])
            lines.append(f"| {escape(summary.tables.plan['title'])} | {escape(context.name)} | {escape(answer)} |")
    if claims:
        told = ", ".join(f"{count} {name}" for name, count in (counts | checks).items())
        lines += ["", f"Claims: {told}.", "", "| claim | verdict | first difference, 95 % interval |", "|---|---|---|"]
        lines += [claim_row(one) for one in claims]
    unfinished = {one.name: sum(sum(arm.unfinished.values()) for arm in all_arms(one)) for one in summaries}
    lost = ", ".join(f"{escape(name)} {count}" for name, count in unfinished.items() if count)
    lines += ["", f"Runs that did not finish: {lost or 'none'}."]
    return "\n".join(lines).replace("\u00a0", " ") + "\n"


def claim_row(one: JudgedClaim) -> str:
    """Return one claim as a row of a table."""
    first = next((each for each in one.comparisons if each.difference), None)
    found = ""
    if first and first.difference:
        shown = quantity(first.comparison.metric)
        found = f"{shown.difference(first.difference.mean)} ({sentences.interval(first.difference, shown)})"
    return f"| {escape(one.claim.words)} | {escape(claim_sentences.verdict(one))} | {escape(found)} |"
