"""A sheet of pictures per class, to be looked at before anything is trained on them."""

from pathlib import Path

import numpy as np

from harness.data.prepared import Prepared
from harness.data.sources import Images, Split

ROWS = 8
# A sheet is about this many pixels wide, whatever the pictures measure.
SHEET_PIXELS = 1024
GAP = 2
CAPTION = 14  # pixels of the line below a picture


def preview(prepared: Prepared, out: Path, split: Split = "train") -> list[Path]:
    """Write `out`/<class>.png for every class, up to 8 x 8 pictures each; return the paths."""
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    labels = prepared.labels(split)
    images = prepared.images(split)
    paths = []
    for number, name in enumerate(prepared.classes):
        places = np.flatnonzero(labels == number)[: ROWS * ROWS]
        page = sheet(images[places])
        paths.append(out / f"{name}.png")
        Image.fromarray(page[..., 0] if page.shape[-1] == 1 else page).save(paths[-1])
    return paths


def contact_sheet(images: Images, path: Path) -> None:
    """Write pictures (n, height, width, channels) to `path`, eight in a row, numbered from 1."""
    from PIL import Image, ImageDraw

    count, height, width, channels = images.shape
    scale = max(SHEET_PIXELS // (ROWS * max(height, width)), 1)
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    wide, tall = width * scale + GAP, height * scale + CAPTION
    page = Image.new("L" if channels == 1 else "RGB", (min(count, ROWS) * wide, -(-count // ROWS) * tall), "white")
    draw = ImageDraw.Draw(page)
    for number, image in enumerate(large):
        left, top = number % ROWS * wide, number // ROWS * tall
        page.paste(Image.fromarray(image[..., 0] if channels == 1 else image), (left, top))
        draw.text((left + GAP, top + height * scale), str(number + 1), fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    page.save(path, format="PNG")


def sheet(images: Images) -> Images:
    """Return one uint8 picture (height, width, channels) of up to 64 pictures, each pixel a whole square."""
    count, height, width, channels = images.shape
    scale = max(SHEET_PIXELS // (ROWS * max(height, width)), 1)
    large = images.repeat(scale, axis=1).repeat(scale, axis=2)
    tall, wide = height * scale + GAP, width * scale + GAP
    page = np.full((ROWS * tall + GAP, ROWS * wide + GAP, channels), 255, dtype=np.uint8)
    for place in range(count):
        top, left = GAP + place // ROWS * tall, GAP + place % ROWS * wide
        page[top : top + tall - GAP, left : left + wide - GAP] = large[place]
    return page
