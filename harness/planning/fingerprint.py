"""What a run is, as one digest: settings, seed, data, device, libraries, and the code that can change a number."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.spec import Choice, Settings
from harness.source.closure import Closure, closure
from harness.source.code import Code, digest
from harness.source.libraries import version
from harness.source.plugins import Plugin, loaded

HARNESS = Path(__file__).parents[1]
# Where a run begins, and where the record of an ensemble does: what these reach is what may change a number.
RUN = ("harness.engines.local:work", "harness.engines.preload:*")
AVERAGE = ("harness.campaign.ensemble:record_ensembles",)
# What only says how curves are read: they are in the record.
DERIVED = ("target_accuracy",)

Identity = dict[str, Any]


def code() -> Code:
    """Return the source of the bench and of the plugins that are loaded, as it was when first asked for."""
    return code_with(loaded())


@lru_cache
def code_with(plugins: tuple[Plugin, ...]) -> Code:
    """Return the source of the bench and of these plugins."""
    return Code(HARNESS, others={one.package: one.root for one in plugins})


def identity(
    settings: Settings,
    seed: int,
    data_digest: str,
    device: str,
    precision: str,
    threads: int,
    probes: Iterable[str] = (),
    captured: bool = False,
) -> Identity:
    """Return all that may change a result of a run, as plain values. `device` names the kind, one opaque text.

    Of steps captured in a graph nothing is said where there are none: no other run is trained again for their sake.
    """
    probes = sorted(set(probes))
    chosen = {"probe": probes, "step": ["captured" if captured else "eager"]}
    chosen |= {name: [value.name] for name, value in vars(settings).items() if isinstance(value, Choice)}
    return {
        "settings": {name: value for name, value in settings.effective().items() if name not in DERIVED},
        "seed": seed,
        "data": data_digest,
        "device": device,
        "precision": precision,
        "threads": threads,
        "probes": probes,
        **({"captured_step": True} if captured else {}),
        **source_of(closure(code(), RUN, chosen, [one.module for one in loaded()])),
    }


def identity_of_ensemble(members: Iterable[str]) -> Identity:
    """Return all that may change the average of these runs, by fingerprint and in this order."""
    return {"members": list(members), **source_of(closure(code(), AVERAGE, {}))}


def fingerprint(identity: Identity) -> str:
    """Return 16 hexadecimal digits that differ wherever a result might."""
    return digest(json.dumps(identity, sort_keys=True))


def source_of(reached: Closure) -> Identity:
    """Return the digest of each definition by module and name, and the versions of the libraries that they mention."""
    modules: dict[str, dict[str, str]] = {}
    for unit, said in reached.units.items():
        module, _, name = unit.partition(":")
        modules.setdefault(module, {})[name] = said
    return {"versions": {name: version(name) for name in sorted(reached.libraries)}, "code": modules}
