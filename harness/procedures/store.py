"""What a procedure found, on disk: whole or not at all."""

import json
from pathlib import Path
from typing import Any


def write(path: Path, values: dict[str, Any]) -> None:
    """Replace the JSON file `path` by rename; equal values give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(path)
