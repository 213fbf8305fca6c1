"""(seed, stream) -> an independent source of luck. Never the level: every arm gets the same draws."""

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derive(seed: int, stream: str) -> int:
    """Return a 63-bit seed for one stream ('split', 'order', 'augment', 'init:conv1.weight' ...).

    A digest keeps streams independent of one another and equal on every machine.
    """
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, stream: str, device: str = "cpu") -> "torch.Generator":
    """Return a torch generator on `device` that only (seed, stream) decides."""
    import torch

    return torch.Generator(device=device).manual_seed(derive(seed, stream))


def numpy_generator(seed: int, stream: str) -> np.random.Generator:
    """Return a NumPy generator that only (seed, stream) decides."""
    return np.random.default_rng(derive(seed, stream))
