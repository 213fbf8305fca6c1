"""How many runs a plan has, in the words that train, report and track share, so that their numbers add up."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.core.written import StudyJson


@dataclass(frozen=True)
class Runs:
    """The fingerprints of a plan, each once, however many studies and contexts share it.

    shown: trained runs that a study shows, judged or tuning. hidden: trained runs that ensembles alone average.
    ensembles: averages, which are not trained.
    """

    shown: frozenset[str]
    hidden: frozenset[str]
    ensembles: frozenset[str]

    @classmethod
    def of(cls, studies: Iterable[StudyJson]) -> "Runs":
        """Read them from the studies of a plan."""
        runs = list(every_run(studies))
        ensembles = frozenset(run["fingerprint"] for run in runs if run.get("members"))
        shown = frozenset(run["fingerprint"] for run in runs) - ensembles
        members = frozenset(str(member) for run in runs for member in run.get("members") or ())
        return cls(shown, members - shown, ensembles)

    @property
    def trained(self) -> frozenset[str]:
        """Every run that was trained."""
        return self.shown | self.hidden

    def __str__(self) -> str:
        """Return `133 runs, 4 of them for ensembles alone, and 3 ensembles`."""
        alone = f", {len(self.hidden)} of them for ensembles alone," if self.hidden else ""
        return plural(len(self.trained), "run") + alone + self.and_ensembles

    @property
    def and_ensembles(self) -> str:
        """Return ` and 3 ensembles`, or nothing."""
        return f" and {plural(len(self.ensembles), 'ensemble')}" if self.ensembles else ""


def every_run(studies: Iterable[StudyJson]) -> Iterator[Mapping[str, Any]]:
    """Yield every judged and every tuning run of studies, as often as it is shown."""
    for study in studies:
        for arm in study["arms"]:
            yield from arm["runs"]
            if tuning := arm.get("tuning"):
                yield from tuning["runs"]


def plural(count: int, what: str) -> str:
    """Return `1 run`, `3 runs`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
