"""The menu on every page, and the way from study to study."""

from dataclasses import dataclass

from harness.core.written import StudyJson
from harness.report.pages.registry import Bench

# Page -> title and what it shows, of the pages beside the studies; those that need a procedure's results name it.
PROCEDURES = {
    "preflight.html": ("preflight", "Training step by step", "what to check before a long training, checked here."),
    "surfaces.html": ("surfaces", "Update rules on a surface", "the path of every optimizer over two weights."),
}
LECTURE = {
    "lecture.html": ("The lecture, claim by claim", "every claim in the order of the slides, with its verdicts.")
}
COMPARE = {"compare.html": ("Compare any arms", "two to six levels side by side, also of different studies.")}
NOTES = {"notes.html": ("Slips in the lecture", "what the slides print, what is right, what it changes.")}


@dataclass(frozen=True)
class Entry:
    """A page in the menu."""

    link: str
    title: str
    study: str


def beside(bench: Bench) -> dict[str, tuple[str, str]]:
    """Return page -> (title, what it shows) of the pages beside the studies that there are."""
    there = {
        page: (title, shows)
        for page, (procedure, title, shows) in PROCEDURES.items()
        if (bench.data / f"{procedure}.json").is_file()
    }
    claimed = any(study["claims"] for study in bench.plan["studies"] + bench.plan["dropped"])
    return COMPARE | (LECTURE if claimed else {}) | there | NOTES


def studies(bench: Bench) -> list[Entry]:
    """Return the studies of the plan in its order."""
    return [Entry(f"{study['name']}.html", str(study["title"]), study["name"]) for study in bench.plan["studies"]]


def neighbours(bench: Bench, study: StudyJson) -> tuple[Entry | None, Entry | None]:
    """Return the studies before and after one, None at either end."""
    entries = studies(bench)
    at = [entry.link for entry in entries].index(f"{study['name']}.html")
    return (entries[at - 1] if at else None), (entries[at + 1] if at + 1 < len(entries) else None)
