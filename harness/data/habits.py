"""Where a class of synthetic pictures is usually met, and what colour it usually has.

As in photographs, where ships lie on water and frogs are green, colour tells something of the class and never all: a
ground or a colour is shared by two or three classes, and every second picture breaks the habit. How often it is kept
was chosen so that a linear model tells about as many pictures as it does of CIFAR-10 (docs/decisions.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.data.luck import Integers, Luck
from harness.data.shapes import SHAPES
from harness.data.sources import Labels

Kept = NDArray[np.bool_]

# Grey level 0..255; hue in 1/1024 of a turn, where red is 256, green 939 and blue 597; chroma 0..120.
GROUNDS = {"sky": (190, 650, 60), "grass": (95, 970, 60), "earth": (140, 160, 60), "night": (50, 600, 25)}
# Hue and chroma; a thing is as bright as its ground lets it be seen.
COLOURS = {"gold": (90, 100), "red": (256, 60), "blue": (600, 60), "green": (910, 60), "pink": (420, 60)}
HABITS = {
    "disk": ("sky", "gold"),
    "ring": ("grass", "gold"),
    "crescent": ("earth", "red"),
    "square": ("sky", "blue"),
    "hexagon": ("night", "blue"),
    "triangle": ("grass", "green"),
    "cross": ("sky", "green"),
    "star": ("earth", "red"),
    "heart": ("grass", "pink"),
    "flower": ("night", "pink"),
}
# Of 256 pictures, how many keep the habit of their class.
GROUND_KEPT = 125
COLOUR_KEPT = 135

USUAL_GROUND = np.array([GROUNDS[HABITS[name][0]] for name in SHAPES], dtype=np.int32)
USUAL_COLOUR = np.array([COLOURS[HABITS[name][1]] for name in SHAPES], dtype=np.int32)


@dataclass(frozen=True)
class Colours:
    """What a surface is coloured around; each int32 (n, 1, 1)."""

    level: Integers
    hue: Integers
    chroma: Integers


def grounds(luck: Luck, labels: Labels) -> Colours:
    """Return the colours of the grounds."""
    level, hue, chroma = USUAL_GROUND[labels].T[:, :, None, None]
    kept = luck.draw("ground habit", 0, 255) < GROUND_KEPT
    level = np.where(kept, level + luck.draw("ground usual level", -20, 20), luck.draw("ground level", 20, 235))
    return Colours(level, *around(luck, "ground", kept, hue, chroma))


def things(luck: Luck, labels: Labels, level: Integers) -> Colours:
    """Return the colours of the shapes that are the labels, as bright as `level` (n, 1, 1)."""
    hue, chroma = USUAL_COLOUR[labels].T[:, :, None, None]
    kept = luck.draw("subject habit", 0, 255) < COLOUR_KEPT
    return Colours(level, *around(luck, "subject", kept, hue, chroma))


def around(luck: Luck, name: str, kept: Kept, hue: Integers, chroma: Integers) -> tuple[Integers, Integers]:
    """Return hue and chroma: near the usual ones where the habit is `kept`, anything elsewhere."""
    near = hue + luck.draw(f"{name} usual hue", -170, 170), chroma + luck.draw(f"{name} usual chroma", -20, 20)
    free = luck.draw(f"{name} hue", 0, 1023), luck.draw(f"{name} chroma", 0, 120)
    return np.where(kept, near[0], free[0]), np.where(kept, near[1], free[1])
