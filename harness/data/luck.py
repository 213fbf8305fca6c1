"""The draws that decide a synthetic picture: by name and number, so that adding one leaves the others alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.seeding import derive
from harness.data.random_bits import Words, random_words
from harness.data.sources import Indices

Integers = NDArray[np.int32]


@dataclass(frozen=True)
class Luck:
    """The draws of some pictures: each decided by (key, name of the draw, number of the picture)."""

    key: int
    numbers: Indices

    def words(self, name: str, each: int) -> Words:
        """Return 64 random bits per value, uint64 (pictures, each)."""
        counter = self.numbers.astype(np.uint64)[:, None] * np.uint64(each) + np.arange(each, dtype=np.uint64)[None, :]
        return random_words(derive(self.key, name), counter)

    def grid(self, name: str, side: int) -> Integers:
        """Return values 0..255, int32 (pictures, side, side)."""
        return (self.words(name, side * side) >> np.uint64(56)).astype(np.int32).reshape(-1, side, side)

    def draw(self, name: str, low: int, high: int) -> Integers:
        """Return a value in low .. high per picture, int32 (pictures, 1, 1): ready to meet pixels."""
        top = self.words(name, 1)[:, :, None] >> np.uint64(32)
        return ((top * np.uint64(high - low + 1)) >> np.uint64(32)).astype(np.int32) + np.int32(low)
