"""What a study file claims and measures -> comparisons, each name checked."""

from collections.abc import Iterable
from pathlib import Path

from harness.core.errors import SettingError, choices
from harness.core.study import Claim, Comparison, Context, Edit
from harness.planning.files import ClaimFile, ExpectFile, StudyFile, WhereFile
from harness.probes import PROBE
from harness.quantities import QUANTITIES


def read_claim(
    claim: ClaimFile, file: StudyFile, labels: list[str], contexts: tuple[Context, ...], path: Path
) -> Claim:
    """Return a claim with one comparison for every level and context that it names."""
    where = f"{path}: claim {claim.id}"
    known = {context.name: context for context in contexts}
    comparisons = []
    for expect in claim.expect:
        for part in (expect, expect.where):
            if part:
                check_metric(part.metric, file.probes, where)
        for name in (*(expect.contexts or ()), *([expect.more_than] if expect.more_than else ())):
            check_name(name, known, where)
        for level in [expect.level] if isinstance(expect.level, str) else expect.level:
            compared = [
                named
                for part in (expect, expect.where)
                if part
                for named in (part.level if isinstance(part.level, str) else level, against_of(part, file.control))
                if isinstance(named, str)
            ]
            for name in compared:
                check_name(name, labels, where)
            # By default every context in which the levels are swept.
            swept = [one.name for one in contexts if all(one.sweeps(name) for name in compared)]
            for context in expect.contexts or swept:
                if lacking := [name for name in (context, expect.more_than or context) if name not in swept]:
                    levels = ", ".join(map(repr, dict.fromkeys(compared)))
                    raise SettingError(f"{where} compares {levels} in {lacking[0]!r}, which sweeps other levels alone")
                comparisons.append(read_comparison(expect, level, context, file.control))
    edited = tuple(Edit(one.after, one.because) for one in claim.edited)
    return Claim(claim.id, claim.words, claim.source, tuple(comparisons), claim.check, claim.because, edited)


def against_of(part: ExpectFile | WhereFile, control: str) -> str | float:
    """Return what is compared with: the control, if nothing is named."""
    return control if part.against is None else part.against


def read_comparison(expect: ExpectFile, level: str, context: str, control: str) -> Comparison:
    """Return what a claim expects of one level in one context, with where it is meant to hold."""
    asked, given = expect.where, None
    if asked:
        against = against_of(asked, control)
        given = Comparison(asked.metric, asked.level or level, against, asked.direction, asked.margin, context)
    against = against_of(expect, control)
    return Comparison(expect.metric, level, against, expect.direction, expect.margin, context, expect.more_than, given)


def check_metric(name: str, probes: Iterable[str], where: str) -> str:
    """Return the name of a metric; refuse one that no run of the study will have."""
    probes = list(probes)
    known = [one for one, measured in QUANTITIES.items() if measured.probe in (None, *probes)]
    if name in known:
        return name
    if name in QUANTITIES:
        owner = str(QUANTITIES[name].probe)
        PROBE.get(owner, f"the quantity {name}")
        lacking = ", ".join([*probes, owner])
        raise SettingError(f"{where}: {name} is measured by a probe; add to the study: probes: [{lacking}]")
    raise SettingError(f"unknown metric {name!r} in {where}; {choices(name, known)}")


def check_name(name: str, valid: Iterable[str], where: str) -> None:
    """Refuse a level or context that the study does not have."""
    valid = list(valid)
    if name not in valid:
        raise SettingError(f"{where} names {name!r}, which the study does not have; {choices(name, valid)}")
