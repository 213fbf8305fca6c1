"""The store of runs: append-only, one folder per fingerprint, each there whole or not at all."""

import glob
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from harness.core.errors import SettingError
from harness.core.spec import RunResult
from harness.core.written import PlanJson

RECORD = "record.json"
ARRAYS = "arrays.npz"
IDENTITY = "identity.json"
RECORDS = "records"  # the name of the cache
CHECKPOINTS = "checkpoints"  # that of the folder beside it


def cache_folder(project: Path) -> Path | None:
    """Return where records outlive every command of DVC: beside its own cache, of which `dvc gc` knows each name.

    Temporary copies that DVC trains in are told where the cache of the project is; worktrees of git share that of the
    first. None where there is no DVC.
    """
    dvc = project / ".dvc"
    if not dvc.is_dir():
        return None
    for name in ("config.local", "config"):
        parser = ConfigParser(strict=False, interpolation=None)
        parser.read(dvc / name, encoding="utf-8")
        if folder := parser.get("cache", "dir", fallback=None):
            return (dvc / Path(folder).expanduser() / RECORDS).resolve()
    git = ("git", "rev-parse", "--path-format=absolute", "--git-common-dir")
    try:
        found = subprocess.run(git, cwd=project, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        found = ""
    first = Path(found).parent / ".dvc"
    return ((first if found and first.is_dir() else dvc) / "cache" / RECORDS).resolve()


@contextmanager
def new_folder(target: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a folder to fill, which then becomes `target` as a whole or not at all; one that is there stays."""
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent.parent))
    try:
        # mkdtemp makes a private folder; a shared cache must be able to read the record.
        partial.chmod(0o755)
        yield partial
        if durable:
            on_disk(*partial.iterdir(), partial)
        os.rename(partial, target)
        if durable:
            on_disk(target.parent)
    except OSError:
        if not (target / RECORD).is_file():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def on_disk(*paths: Path) -> None:
    """Wait until the bytes of files, or the names in folders, would outlive a power cut."""
    for path in paths:
        opened = os.open(path, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def discard(cache: Path, days: int) -> int:
    """Remove the records or checkpoints that no training of the last `days` used; return how many."""
    before = time.time() - days * 24 * 3600
    old = [path for path in cache.iterdir() if path.stat().st_mtime <= before] if cache.is_dir() else []
    for path in old:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return len(old)


def link(source: Path, target: Path) -> None:
    """Give the files of a record a second name, or copies where the file system can't."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not waited for: what has two names can't be lost, and a name is soon given again.
    with new_folder(target, durable=False) as partial:
        for path in source.iterdir():
            try:
                os.link(path, partial / path.name)
            except OSError:
                shutil.copyfile(path, partial / path.name)


class Store:
    """Records under `root/<fingerprint>/`, and the plan that says which of them are current.

    `root` is an output of DVC, which empties it as it likes. With a `cache` every record lies there first, in `root`
    under a second name: what was trained once is found again, whatever became of `root`.
    """

    def __init__(self, root: Path | str, cache: Path | None = None) -> None:
        self.root, self.cache = Path(root), cache
        self.plan_path = self.root.with_name("plan.json")
        # The states of runs that were cut off, by fingerprint.
        self.checkpoints = (cache or self.root).with_name(CHECKPOINTS)

    def write(self, result: RunResult, identity: dict[str, Any] | None = None) -> None:
        """Add one record by rename; a record that is there already stays as it is.

        `identity` is what its fingerprint is the digest of: what a later run may differ in.
        """
        place = self.cache or self.root
        place.mkdir(parents=True, exist_ok=True)
        with new_folder(place / result.fingerprint) as partial:
            body = json.dumps(result.to_json(), indent=1, allow_nan=False)
            (partial / RECORD).write_text(body + "\n", encoding="utf-8")
            if identity:
                # Some hundred digests of definitions, which nobody reads line by line.
                (partial / IDENTITY).write_text(json.dumps(identity, separators=(",", ":")) + "\n", encoding="utf-8")
            if result.arrays:
                np.savez_compressed(partial / ARRAYS, **result.arrays)  # type: ignore[arg-type]
        if self.cache:
            link(self.cache / result.fingerprint, self.root / result.fingerprint)
        (self.checkpoints / result.fingerprint).unlink(missing_ok=True)

    def adopt(self) -> None:
        """Give the cache every record of `root` that it lacks, as after `dvc pull`."""
        for folder in self.root.iterdir() if self.cache and self.root.is_dir() else ():
            if self.cache and (folder / RECORD).is_file() and not (self.cache / folder.name / RECORD).is_file():
                link(folder, self.cache / folder.name)

    def settle(self, fingerprints: Iterable[str]) -> None:
        """Make `root` hold exactly these records, each of which is there or in the cache; without one, do nothing."""
        if not self.cache:
            return
        wanted = set(fingerprints)
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in self.root.iterdir():
            if folder.name not in wanted:
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
        for fingerprint in wanted:
            if not (self.root / fingerprint / RECORD).is_file():
                link(self.cache / fingerprint, self.root / fingerprint)
            # When it was last of use, for those who clear up.
            os.utime(self.cache / fingerprint)

    def has(self, fingerprint: str) -> bool:
        """Say whether the run has been recorded."""
        return (self._folder(fingerprint) / RECORD).is_file()

    def _folder(self, fingerprint: str) -> Path:
        """Return where a record is, or would be looked for."""
        own = self.root / fingerprint
        return self.cache / fingerprint if self.cache and not (own / RECORD).is_file() else own

    def read(self, fingerprint: str) -> RunResult:
        """Return one record without its arrays; SettingError if it is missing or damaged."""
        path = self._folder(fingerprint) / RECORD
        try:
            return RunResult.from_json(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise SettingError(f"no record of run {fingerprint} in {self.root}; run `dvc repro`") from error
        except (ValueError, TypeError) as error:
            folders = [str(place / fingerprint) for place in (self.root, self.cache) if place]
            remedy = f"delete {' and '.join(folders)} and run `dvc repro`"
            raise SettingError(f"{path} is damaged ({error}); {remedy}") from error

    def written(self, fingerprint: str) -> float:
        """Return when a record was written, in seconds since 1970."""
        return (self._folder(fingerprint) / RECORD).stat().st_mtime

    def arrays(self, fingerprint: str, prefix: str = "") -> dict[str, np.ndarray]:
        """Return the arrays of one record whose names start with `prefix` (none if it has none); others aren't read."""
        path = self._folder(fingerprint) / ARRAYS
        if not path.is_file():
            return {}
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files if name.startswith(prefix)}

    def find(self, beginning: str) -> list[str]:
        """Return the fingerprints of all records that begin so."""
        folders = [place for place in (self.root, self.cache) if place and place.is_dir()]
        return sorted({path.name for place in folders for path in place.glob(f"{glob.escape(beginning)}*")})

    def identities(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (fingerprint, identity) of every record that has one, the oldest first."""
        places = [place for place in (self.root, self.cache) if place and place.is_dir()]
        found = {path.parent.name: path for place in places for path in place.glob(f"*/{IDENTITY}")}
        for path in sorted(found.values(), key=lambda path: path.stat().st_mtime):
            try:
                yield path.parent.name, json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                # Half a file tells nothing; its record is read, and complained of, elsewhere.
                continue

    def missing(self, fingerprints: Iterable[str]) -> set[str]:
        """Return those that have no record yet."""
        return {fingerprint for fingerprint in fingerprints if not self.has(fingerprint)}

    def write_plan(self, plan: PlanJson) -> None:
        """Replace `plan.json`, which says what the studies are and which records belong to them."""
        self.plan_path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.plan_path.with_suffix(".partial")
        partial.write_text(json.dumps(plan, indent=1) + "\n")
        partial.replace(self.plan_path)

    def read_plan(self) -> PlanJson:
        """Return the plan of the last `train`; SettingError if there is none or it is damaged."""
        # What trains on a machine of its own writes records and reads no plan.
        from pydantic import TypeAdapter, ValidationError

        try:
            plan = json.loads(self.plan_path.read_text(encoding="utf-8"))
            TypeAdapter(PlanJson).validate_python(plan)
        except FileNotFoundError as error:
            raise SettingError(f"{self.plan_path} is missing; run `dvc repro train` first") from error
        except (ValueError, ValidationError) as error:
            found = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
            place = ".".join(map(str, found)) or "it"
            raise SettingError(
                f"{self.plan_path} is damaged or of another version: {place} can't be read; "
                "run `dvc repro --force train`"
            ) from error
        return cast(PlanJson, plan)
