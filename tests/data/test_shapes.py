"""The shapes: mirror images of themselves, distinct, inside their stencils."""

import numpy as np
import pytest

from harness.data.shapes import SHAPES, stencils

COVERAGE = stencils(128, 5)


@pytest.mark.parametrize("number", range(len(SHAPES)), ids=list(SHAPES))
def test_a_flip_keeps_the_shape(number: int) -> None:
    difference = np.abs(COVERAGE[number] - COVERAGE[number][:, ::-1])
    assert difference.mean() < 3


def test_shapes_differ_and_leave_the_border_free() -> None:
    flat = COVERAGE.reshape(len(SHAPES), -1)
    distances = np.abs(flat[:, None] - flat[None]).mean(axis=2) + 256 * np.eye(len(SHAPES))
    assert distances.min() > 5
    assert COVERAGE[:, 0].max() == COVERAGE[:, :, 0].max() == 0
    assert COVERAGE.min() == 0
    assert COVERAGE.max() == 256
