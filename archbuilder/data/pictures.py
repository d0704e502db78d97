"""Pictures in files: opened, made grey or coloured, and cut to size, in training and by packages alike."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.errors import DataError
from archbuilder.show.text import printable

if TYPE_CHECKING:
    from PIL.Image import Image

MODES = {1: "L", 3: "RGB"}
"""What PIL calls grey and colour, by the number of channels."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What is opened. PIL knows more, for some of which it starts other programs."""
INTERPOLATIONS = ("bilinear", "bicubic")


def opened(path: str | Path, mode: str) -> Image:
    """Return the picture in a file, turned as its camera said, in PIL's mode L or RGB.

    Transparency is dropped: what counts are the colours that the file holds. Of 16 bits the upper 8 count, of several
    frames the first. Raises DataError that names the file for anything else, and for what PIL takes for a bomb.
    """
    import PIL.Image
    import PIL.ImageOps

    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file" if path.exists() else "there is no such file"
        raise DataError(f"{path}: {what}; name a picture")
    try:
        with PIL.Image.open(path, formats=FORMATS) as file:
            # Of these PIL only warns; those twice as large it refuses by itself.
            if _too_large(*file.size):
                raise PIL.Image.DecompressionBombError
            return _converted(PIL.ImageOps.exif_transpose(file), mode)
    except PIL.UnidentifiedImageError:
        raise DataError(f"{path}: is no picture of {', '.join(FORMATS)}") from None
    except PIL.Image.DecompressionBombError:
        raise DataError(f"{path}: has more than {PIL.Image.MAX_IMAGE_PIXELS or 0:,} pixels; make it smaller") from None
    # Whatever PIL's many decoders happen to raise.
    except Exception as error:
        reason = printable(str(error)).replace(f" '{path}'", "") or type(error).__name__
        raise DataError(f"{path}: cannot be read as a picture ({reason:.200})") from None


def cut(picture: Image, resize: int, shape: tuple[int, int], interpolation: str) -> Image:
    """Return a picture with its shorter side brought to `resize` pixels, and [height, width] cut from its middle.

    To the pixel what torchvision's Resize and CenterCrop make of it. Raises DataError as `resized` does.
    """
    import PIL.Image

    high, wide = shape
    size = resized(picture.size, resize)
    left, top = round((size[0] - wide) / 2), round((size[1] - high) / 2)
    whole = picture.resize(size, PIL.Image.Resampling[interpolation.upper()])
    return whole.crop((left, top, left + wide, top + high))


def resized(size: tuple[int, int], resize: int) -> tuple[int, int]:
    """Return the two sides of a picture once the shorter one is `resize` pixels long.

    Raises DataError where that is more than PIL takes for a bomb: the picture is next to a line.
    """
    first, second = (resize * side // min(size) for side in size)
    if _too_large(first, second):
        raise DataError(
            f"a picture of {size[0]}x{size[1]} pixels would have {first}x{second} with its shorter side at {resize}; "
            "cut it first"
        )
    return first, second


@contextmanager
def quiet() -> Iterator[None]:
    """Keep PIL from warning of pictures that `opened` refuses; for one thread that others only work for."""
    import PIL.Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
        yield


def _too_large(wide: int, high: int) -> bool:
    import PIL.Image

    return PIL.Image.MAX_IMAGE_PIXELS is not None and wide * high > PIL.Image.MAX_IMAGE_PIXELS


def _converted(picture: Image, mode: str) -> Image:
    if picture.mode.startswith("I;16"):
        # PIL would cut off what is brighter than 255 of 65,535.
        picture = picture.point(lambda value: value / 256).convert("L")
    elif picture.mode.startswith(("I", "F")):
        raise ValueError(f"{picture.mode}: the range of its numbers is not known")
    return picture.convert(mode)
