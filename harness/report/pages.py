"""The pages: what each template is given. To add a page, register a function under `@page(file name)`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from harness.analysis import sentences
from harness.analysis.quantities import PRIMARY, quantity
from harness.analysis.statistics import smallest_p
from harness.analysis.summary import ContextSummary, StudySummary, all_arms
from harness.analysis.verdicts import JudgedClaim
from harness.report.figures.overview import overview
from harness.report.figures.registry import all_figures
from harness.report.figures.style import styled
from harness.report.svg import inline_svg

TEMPLATES = Path(__file__).with_name("templates")
COST_METRICS = ["train_seconds", "images_per_second", "parameters", "peak_memory_bytes"]


@dataclass(frozen=True)
class Bench:
    """What a page may draw on: the plan, the studies, where MLflow is, and the folder of the report."""

    plan: dict[str, Any]
    summaries: tuple[StudySummary, ...]
    tracking: dict[str, Any] | None
    out: Path


@dataclass(frozen=True)
class Shown:
    """A figure as a template places it."""

    anchor: str
    title: str
    caption: str
    svg: Markup


Page = Callable[[Bench], str]
PAGES: dict[str, Page] = {}


def page(name: str) -> Callable[[Page], Page]:
    """Register a function that returns the HTML of the file `name`."""

    def register(write: Page) -> Page:
        PAGES[name] = write
        return write

    return register


@page("index.html")
def index_page(bench: Bench) -> str:
    """Return the front page: one answer per study."""
    claims = [judged for summary in bench.summaries for judged in summary.claims]
    return template("index.html").render(
        bench=bench,
        overview=overview_figure(bench),
        tally=sentences.tally(claims),
        claims=claims,
        cost=total_cost(bench),
    )


@page("claims.html")
def claims_page(bench: Bench) -> str:
    """Return the page of every claim with its verdict."""
    claims = [judged for summary in bench.summaries for judged in summary.claims]
    return template("claims.html").render(bench=bench, tally=sentences.tally(claims), claims=claims)


def write_study_page(bench: Bench, summary: StudySummary, tables: dict[str, str]) -> None:
    """Write the page of one study; `tables` are its CSV files, relative to the page."""
    html = template("study.html").render(
        bench=bench,
        summary=summary,
        study=summary.tables.plan,
        figures={context.name: figures(summary, context) for context in summary.contexts},
        tables=tables,
        unfinished=sum(sum(arm.unfinished.values()) for arm in all_arms(summary)),
        tuning=tuning_cost(summary),
    )
    (bench.out / f"{summary.name}.html").write_text(html)


def figures(summary: StudySummary, context: ContextSummary) -> list[Shown]:
    """Return every figure of one context, drawn."""
    shown = []
    for name, draw in all_figures():
        with styled():
            for drawing in draw(summary, context):
                anchor = slug(f"{name}-{drawing.part}-{context.name}")
                svg = Markup(inline_svg(drawing.figure, f"svg-{anchor}", drawing.label))
                shown.append(Shown(anchor, drawing.title, drawing.caption, svg))
    return shown


def overview_figure(bench: Bench) -> Shown | None:
    """Return the figure of how much each factor matters, if any study has a difference to show."""
    with styled():
        drawing = overview(bench.summaries)
        if drawing is None:
            return None
        svg = Markup(inline_svg(drawing.figure, "svg-overview", drawing.label))
    return Shown("overview", drawing.title, drawing.caption, svg)


def slug(text: str) -> str:
    """Return text as an id: lower case, words joined by hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def evidence(judged: JudgedClaim) -> str | None:
    """Return the anchor of the figure that shows a claim's first measured comparison."""
    for one in judged.comparisons:
        if one.difference is not None:
            metric, context = one.comparison.metric, one.comparison.context
            return slug(f"differences-{context}" if metric == PRIMARY else f"metric-{metric}-{context}")
    return None


def total_cost(bench: Bench) -> dict[str, float]:
    """Return runs and their seconds over all studies, a run that several studies use counted once."""
    seconds: dict[str, float] = {}
    for summary in bench.summaries:
        for table in (summary.tables.runs, summary.tables.tuning):
            if not table.empty:
                seconds.update(zip(table["fingerprint"], table["train_seconds"], strict=True))
    return {"runs": len(seconds), "seconds": sum(value for value in seconds.values() if value == value)}


def tuning_cost(summary: StudySummary) -> dict[str, float] | None:
    """Return runs and seconds that tuning took, or None without tuning."""
    table = summary.tables.tuning
    if table.empty:
        return None
    return {"runs": len(table), "seconds": float(table["train_seconds"].sum())}


def duration(seconds: float) -> str:
    """Return seconds as people say them: `45 s`, `12 min`, `3.4 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plain(value: Any) -> str:
    """Return a setting as a reader would write it: `leaky_relu (slope 0.1)`, `0.05`, `yes`."""
    if isinstance(value, dict) and len(value) == 1:
        ((name, arguments),) = value.items()
        return f"{name} ({', '.join(f'{key} {plain(each)}' for key, each in (arguments or {}).items())})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def template(name: str) -> Template:
    """Return a template."""
    return environment().get_template(name)


@cache
def environment() -> Environment:
    """Return Jinja with the helpers that all templates use."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        sentences=sentences,
        quantity=quantity,
        primary=quantity(PRIMARY),
        cost_metrics=COST_METRICS,
        evidence=evidence,
        smallest_p=smallest_p,
        style=Markup((TEMPLATES / "style.css").read_text()),
    )
    environment.filters.update(
        slug=slug,
        plain=plain,
        duration=duration,
        words=lambda text: text.replace("_", " "),
        sum_values=lambda counts: sum(counts.values()),
    )
    return environment
