"""Any two to six arms side by side, also of different studies."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harness.analysis import sentences
from harness.analysis.statistics import Estimate
from harness.analysis.summary import ContextSummary, StudySummary, all_arms
from harness.report import carried
from harness.report.pages.registry import Bench, page
from harness.report.templating import plain, template

MOST = 6  # arms that fit side by side


@dataclass(frozen=True)
class Row:
    """One arm in the table of all."""

    study: str
    title: str
    context: str
    level: str
    runs: int
    value: Estimate | None


@page("compare.html", order=2)
def compare_page(bench: Bench) -> str:
    """Return the page; what is compared is chosen in the browser, or by the address."""
    data = carried.of_studies(bench.summaries)
    base = written(bench.plan["base"])
    found = {(one.name, arm.context, arm.level): arm for one in bench.summaries for arm in all_arms(one)}
    titles = {one.name: str(one.tables.plan["title"]) for one in bench.summaries}
    rows = []
    for one in data["arms"]:
        arm = found[one["study"], one["context"], one["level"]]
        one["settings"] = {name: value for name, value in written(arm.settings).items() if base.get(name) != value}
        rows.append(Row(one["study"], titles[one["study"]], arm.context, arm.level, arm.runs, arm.primary.value))
    environments = [each for one in bench.summaries for each in one.tables.environments]
    return template("compare.html").render(
        bench=bench,
        here="compare.html",
        arms=rows,
        carried=data | {"base": base, "titles": titles},
        warning=sentences.machines(environments),
    )


def written(settings: dict[str, Any]) -> dict[str, str]:
    """Return settings as a reader would write them."""
    return {name: plain(value) for name, value in settings.items()}


def link_to(summary: StudySummary, context: ContextSummary) -> str:
    """Return the address that shows the levels of a context side by side, the control first, six at most."""
    arms = sorted(context.arms, key=lambda arm: not arm.is_control)[:MOST]
    names = ["/".join(quote(part, safe="") for part in (summary.name, arm.context, arm.level)) for arm in arms]
    return f"compare.html#compare?arms={quote(','.join(names), safe='')}"
