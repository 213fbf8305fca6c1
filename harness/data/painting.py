"""How a synthetic picture is painted: ground, things behind, the shape and its shadow, things in front, light.

Where a class is usually met and what colour it usually has stands in `habits.py`.

Numbers are fixed-point integers throughout: coordinates and lengths in 1/1024 of half a picture, angles in
1/1024 of a turn, opacities and gains in 1/256, colours in 0..255.
"""

from dataclasses import dataclass

import numpy as np

from harness.data.habits import Colours, grounds, things
from harness.data.luck import Integers, Luck
from harness.data.shapes import REACH, SHAPES, stencils
from harness.data.sources import Images, Indices, Labels

TURN = 1024
THIRDS = np.array([0, 341, 683], dtype=np.int32)[None, :, None, None]


def sines() -> Integers:
    """Return 1024 sin over one turn, int32 (1024,).

    Bhaskara I's rational approximation (7th century), within 0.2 %: integers to the last digit, whereas
    the sine of the C library may round differently on another machine.
    """
    half = TURN // 2
    angle = np.arange(half, dtype=np.int64)
    product = angle * (half - angle)
    arch = 1024 * 16 * product // (5 * half * half - 4 * product)
    return np.concatenate([arch, -arch]).astype(np.int32)


SINE = sines()


def sine(angle: Integers) -> Integers:
    """Return 1024 sin of an angle in 1/1024 of a turn."""
    return SINE[angle & (TURN - 1)]


