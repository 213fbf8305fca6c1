"""Why runs will be trained: what has changed since the newest record of each."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from harness.core.errors import SettingError
from harness.core.records import Store
from harness.core.spec import Settings, plain_value
from harness.planning.fingerprint import Identity, code
from harness.planning.plan import Plan
from harness.tracking.entries import planned_runs

MOST_LINES = 12
ONE_BY_ONE = ("seed", "data", "device", "precision", "threads", "captured_step")
# Study, context, level, seed, and the value that a trial tries.
Slot = tuple[str, str, str, int, object]


def why(plan: Plan, store: Store) -> list[str]:
    """Return a line for each reason for which runs of the plan have no record, the most frequent first.

    A run is compared with the newest record of the same settings and seed, else with that which the last `train` had
    in its place: same study, context, level, seed and value tried. It may have several reasons.
    """
    counts: Counter[str] = Counter()
    newest: dict[str, Identity] = {}
    known = dict(store.identities())
    for one in known.values():
        newest[wish(one)] = one
    earlier = last_plan(store)
    slots = slots_of(plan)
    for print_, spec in plan.pending.items():
        now = plan.target.identity(spec)
        last = next((earlier[slot] for slot in slots.get(print_, []) if slot in earlier), None)
        before = newest.get(wish(now)) or (known.get(last) if last else None)
        if before:
            counts.update(changes(before, now))
        elif last and store.has(last):
            counts["a record made before reasons were kept"] += 1
        else:
            counts["never trained before"] += 1
    lines = [f"  {count:,}: {reason}" for reason, count in counts.most_common()]
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [f"  and {len(lines) - MOST_LINES + 1} more reasons"]
    return ["why:", *lines] if lines else []


def wish(identity: Identity) -> str:
    """Return what a user asks for in a run, whatever it is made with."""
    return json.dumps([identity.get(name) for name in ("settings", "seed", "members")], sort_keys=True)


def last_plan(store: Store) -> dict[Slot, str]:
    """Return the fingerprint in every place of the plan of the last `train`; none if there was none."""
    try:
        studies = store.read_plan()["studies"]
    except SettingError:
        return {}
    return {
        (study["name"], arm["context"], arm["level"], run["seed"], run.get("value")): run["fingerprint"]
        for study in studies
        for arm, run, _, _ in planned_runs(study)
    }


def slots_of(plan: Plan) -> dict[str, list[Slot]]:
    """Return the places of every run of a plan by its fingerprint; a folded run has several."""
    found: dict[str, list[Slot]] = {}
    for planned in plan.arms:
        arm = planned.arm
        runs: list[tuple[Any, float | None]] = [(spec, None) for spec in planned.runs]
        for spec, value in [*runs, *((trial.spec, trial.value) for trial in planned.trials)]:
            found.setdefault(spec.fingerprint, []).append((arm.study, arm.context, arm.level, spec.seed, value))
    return found


def changes(before: Identity, now: Identity) -> list[str]:
    """Return what differs between two runs, in words."""
    changed, moved = changed_code(before["code"], now["code"])
    # What a run reaches follows from all else.
    return [*changed_request(before, now), *changed] or moved


def changed_request(before: Identity, now: Identity) -> Iterator[str]:
    """Yield what differs in settings, data, device, probes and libraries."""
    asked, wanted = before.get("settings", {}), now.get("settings", {})
    for name in sorted(asked.keys() | wanted.keys()):
        old, new = (values.get(name, usual(name)) for values in (asked, wanted))
        if old != new:
            yield f"{name}: {json.dumps(old)} -> {json.dumps(new)}"
    for name in ONE_BY_ONE:
        if before.get(name) != now.get(name):
            # Nothing is said of a step that is not captured.
            old, new = (str(one.get(name, False))[:12] for one in (before, now))
            yield f"{name}: {old} -> {new}"
    for name in sorted(set(before.get("probes", [])) ^ set(now.get("probes", []))):
        yield f"probe {name} {'added' if name in now.get('probes', []) else 'no longer asked for'}"
    for name, version in now["versions"].items():
        if before["versions"].get(name, version) != version:
            yield f"{name}: {before['versions'][name]} -> {version}"


def changed_code(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> tuple[list[str], list[str]]:
    """Return the definitions that say something else than they did, and those that came or went."""
    was = {(module, name): said for module, names in before.items() for name, said in names.items()}
    is_ = {(module, name): said for module, names in now.items() for name, said in names.items()}
    changed = [f"{place(*one)} changed" for one in is_ if was.get(one, is_[one]) != is_[one]]
    return changed, [f"{place(*one)} {'new' if one in is_ else 'gone'}" for one in sorted(is_.keys() ^ was.keys())]


def place(module: str, name: str) -> str:
    """Return where a definition stands; what a module does on import has a number for a name."""
    file, bench = code().files.get(module), code().folder.parent
    path = file.relative_to(bench).as_posix() if file and file.is_relative_to(bench) else module
    return f"{path}: {'what is done on import' if name.isdigit() else name}"


def usual(name: str) -> Any:
    """Return what a setting is if nothing is said of it."""
    return {one.name: plain_value(one.default) for one in fields(Settings) if one.default is not MISSING}.get(name)
