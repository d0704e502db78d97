"""Pictures in files of any kind are what they look like, whatever they are called and however they are stored."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from archbuilder.data.pictures import cut, opened, quiet, resized
from archbuilder.errors import DataError

SIZE = (64, 32)
TRANSPOSED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""How PIL's transpositions make what a camera stored under each orientation from the upright picture."""


def scene(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a picture that is red, green, blue and grey in its quarters, so that turning it shows."""
    high, wide = size[1], size[0]
    pixels = np.zeros((high, wide, 3), np.uint8)
    pixels[: high // 2, : wide // 2, 0] = 200
    pixels[: high // 2, wide // 2 :, 1] = 160
    pixels[high // 2 :, : wide // 2, 2] = 240
    pixels[high // 2 :, wide // 2 :] = 90
    return Image.fromarray(pixels)


def apart(picture: Image.Image, other: Image.Image) -> float:
    """Return how far two pictures of one size are from one another on average, of 255."""
    assert (picture.mode, picture.size) == (other.mode, other.size)
    return float(np.abs(np.asarray(picture, np.float64) - np.asarray(other, np.float64)).mean())


FORMATS: dict[str, tuple[dict[str, Any], float]] = {
    "png": ({}, 0),
    "bmp": ({}, 0),
    "tiff": ({}, 0),
    "ppm": ({}, 0),
    "gif": ({}, 3),
    "jpg": ({"quality": 95}, 4),
    "webp": ({"lossless": True}, 0),
}


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_opened(tmp_path: Path, suffix: str) -> None:
    options, worst = FORMATS[suffix]
    scene().save(tmp_path / f"picture.{suffix}", **options)
    (tmp_path / f"picture.{suffix}").rename(tmp_path / "no suffix")  # which says nothing about what is inside
    assert apart(opened(tmp_path / "no suffix", "RGB"), scene()) <= worst


MODES: dict[str, Callable[[], Image.Image]] = {
    "L": lambda: scene().convert("L"),
    "1": lambda: scene().convert("1"),
    "LA": lambda: scene().convert("LA"),
    "P": lambda: scene().quantize(8),
    "RGBA": lambda: scene().convert("RGBA"),
}


@pytest.mark.parametrize("mode", MODES)
def test_every_way_of_holding_pixels_becomes_colour_and_grey(tmp_path: Path, mode: str) -> None:
    made = MODES[mode]()
    made.save(tmp_path / "picture.png")
    assert Image.open(tmp_path / "picture.png").mode == mode
    assert apart(opened(tmp_path / "picture.png", "RGB"), made.convert("RGB")) <= 1
    assert apart(opened(tmp_path / "picture.png", "L"), made.convert("RGB").convert("L")) <= 1


def test_printers_colours_are_converted(tmp_path: Path) -> None:
    scene().convert("CMYK").save(tmp_path / "picture.jpg", quality=95)
    assert apart(opened(tmp_path / "picture.jpg", "RGB"), scene()) < 4


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path: Path) -> None:
    levels = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(levels).save(tmp_path / "picture.png")
    assert np.array_equal(np.asarray(opened(tmp_path / "picture.png", "L")), np.arange(256).reshape(16, 16))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("wanted", ["RGB", "L"])
def test_what_is_transparent_is_the_colour_that_the_file_holds(tmp_path: Path, mode: str, wanted: str) -> None:
    if mode == "P":
        scene().quantize(8).save(tmp_path / "picture.png", transparency=0)
    else:
        clear = scene().convert(mode)
        clear.putalpha(0)
        clear.save(tmp_path / "picture.png")
    colours = scene().convert("L" if mode == "LA" else "RGB").convert(wanted)
    assert apart(opened(tmp_path / "picture.png", wanted), colours) <= 1


@pytest.mark.parametrize("orientation", TRANSPOSED)
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "webp"])
def test_pictures_are_turned_as_their_camera_said(tmp_path: Path, suffix: str, orientation: int) -> None:
    how = TRANSPOSED[orientation]
    stored = scene() if how is None else scene().transpose(Image.Transpose(how))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
    stored.save(tmp_path / f"picture.{suffix}", exif=exif, **options)
    assert apart(opened(tmp_path / f"picture.{suffix}", "RGB"), scene()) < 4


def test_of_several_frames_the_first_counts(tmp_path: Path) -> None:
    scene().save(tmp_path / "picture.gif", save_all=True, append_images=[Image.new("RGB", SIZE, "white")])
    assert apart(opened(tmp_path / "picture.gif", "RGB"), scene()) < 3


def bomb(side: int) -> bytes:
    """Return a PNG of a few kB that unpacks to side * side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes(2**20), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    scene().save(tmp_path / "whole.png")
    scene((500, 500)).save(tmp_path / "whole.jpg")
    whole, photo = (tmp_path / "whole.png").read_bytes(), (tmp_path / "whole.jpg").read_bytes()
    contents = {
        "empty.png": (b"", "is no picture of PNG, JPEG"),
        "text.png": (b"hello", "is no picture"),
        "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture"),
        # For which PIL would start another program.
        "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "is no picture"),
        "cut.png": (whole[:-30], "cannot be read as a picture"),
        "cut.jpg": (photo[:1000], "cannot be read as a picture"),
        "header.png": (whole[:20], "is no picture|cannot be read"),
        "broken.png": (whole[:50] + bytes(20) + whole[70:], "cannot be read as a picture"),
        "bomb.png": (bomb(60_000), "has more than 89,478,485 pixels"),
        "smaller bomb.png": (bomb(10_000), "has more than 89,478,485 pixels"),
    }
    for name, (content, telling) in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: .*({telling})") as told, quiet():
            opened(tmp_path / name, "RGB")
        assert "\n" not in str(told.value)
    Image.fromarray(np.ones((9, 9), np.float32)).save(tmp_path / "numbers.tiff")
    os.mkfifo(tmp_path / "pipe.png")
    for name, telling in {
        "numbers.tiff": "F: the range of its numbers is not known",
        "nothing.png": "there is no such file",
        ".": "is a folder",
        "pipe.png": "is no file",
    }.items():
        with pytest.raises(DataError, match=telling):
            opened(tmp_path / name, "RGB")


@pytest.mark.parametrize(("size", "resize"), [((1, 8000), 224), ((100_000, 2), 100)])
def test_a_picture_that_is_next_to_a_line_is_refused_before_it_takes_memory(size: tuple[int, int], resize: int) -> None:
    assert max(resized((9, 8000), 32)) == 32 * 8000 // 9
    with pytest.raises(DataError, match=f"a picture of {size[0]}x{size[1]} pixels would have .*; cut it first"):
        cut(Image.new("RGB", size), resize, (resize, resize), "bilinear")
