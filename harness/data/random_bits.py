"""Random numbers by counter, in integers alone: number i of a stream needs none of the numbers before it."""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def random_words(key: int, counter: NDArray[np.unsignedinteger]) -> Words:
    """Return one 64-bit word per entry of `counter` (any shape), decided by (key, counter) alone.

    SplitMix64 with random access: the mixing function of Steele, Lea and Flood, "Fast splittable
    pseudorandom number generators" (OOPSLA 2014). NumPy may change the streams of its generators between
    versions (NEP 19); products and shifts of unsigned integers it may not.
    """
    words = counter.astype(np.uint64) * GOLDEN + np.uint64(key)
    words ^= words >> np.uint64(30)
    words *= np.uint64(0xBF58476D1CE4E5B9)
    words ^= words >> np.uint64(27)
    words *= np.uint64(0x94D049BB133111EB)
    words ^= words >> np.uint64(31)
    return words


def random_order(key: int, count: int) -> NDArray[np.int64]:
    """Return the numbers 0 .. count - 1 in a random order."""
    return np.argsort(random_words(key, np.arange(count, dtype=np.uint64)), kind="stable").astype(np.int64)
