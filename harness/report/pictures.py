"""Pictures for the pages, from what the procedures left: of each class, and of what a level does to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.summary import StudySummary
from harness.quantities import PRIMARY, quantity
from harness.report.pages.registry import Bench

WORDS = {
    "augmentation": "One training picture at six draws, each with the same luck under every level.",
    "preprocessing": (
        "Four training pictures as each level hands them to the net: the least value black, the greatest white."
    ),
}


@dataclass(frozen=True)
class Strip:
    """A row of pictures: a data address, what it is of, and what is said beside it."""

    source: str
    name: str
    words: str = ""


@dataclass(frozen=True)
class Gallery:
    """Strips with what they have in common."""

    words: str
    strips: tuple[Strip, ...]


def source(png: str) -> str:
    """Return a PNG in base64 as the address of an image."""
    return f"data:image/png;base64,{png}"


def of_classes(bench: Bench) -> Gallery | None:
    """Return a strip of every class, with how well the recipe knows it where a study has trained just that."""
    found = bench.found("pictures")
    if found is None:
        return None
    known = class_accuracy(bench.summaries, bench.plan["base"])
    shown = quantity(PRIMARY)
    strips = [
        Strip(source(png), name, f"{shown.value(known[name])} right" if name in known else "")
        for name, png in found["classes"].items()
        if png
    ]
    more = f" and {found['more_classes']} more" if found["more_classes"] else ""
    return Gallery(f"Training pictures of {len(strips)} classes{more}.", tuple(strips))


def class_accuracy(summaries: Sequence[StudySummary], base: dict[str, Any]) -> dict[str, float]:
    """Return the mean test accuracy by class of the first arm that changes nothing of the recipe; empty if none."""
    for summary in summaries:
        for arm in summary.tables.plan["arms"]:
            table = summary.tables.per_class
            mine = table[(table["context"] == arm["context"]) & (table["level"] == str(arm["level"]))]
            if arm["settings"] == base and not mine.empty:
                return {str(name): float(value) for name, value in mine.groupby("class")["accuracy"].mean().items()}
    return {}


def of_levels(bench: Bench, summary: StudySummary) -> Gallery | None:
    """Return what each level of a study of pictures does to the same ones; None for any other study."""
    factor = str(summary.tables.plan["factor"])
    found = bench.found("pictures") if factor in WORDS else None
    if found is None:
        return None
    strips: dict[str, Strip] = {}
    for arm in summary.tables.plan["arms"]:
        setting = arm["settings"][factor]
        name, arguments = next(iter(setting.items())) if isinstance(setting, dict) else (setting, {})
        one = found[factor].get(name)
        # A level with arguments of its own was not drawn.
        if one is not None and one["arguments"] == one["arguments"] | (arguments or {}):
            strips.setdefault(str(arm["level"]), strip_of(str(arm["level"]), one))
    return Gallery(WORDS[factor], tuple(strips.values())) if strips else None


def strip_of(level: str, one: dict[str, Any]) -> Strip:
    """Return the strip of one level, with the values it spans where they are known."""
    words = f"{one['low']:.2f} to {one['high']:.2f}".replace("-", "\u2212") if "low" in one else ""
    return Strip(source(one["strip"]), level, words)
