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


def test_a_note_behind_the_pixels_of_a_png_is_followed_too(tmp_path: Path) -> None:
    pixels = np.arange(64 * 3, dtype=np.uint8).reshape(8, 8, 3)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels).save(tmp_path / "before.png", exif=exif)
    data = (tmp_path / "before.png").read_bytes()
    # Length, name, body and checksum of a chunk; moved behind the last of the pixels.
    start = data.index(b"eXIf") - 4
    chunk = data[start : start + 12 + int.from_bytes(data[start : start + 4], "big")]
    rest = data.replace(chunk, b"")
    end = rest.index(b"IEND") - 4
    (tmp_path / "behind.png").write_bytes(rest[:end] + chunk + rest[end:])
    for name in ("before.png", "behind.png"):
        assert np.array_equal(decode(tmp_path / name, 8), pixels[::-1, ::-1]), name


def test_a_picture_too_large_is_not_called_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(BadImageError, match="too large, above 2,000 pixels; make it smaller"):
        decode(tmp_path / "large.png", 8)
