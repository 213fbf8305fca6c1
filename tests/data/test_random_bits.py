"""Random numbers by counter: the published algorithm, and real permutations."""

import numpy as np

from harness.data.random_bits import random_order, random_words


def test_first_words_are_those_of_splitmix64() -> None:
    # From the reference implementation in C with the seed 1234567.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    words = random_words(1234567, np.arange(1, 4, dtype=np.uint64))
    assert [int(word) for word in words] == expected


def test_order_is_a_permutation_decided_by_its_key() -> None:
    order = random_order(5, 1000)
    assert sorted(order) == list(range(1000))
    assert np.array_equal(order, random_order(5, 1000))
    assert not np.array_equal(order, random_order(6, 1000))
