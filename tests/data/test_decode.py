"""Files to arrays: every kind of PNG and JPEG ends as grey or RGB of eight bits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.data.decode import BadImageError, channel_count, decode


@pytest.mark.parametrize(
    ("mode", "channels"), [("1", 1), ("L", 1), ("LA", 1), ("I;16", 1), ("P", 3), ("RGB", 3), ("RGBA", 3)]
)
def test_modes_have_their_channels(tmp_path: Path, mode: str, channels: int) -> None:
    path = tmp_path / "a.png"
    Image.new(mode, (5, 5)).save(path)
    image = decode(path, 5)
    assert (image.shape, image.dtype) == ((5, 5, channels), np.uint8)
    assert channel_count(path) == channels


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 0x80FF, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert decode(tmp_path / "deep.png", 4).max() == 0x80


def test_transparency_shows_white(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (10, 20, 30, 0)).save(tmp_path / "clear.png")
    assert decode(tmp_path / "clear.png", 4).min() == 255


def test_the_note_of_a_camera_is_followed(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[:4] = 255
    exif = Image.Exif()
    # 0x0112 is the orientation, 3 says: upside down.
    exif[0x0112] = 3
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif)
    image = decode(tmp_path / "turned.jpg", 8)
    assert image[:4].mean() < 20 < 230 < image[4:].mean()


def test_other_formats_are_refused_whatever_their_name(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", format="BMP")
    with pytest.raises(BadImageError, match="neither PNG nor JPEG"):
        decode(tmp_path / "a.png", 4)


def test_a_broken_link_is_told_from_damage(tmp_path: Path) -> None:
    with pytest.raises(BadImageError, match="broken link"):
        decode(tmp_path / "gone.png", 4)
