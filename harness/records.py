"""The store of runs: append-only, one folder per fingerprint, each there whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import SettingError
from harness.spec import RunResult

RECORD = "record.json"
ARRAYS = "arrays.npz"


class Store:
    """Records under `root/<fingerprint>/`, and the plan that says which of them are current."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root)
        self.plan_path = self.root.with_name("plan.json")

    def write(self, result: RunResult) -> None:
        """Add one record by rename; a record that is there already stays as it is."""
        self.root.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.root.parent))
        try:
            # mkdtemp makes a private folder; a shared cache must be able to read the record.
            partial.chmod(0o755)
            body = {key: value for key, value in asdict(result).items() if key != "arrays"}
            (partial / RECORD).write_text(json.dumps(body, indent=1, allow_nan=False) + "\n")
            if result.arrays:
                np.savez_compressed(partial / ARRAYS, **result.arrays)  # type: ignore[arg-type]
            os.rename(partial, self.root / result.fingerprint)
        except OSError:
            if not self.has(result.fingerprint):
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def has(self, fingerprint: str) -> bool:
        """Say whether the run has been recorded."""
        return (self.root / fingerprint / RECORD).is_file()

    def read(self, fingerprint: str) -> RunResult:
        """Return one record without its arrays; SettingError if it is missing or damaged."""
        path = self.root / fingerprint / RECORD
        try:
            return RunResult(**json.loads(path.read_text()))
        except FileNotFoundError as error:
            raise SettingError(f"no record of run {fingerprint} in {self.root}; run `dvc repro`") from error
        except (ValueError, TypeError) as error:
            raise SettingError(f"{path} is damaged ({error}); delete its folder and run `dvc repro`") from error

    def arrays(self, fingerprint: str, prefix: str = "") -> dict[str, np.ndarray]:
        """Return the arrays of one record whose names start with `prefix` (none if it has none); others aren't read."""
        path = self.root / fingerprint / ARRAYS
        if not path.is_file():
            return {}
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files if name.startswith(prefix)}

    def missing(self, fingerprints: Iterable[str]) -> set[str]:
        """Return those that have no record yet."""
        return {fingerprint for fingerprint in fingerprints if not self.has(fingerprint)}

    def write_plan(self, plan: dict[str, Any]) -> None:
        """Replace `plan.json`, which says what the studies are and which records belong to them."""
        self.plan_path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.plan_path.with_suffix(".partial")
        partial.write_text(json.dumps(plan, indent=1) + "\n")
        partial.replace(self.plan_path)

    def read_plan(self) -> dict[str, Any]:
        """Return the plan of the last `train`; SettingError if there is none."""
        try:
            return json.loads(self.plan_path.read_text())
        except FileNotFoundError as error:
            raise SettingError(f"{self.plan_path} is missing; run `dvc repro train` first") from error
