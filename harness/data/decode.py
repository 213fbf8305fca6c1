"""PNG and JPEG files to arrays of one size."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.data.sources import Images

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG")
# Pillow's modes for grey values, the last five with more than eight bits.
GREY_MODES = ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I;16N", "I")
DEEP_MODES = GREY_MODES[3:]


class BadImageError(ValueError):
    """A file that holds no picture we can read; the message says why."""


def decode(path: Path, size: int) -> Images:
    """Return the picture in `path` as uint8 (size, size, 1 or 3); BadImageError says why there is none.

    Palettes become RGB, transparency is laid on white, 16 bits become 8, and a camera's note of which side
    is up is followed.
    """
    from PIL import Image, ImageOps

    # A pipe would be waited for without end.
    if path.exists() and not path.is_file():
        raise BadImageError("this is no file")
    try:
        with Image.open(path, formats=FORMATS) as opened:
            # A PNG may say which side is up behind its pixels.
            opened.load()
            upright = ImageOps.exif_transpose(opened) if "exif" in opened.info else opened
            return fit(plain(upright), size)
    # For damaged bytes Pillow raises nearly anything: OSError, SyntaxError, struct.error, DecompressionBombError ...
    except Exception as error:
        raise BadImageError(reason(path, error)) from error


def plain(image: "Image.Image") -> "Image.Image":
    """Return `image` in mode L or RGB."""
    from PIL import Image

    if image.mode in DEEP_MODES:
        # Pillow's own conversion clips at 255 instead of scaling.
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    grey = image.mode in GREY_MODES
    if "A" in image.getbands() or "transparency" in image.info:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("L" if grey else "RGB")


def fit(image: "Image.Image", size: int) -> Images:
    """Return uint8 (size, size, channels), each side scaled by itself; the right size keeps its pixels."""
    from PIL import Image

    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    array = np.asarray(image)
    return array[:, :, None] if array.ndim == 2 else array


def channel_count(path: Path) -> int:
    """Return 1 for a grey file and 3 for a coloured one, from its header alone."""
    from PIL import Image

    with Image.open(path, formats=FORMATS) as image:
        return 1 if image.mode in GREY_MODES else 3


def format_of(path: Path) -> str:
    """Return the name of another format that Pillow knows, with a comma, or nothing."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return f"{image.format}, "
    except Exception:
        return ""


def reason(path: Path, error: Exception) -> str:
    """Say in a few words why `path` could not be decoded."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, FileNotFoundError):
        return "the file is missing (a broken link?)"
    if isinstance(error, PermissionError):
        return "the file may not be read"
    if path.stat().st_size == 0:
        return "the file is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"this is {format_of(path)}neither PNG nor JPEG"
    if isinstance(error, Image.DecompressionBombError):
        return f"the picture is too large, above {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; make it smaller"
    return f"the picture is damaged ({' '.join(str(error).split())})"
