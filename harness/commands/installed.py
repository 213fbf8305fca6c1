"""Stage installed, of benches outside of this repository."""

import json
from pathlib import Path

from harness.core.console import console
from harness.source.plugins import INSTALLED


def installed() -> None:
    """Write which packages, in which versions and with which source, a bench works with; `dvc repro` goes by it."""
    from harness.source.plugins import packages

    Path(INSTALLED).parent.mkdir(parents=True, exist_ok=True)
    found = packages()
    Path(INSTALLED).write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    console.print(f"{INSTALLED}: {len(found['versions'])} packages")
