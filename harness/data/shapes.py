"""The ten shapes that decide the class of a synthetic picture, drawn with whole numbers alone.

Each is its own mirror image, so that a horizontal flip keeps the class (the crescent opens upwards).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Inside = Callable[[Integers, Integers], NDArray[np.bool_]]

# One radius of a shape is UNIT; a stencil covers REACH on each side of the centre.
UNIT = 1024
REACH = 1536

SHAPES: dict[str, Inside] = {}


def shape(function: Inside) -> Inside:
    """Add a shape: a function that says which points (x to the right, y down, in UNIT) lie inside."""
    SHAPES[function.__name__] = function
    return function


def polygon(x: Integers, y: Integers, corners: list[tuple[int, int]]) -> NDArray[np.bool_]:
    """Say which points a ray to the right leaves through an odd number of edges."""
    inside = np.zeros(np.broadcast(x, y).shape, dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        inside ^= (y0 <= y) & (y < y1) & ((x - x0) * (y1 - y0) < (x1 - x0) * (y - y0))
    return inside


def circle(x: Integers, y: Integers, radius: int) -> NDArray[np.bool_]:
    """Say which points are nearer than `radius` to the origin."""
    return x * x + y * y < radius * radius


@shape
def disk(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """A filled circle."""
    return circle(x, y, 900)


@shape
def ring(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """A circle with a hole."""
    return circle(x, y, 960) & ~circle(x, y, 520)


@shape
def crescent(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """A ring broken at its top: a moon on its back."""
    return circle(x, y, 960) & ~circle(x, y + 420, 700)


@shape
def square(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Four equal sides."""
    return np.maximum(abs(x), abs(y)) < 800


@shape
def hexagon(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Six equal sides, a corner at the top."""
    return polygon(x, y, [(0, -980), (849, -490), (849, 490), (0, 980), (-849, 490), (-849, -490)])


@shape
def triangle(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Three equal sides, a corner at the top."""
    return polygon(x, y, [(0, -1060), (980, 700), (-980, 700)])


@shape
def cross(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Two bars of equal length."""
    return (np.minimum(abs(x), abs(y)) < 330) & (np.maximum(abs(x), abs(y)) < 960)


@shape
def star(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Five points, one at the top."""
    right = [(0, -1120), (294, -324), (1065, -346), (476, 175), (658, 906), (0, 500)]
    return polygon(x, y, right + [(-a, b) for a, b in right[-2:0:-1]])


@shape
def heart(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Two lobes above a corner."""
    lobes = circle(abs(x) - 440, y + 330, 540)
    return lobes | polygon(x, y, [(-880, -20), (0, 1000), (880, -20), (0, -330)])


@shape
def flower(x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Five petals around a centre, one at the top."""
    inside = circle(x, y, 500)
    for a, b in [(0, -620), (590, -192), (364, 502), (-364, 502), (-590, -192)]:
        inside |= circle(x - a, y - b, 400)
    return inside


def stencils(size: int, softness: int) -> NDArray[np.int32]:
    """Return coverage 0..256 of every shape, int32 (shapes, size, size), over -REACH..REACH on both axes.

    Edges fade over `softness` cells (odd, so that nothing shifts).
    """
    centres = (np.arange(size, dtype=np.int64) * 2 + 1) * REACH // size - REACH
    y, x = centres[:, None], centres[None, :]
    inside = np.stack([function(x, y) for function in SHAPES.values()]).astype(np.int64)
    for axis in (1, 2):
        inside = box_sum(inside, softness, axis)
    return (inside * 256 // softness**2).astype(np.int32)


def box_sum(values: Integers, width: int, axis: int) -> Integers:
    """Return the sum of the `width` neighbours along `axis`, with zeros beyond the border."""
    pad = [(0, 0)] * values.ndim
    pad[axis] = (width // 2 + 1, width // 2)
    total = np.cumsum(np.pad(values, pad), axis=axis)
    length = values.shape[axis]
    return np.take(total, range(width, width + length), axis) - np.take(total, range(length), axis)
