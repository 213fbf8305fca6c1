"""The file from which a run that was cut off goes on."""

import hashlib
import io
import os
import time
from pathlib import Path
from typing import Any

import torch

DIGEST = 32  # bytes


class Checkpoint:
    """The state of one run on disk, renewed every so many seconds."""

    def __init__(self, path: Path, every_seconds: float) -> None:
        self.path, self.every_seconds = path, every_seconds
        self.saved = time.monotonic()

    def due(self) -> bool:
        """Say whether it is time to save again."""
        return time.monotonic() - self.saved >= self.every_seconds

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file by rename, a digest of its contents first."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        contents = buffer.getvalue()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(hashlib.sha256(contents).digest() + contents)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)
        self.saved = time.monotonic()

    def load(self) -> dict[str, Any] | None:
        """Return the last state that was saved; None without one, or if the file is damaged."""
        try:
            found = self.path.read_bytes()
        except FileNotFoundError:
            return None
        digest, contents = found[:DIGEST], found[DIGEST:]
        if hashlib.sha256(contents).digest() != digest:
            return None
        # Written by this program, for itself: it may hold more than tensors.
        return torch.load(io.BytesIO(contents), weights_only=False)
