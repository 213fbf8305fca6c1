"""Jinja with the few helpers that the templates use. Everything is escaped unless it is Markup."""

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from harness.analysis import claim_sentences, diagnosis, sentences
from harness.analysis.predictions import report_id
from harness.core.spec import slug
from harness.quantities import PRIMARY, quantity
from harness.report import beside, navigation
from harness.report.also import also
from harness.report.forest import forest
from harness.report.limits import within, within_difference
from harness.report.placing import evidence

TEMPLATES = Path(__file__).with_name("templates")
COST_METRICS = ["train_seconds", "images_per_second", "parameters", "peak_memory_bytes"]


def template(name: str) -> Template:
    """Return a template by its file name."""
    return environment().get_template(name)


@cache
def environment() -> Environment:
    """Return Jinja with globals and filters set."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Compact, in the order given, and never a number that JSON lacks.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    environment.globals.update(
        diagnosis=diagnosis,
        sentences=sentences,
        claim_sentences=claim_sentences,
        quantity=quantity,
        primary=quantity(PRIMARY),
        cost_metrics=COST_METRICS,
        evidence=evidence,
        forest=forest,
        also=also,
        grids=beside,
        navigation=navigation,
        policy=policy(),
        report_id=report_id,
        script=script,
        within=within,
        within_difference=within_difference,
        style=Markup(short("style.css")),
    )
    environment.filters.update(slug=slug, plain=plain, duration=duration, words=words, total=total)
    return environment


@cache
def code(name: str) -> str:
    """Return what stands between the script tags for a file of the templates."""
    return f"\n{short(name)}"


def short(name: str) -> str:
    """Return a script or a style without indentation and lines of comment, which thirty pages would repeat."""
    lines = (line.strip() for line in (TEMPLATES / name).read_text(encoding="utf-8").splitlines())
    return "".join(f"{line}\n" for line in lines if line and not line.startswith(("//", "/*")))


def script(name: str) -> Markup:
    """Return a file of the templates as an inline script."""
    return Markup(f"<script>{code(name)}</script>")


def policy() -> str:
    """Return the content-security policy of a page: nothing is fetched, and no script runs but the bench's own.

    Figures carry their looks in style attributes, so those are allowed.
    """
    digests = (sha256(code(path.name).encode()).digest() for path in sorted(TEMPLATES.glob("*.js")))
    own = " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {own}; "
        "base-uri 'none'; form-action 'none'"
    )


def words(name: str) -> str:
    """Return a name of the code as words: `learning rate`."""
    return name.replace("_", " ")


def total(counts: Mapping[str, int]) -> int:
    """Return the sum of counts by name."""
    return sum(counts.values())


def duration(seconds: float) -> str:
    """Return seconds as people say them: `45 s`, `12 min`, `3.4 h`."""
    if seconds < 90:
        return f"{seconds:.0f}\u00a0s"
    return f"{seconds / 60:.0f}\u00a0min" if seconds < 5400 else f"{seconds / 3600:.1f}\u00a0h"


def plain(value: Any) -> str:
    """Return a setting as a reader would write it: `leaky_relu (slope 0.1)`, `0.05`, `yes`."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, arguments),) = value.items()
        return f"{name} ({', '.join(f'{key} {plain(each)}' for key, each in (arguments or {}).items())})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