def cosine(angle: Integers) -> Integers:
    """Return 1024 cos of an angle in 1/1024 of a turn."""
    return sine(angle + TURN // 4)


def blend(canvas: Integers, colour: Integers, opacity: Integers) -> Integers:
    """Lay `colour` (n, 3, size or 1, size or 1) over `canvas` (n, 3, size, size) where `opacity` (n, size, size) is."""
    return canvas + ((colour - canvas) * opacity[:, None] >> 8)


def tint(level: Integers, hue: Integers, chroma: Integers) -> Integers:
    """Return colours (n, 3, 1, 1) around a grey level, of a hue and as strong as the chroma; each int32 (n, 1, 1)."""
    return level[:, None] + (chroma[:, None] * sine(hue[:, None] + THIRDS) >> 10)


@dataclass(frozen=True)
class Pose:
    """Where a thing is, how large (its radius) and how far turned; each int32 (n, 1, 1)."""

    x: Integers
    y: Integers
    radius: Integers
    turn: Integers


class Painter:
    """Paints pictures of `size` x `size` pixels; the same ones, seen finer, at every size."""

    def __init__(self, key: int, size: int) -> None:
        self.key = key
        self.size = size
        axis = ((2 * np.arange(size) + 1) * 1024 // size - 1024).astype(np.int32)
        self.x, self.y = axis[None, None, :], axis[None, :, None]
        # Fine enough for a gather without interpolation; an edge as soft as a pixel is wide.
        self.cells = max(256, 4 * size)
        self.stencils = stencils(self.cells, softness=(self.cells * 9 // size // 8) | 1)

    def paint(self, numbers: Indices, labels: Labels) -> Images:
        """Return uint8 (n, size, size, 3): picture number i shows the shape of its label."""
        luck = Luck(self.key, numbers)
        ground = grounds(luck, labels)
        canvas = self.coloured(luck, "ground", ground)
        for thing in ("behind 1", "behind 2", "behind 3"):
            canvas = self.with_fragment(luck, canvas, thing, ground.level)
        canvas = self.with_subject(luck, canvas, labels, ground.level)
        canvas = self.with_fragment(luck, canvas, "in front", ground.level)
        return self.photographed(luck, canvas)

    def clouds(self, luck: Luck, name: str, side: int) -> Integers:
        """Return smooth noise 0..255, int32 (n, size, size): random values on a lattice, blended between."""
        place = (2 * np.arange(self.size) + 1) * side * 256 // (2 * self.size)
        part = place & 255
        weight = part * part * (3 * 256 - 2 * part) >> 16
        ramp = np.zeros((self.size, side + 1), dtype=np.int32)
        ramp[np.arange(self.size), place >> 8] = 256 - weight
        ramp[np.arange(self.size), (place >> 8) + 1] = weight
        return ramp @ luck.grid(name, side + 1) @ ramp.T >> 16

    def pattern(self, luck: Luck, name: str) -> Integers:
        """Return a texture 0..255, int32 (n, size, size): clouds, grain and stripes in random shares."""
        coarse = self.clouds(luck, f"{name} coarse", 3)
        fine = self.clouds(luck, f"{name} fine", 9)
        turn, wave = luck.draw(f"{name} turn", 0, 1023), luck.draw(f"{name} wave", 400, 2200)
        along = (self.x * cosine(turn) + self.y * sine(turn) >> 10) * wave >> 10
        stripes = 128 + (sine(along + 2 * coarse) >> 3)
        # Large soft patches dominate, as in photographs, whose energy falls with frequency.
        share = luck.draw(f"{name} coarse share", 1, 64) ** 2
        fine_share = luck.draw(f"{name} fine share", 1, 30) ** 2
        stripes_share = luck.draw(f"{name} stripes share", 1, 12) ** 2
        mixed = coarse * share + fine * fine_share + stripes * stripes_share
        return mixed // (share + fine_share + stripes_share)

    def coloured(self, luck: Luck, name: str, colours: Colours) -> Integers:
        """Return a textured surface (n, 3, size, size) between a darker and a lighter one of `colours`."""
        spread = luck.draw(f"{name} spread", 10, 90)
        shift = luck.draw(f"{name} hue shift", -160, 160)
        dark = tint(colours.level - spread, colours.hue - shift, colours.chroma)
        light = tint(colours.level + spread, colours.hue + shift, colours.chroma)
        return dark + ((light - dark) * self.pattern(luck, name)[:, None] >> 8)

    def seen_from(self, luck: Luck, name: str, pose: Pose, stretch: int, wobble: int) -> tuple[Integers, Integers]:
        """Return every pixel in the coordinates of a thing, in UNIT, int32 (n, size, size) each."""
        dx, dy = self.x - pose.x, self.y - pose.y
        wide = pose.radius + pose.radius * luck.draw(f"{name} stretch", -stretch, stretch) // 256
        u = (dx * cosine(pose.turn) + dy * sine(pose.turn)) // wide
        v = (dy * cosine(pose.turn) - dx * sine(pose.turn)) // pose.radius
        if wobble:
            bend = luck.draw(f"{name} bend", 0, wobble)
            u = u + ((self.clouds(luck, f"{name} bend u", 3) - 128) * bend >> 7)
            v = v + ((self.clouds(luck, f"{name} bend v", 3) - 128) * bend >> 7)
        return u, v

    def covered(self, kind: Labels | Integers, u: Integers, v: Integers) -> Integers:
        """Return the opacity 0..256 of shape `kind` (n,) at the coordinates u, v (n, size, size)."""
        column = np.clip((u + REACH) * self.cells // (2 * REACH), 0, self.cells - 1)
        row = np.clip((v + REACH) * self.cells // (2 * REACH), 0, self.cells - 1)
        first = kind.astype(np.int32)[:, None, None] * (self.cells * self.cells)
        return self.stencils.ravel()[first + row * self.cells + column]

    def with_subject(self, luck: Luck, canvas: Integers, labels: Labels, ground: Integers) -> Integers:
        """Lay the shape that is the label, and its shadow, over the canvas."""
        pose = Pose(
            luck.draw("x", -240, 240),
            luck.draw("y", -240, 240),
            luck.draw("radius", 500, 850),
            luck.draw("turn", -64, 64),
        )
        u, v = self.seen_from(luck, "subject", pose, stretch=64, wobble=180)
        light = luck.draw("light", 0, 1023)
        shade = self.covered(labels, u + (cosine(light) >> 2), v + (sine(light) >> 2))
        canvas = blend(canvas, canvas >> 2, shade * luck.draw("shadow", 0, 160) >> 8)
        # Lighter or darker than the ground, so that the brightness of the thing itself says nothing about the class.
        gap = luck.draw("gap", 30, 90)
        up = np.where(ground > 160, 0, np.where(ground < 90, 1, luck.draw("gap sign", 0, 1)))
        surface = self.coloured(luck, "subject", things(luck, labels, ground + np.where(up == 1, gap, -gap)))
        slope = (u * cosine(light) + v * sine(light) >> 10) * luck.draw("roundness", 0, 40) >> 10
        return blend(canvas, surface - slope[:, None], self.covered(labels, u, v))

    def with_fragment(self, luck: Luck, canvas: Integers, name: str, ground: Integers) -> Integers:
        """Lay a piece of a random shape over the canvas: clutter that means nothing."""
        front = name == "in front"
        pose = Pose(
            luck.draw(f"{name} x", -1000, 1000),
            luck.draw(f"{name} y", -1000, 1000),
            luck.draw(f"{name} radius", 150, 300 if front else 480),
            luck.draw(f"{name} turn", 0, 1023),
        )
        u, v = self.seen_from(luck, name, pose, stretch=80, wobble=0)
        kind = luck.draw(f"{name} kind", 0, len(SHAPES) - 1)[:, 0, 0]
        # Cut across, so that no fragment is a whole shape.
        cut = np.clip((u - luck.draw(f"{name} cut", -300, 300)) * 3, 0, 256)
        level = ground + luck.draw(f"{name} gap", -60, 60)
        colour = tint(level, luck.draw(f"{name} hue", 0, 1023), luck.draw(f"{name} chroma", 0, 120))
        return blend(canvas, colour, self.covered(kind, u, v) * cut >> 8)

    def photographed(self, luck: Luck, canvas: Integers) -> Images:
        """Add uneven light, contrast and the noise of a sensor; return uint8 (n, size, size, 3)."""
        turn = luck.draw("lamp", 0, 1023)
        slope = (self.x * cosine(turn) + self.y * sine(turn) >> 10) * luck.draw("lamp slope", 0, 220) >> 10
        gain = luck.draw("gain", 190, 290) + slope
        canvas = 128 + ((canvas * gain[:, None] >> 8) - 128) * luck.draw("contrast", 170, 280)[:, None] // 256
        canvas = canvas + self.noise(luck)
        return np.ascontiguousarray(np.clip(canvas, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1))

    def noise(self, luck: Luck) -> Integers:
        """Return noise around 0 with a triangular distribution, int32 (n, 3, size, size)."""
        words = luck.words("noise", self.size**2).reshape(-1, 1, self.size, self.size)
        shifts = np.arange(0, 48, 16, dtype=np.uint64)[None, :, None, None]
        pairs = (words >> shifts).astype(np.int32)
        level = luck.draw("noise level", 0, 3)[:, None]
        return ((pairs & 255) + (pairs >> 8 & 255) - 255) * level >> 8
