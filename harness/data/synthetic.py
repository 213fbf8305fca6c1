"""Natural-looking pictures of ten shapes, painted from a seed: the data that is always there.

The shape tells the class; ground and colour follow a habit of it loosely, and share that with other classes. Texture,
pose, clutter, shadow, light and noise are drawn independently. All arithmetic is on integers, so every machine gets
the same pixels.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from harness.core.config import DataParams
from harness.core.seeding import derive
from harness.data.painting import Painter
from harness.data.shapes import SHAPES
from harness.data.sources import SOURCE, Batch, Indices, Labels, Part, Source, Split

POOL: dict[Split, int] = {"train": 50_000, "test": 10_000}
# Values of a batch that stay in the processor's cache make painting faster.
PIXELS_PER_BATCH = 65_536


@SOURCE.level("synthetic")
def synthetic(params: DataParams) -> Source:
    """Return as many pictures as CIFAR-10 has; picture i depends on (seed, part, i) alone."""
    return Source(tuple(SHAPES), {name: pool(params, name, count) for name, count in POOL.items()}, made=True)


def pool(params: DataParams, name: Split, count: int) -> Part:
    """Return one part: classes in turn, pixels painted on request."""
    labels = np.arange(count, dtype=np.int64) % len(SHAPES)
    painter = Painter(derive(params.seed, f"synthetic:{name}"), params.image_size)
    return Part(labels, partial(paint_batches, painter, labels), lambda place: f"synthetic {name} picture {place}")


def paint_batches(painter: Painter, labels: Labels, places: Indices) -> Iterator[Batch]:
    """Yield the pictures at `places`, a batch at a time."""
    count = max(PIXELS_PER_BATCH // painter.size**2, 1)
    for start in range(0, len(places), count):
        chunk = places[start : start + count]
        yield Batch(painter.paint(chunk, labels[chunk]))
