"""What everything comes to: the last lines in the terminal, and the few numbers of `dvc metrics`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.analysis import claim_sentences, sentences
from harness.analysis.counts import Runs
from harness.analysis.statistics import Estimate
from harness.analysis.summary import StudySummary
from harness.analysis.verdicts import Verdict
from harness.core.records import Store
from harness.quantities import PRIMARY, quantity
from harness.report.lanes import Factor, factors
from harness.report.pages.registry import Bench


@dataclass(frozen=True)
class Result:
    """The result of a whole bench.

    unfinished: how many trained runs ended otherwise than done, by status. verdicts: of the claims that runs can
    contradict; checks: of those that hold by arithmetic. control: the accuracy of the control that most studies share.
    gain: the study whose best level gains most for sure. preflight: titles of checks by state.
    """

    runs: Runs
    unfinished: Mapping[str, int]
    verdicts: Mapping[Verdict, int]
    checks: Mapping[Verdict, int]
    control: Estimate | None
    gain: Factor | None
    preflight: Mapping[str, Sequence[str]]
    index: Path

    @classmethod
    def of(cls, bench: Bench, store: Store) -> "Result":
        """Take it from the summaries of all studies."""
        runs = Runs.of(bench.plan["studies"])
        gains = [one for one in factors(bench.summaries) if one.gain and not one.gain.unsteady]
        flight = (bench.found("preflight") or {"checks": []})["checks"]
        return cls(
            runs,
            unfinished(runs, bench.summaries, store),
            claim_sentences.tally(bench.claims),
            claim_sentences.tally(bench.claims, checks=True),
            shared_control(bench.summaries),
            gains[0] if gains else None,
            {state: [one["title"] for one in flight if one["state"] == state] for state in ("failed", "look")},
            # As seen from the folder that the commands run in.
            Path(bench.out.name) / "index.html",
        )

    @property
    def lines(self) -> list[str]:
        """What the terminal says at the end; the last line is the result."""
        page = self.index.with_name("preflight.html")
        words = {"failed": "preflight failed", "look": "preflight, to be looked at"}
        told = [f"{words[state]}: {', '.join(titles)} ({page})" for state, titles in self.preflight.items() if titles]
        return [*told, f"{self.runs}", "; ".join([self.claimed, self.ended, f"open {self.index}"])]

    @property
    def claimed(self) -> str:
        """Return `31 of 42 claims supported, 3 contradicted, 8 open`."""
        total = sum(self.verdicts.values())
        first, *others = self.verdicts.items()
        named = [f"{count} {verdict}" for verdict, count in others if count]
        words = [f"{first[1]} of {sentences.plural(total, 'claim')} {first[0]}", *named] if total else ["no claims"]
        return ", ".join(words) + self.arithmetic

    @property
    def arithmetic(self) -> str:
        """Say how many claims hold by arithmetic, where there are such."""
        total = sum(self.checks.values())
        return f" ({self.checks['holds']} of {total} more hold by arithmetic)" if total else ""

    @property
    def ended(self) -> str:
        """Return `12 runs did not finish (11 diverged, 1 timed out)`."""
        if not self.unfinished:
            return "all runs finished"
        how = ", ".join(f"{count} {status}" for status, count in self.unfinished.items())
        return f"{sentences.plural(sum(self.unfinished.values()), 'run')} did not finish ({how})"

    @property
    def metrics(self) -> dict[str, Any]:
        """Return the headline metrics for `dvc metrics` and `dvc exp show`; everything else is in the tables."""
        found: dict[str, Any] = {}
        if self.control:
            found["control"] = {PRIMARY: round(self.control.mean, 4)}
        found["claims"] = {name.replace(" ", "_"): count for name, count in self.verdicts.items()}
        found["claims"]["failed_checks"] = self.checks["fails"]
        found["runs"] = {"trained": len(self.runs.trained), "unfinished": sum(self.unfinished.values())}
        if self.gain and self.gain.gain:
            lane, shown = self.gain.gain, quantity(PRIMARY)
            found["largest_gain"] = {
                "points": round(lane.mean * shown.scale, 2),
                "at_least": round(lane.sure * shown.scale, 2),
                "level": f"{self.gain.summary.name}: {lane.level}",
            }
        return found


def unfinished(runs: Runs, summaries: Sequence[StudySummary], store: Store) -> dict[str, int]:
    """Return how many trained runs did not finish, by status, most first; each counts once."""
    status: dict[str, str] = {}
    for summary in summaries:
        for table in (summary.tables.runs, summary.tables.tuning):
            if not table.empty:
                status.update(zip(table["fingerprint"], table["status"], strict=True))
    # No table has those that ensembles alone average.
    status |= {print_: store.read(print_).status for print_ in runs.hidden}
    ended = Counter(status[print_] for print_ in sorted(runs.trained) if status[print_] != "done")
    return dict(ended.most_common())


def shared_control(summaries: Sequence[StudySummary]) -> Estimate | None:
    """Return the accuracy of the control whose runs most studies share, as the first of them shows it."""
    found: dict[tuple[str, ...], list[Estimate | None]] = {}
    for summary in summaries:
        table = summary.tables.runs
        for context in summary.contexts:
            rows = table[(table["context"] == context.name) & (table["level"] == context.control.level)]
            found.setdefault(tuple(sorted(rows["fingerprint"])), []).append(context.control.primary.value)
    return max(found.values(), key=len)[0] if found else None
