"""Pictures for a page: a row of them as one PNG, in base64."""

import io
from base64 import b64encode

import numpy as np
from PIL import Image

LARGEST = 64  # pixels a side; larger pictures are shown smaller


def strip(row: np.ndarray) -> str:
    """Return pictures (B, H, W, C) side by side as a PNG in base64; empty if there are none."""
    if not len(row):
        return ""
    side_by_side = np.concatenate(list(row), axis=1)
    picture = Image.fromarray(side_by_side[:, :, 0] if side_by_side.shape[2] == 1 else side_by_side)
    high, wide = row.shape[1:3]
    if max(high, wide) > LARGEST:
        share = LARGEST / max(high, wide)
        picture = picture.resize((round(wide * share) * len(row), round(high * share)))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return b64encode(buffer.getvalue()).decode()
