"""One record: found by what a user calls it, and trained again."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import RunResult
from harness.quantities import clocked

# An ending of arrays that hold seconds.
SECONDS = "/seconds"


def names_of(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return `study · context · level · seed 2`, one for every arm that shows the run, by fingerprint."""
    names: dict[str, list[str]] = {}
    for study in plan["studies"]:
        for arm in study["arms"]:
            for run in arm["runs"]:
                title = " · ".join([study["name"], arm["context"], arm["level"], f"seed {run['seed']}"])
                names.setdefault(run["fingerprint"], []).append(title)
            for run in (arm["tuning"] or {}).get("runs", []):
                title = " · ".join([study["name"], arm["context"], arm["level"], f"tried {run['value']:g}"])
                names.setdefault(run["fingerprint"], []).append(title)
    return names


def find(store: Store, wanted: str, names: Mapping[str, Sequence[str]]) -> str:
    """Return the fingerprint that `wanted` begins, or of the one run whose name has all of its words.

    SettingError if none is meant, or several are.
    """
    words = wanted.lower().split()
    found = store.find(wanted) if len(words) == 1 else []
    if not found:
        found = [print_ for print_, titles in names.items() if any(has_words(title, words) for title in titles)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SettingError(
            f"no run is called {wanted!r}; give the beginning of a fingerprint, or words of a name such as "
            "'activation plain relu seed 0' (the report names every run)"
        )
    some = "; ".join(f"{print_} ({(names.get(print_) or ['of no present plan'])[0]})" for print_ in found[:4])
    raise SettingError(f"{len(found)} runs are called {wanted!r}: {some}{' ...' if len(found) > 4 else ''}")


def has_words(title: str, words: Sequence[str]) -> bool:
    """Say whether words occur one after the other in a title, whatever separates its parts."""
    return f" {' '.join(words)} " in f" {' '.join(title.lower().replace('·', ' ').split())} "


def differences(old: RunResult, new: RunResult) -> Iterator[tuple[str, Any, Any]]:
    """Yield what differs between two results of one run: its name, then, now. Times and memory don't count."""
    if old.status != new.status:
        yield "status", old.status, new.status
    for name in sorted(set(old.metrics) | set(new.metrics)):
        then, now = old.metrics.get(name), new.metrics.get(name)
        if then != now and not clocked(name):
            yield name, then, now
    for name in sorted(set(old.curves) | set(new.curves)):
        earlier, later = (record.curves.get(name, []) for record in (old, new))
        if not clocked(name):
            pairs = enumerate(zip_longest(earlier, later), 1)
            first = next(((entry, *pair) for entry, pair in pairs if pair[0] != pair[1]), None)
            if first:
                yield f"curve {name}, entry {first[0]}", *first[1:]
    for name in sorted(set(old.arrays) | set(new.arrays)):
        before, after = old.arrays.get(name), new.arrays.get(name)
        if not name.endswith(SECONDS) and not equal(before, after):
            yield f"array {name}", shape(before), shape(after)


def equal(then: np.ndarray | None, now: np.ndarray | None) -> bool:
    """Say whether two arrays are the same to the bit."""
    if then is None or now is None:
        return then is now
    return then.dtype == now.dtype and then.shape == now.shape and then.tobytes() == now.tobytes()


def shape(array: np.ndarray | None) -> str:
    """Return what can be said of an array in a word."""
    return "none" if array is None else f"{array.dtype} {array.shape}"
