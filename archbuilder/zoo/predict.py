"""What a packaged network says to pictures in files."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from archbuilder.data.folder import MODES
from archbuilder.errors import DataError
from archbuilder.show.text import printable
from archbuilder.zoo.package import Loaded

if TYPE_CHECKING:
    from PIL.Image import Image
    from rich.console import Console

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
"""What is opened. PIL knows more, for some of which it starts other programs."""
TOP = 5


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of one picture, best first, each with its probability.

    `size` is the picture's, width and height, as its camera held it; `squeezed` the size to which it was brought where
    the package does not say how pictures are resized, else None.
    """

    path: Path
    size: tuple[int, int]
    squeezed: tuple[int, int] | None
    classes: tuple[tuple[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the prediction as plain JSON data."""
        classes = [{"label": label, "probability": probability} for label, probability in self.classes]
        squeezed = self.squeezed and list(self.squeezed)
        return {"image": str(self.path), "size": list(self.size), "squeezed": squeezed, "classes": classes}


def predict(net: Loaded, paths: Iterable[str | Path], top: int = TOP) -> list[Prediction]:
    """Return the `top` most probable classes of each picture, on the device that the network is on.

    Pictures are files of PNG, JPEG, WebP, GIF, BMP, TIFF or PPM, of any size that PIL takes for no bomb. They are
    turned as their camera said and made grey or coloured as the network wants; transparent ones lie on white. Of
    several frames the first counts. Raises DataError, naming the file, for anything else, and where the answer is no
    number.
    """
    return [_predicted(net, Path(path), top) for path in paths]


def _predicted(net: Loaded, path: Path, top: int) -> Prediction:
    channels, high, wide = net.preprocess.shape
    if channels not in MODES:
        raise DataError(f"{path}: pictures in files are grey or coloured, but the network takes {channels} channels")
    picture = opened(path, MODES[channels])
    size, squeezed = picture.size, None
    device = next(iter(net.state_dict().values()), torch.empty(0)).device
    try:
        if net.preprocess.resize is None and size != (wide, high):
            squeezed = (wide, high)
            picture = picture.resize(squeezed)
        with torch.inference_mode():
            probabilities = net(net.preprocess(picture).to(device)).float().softmax(1)[0].cpu()
    # Above all too little memory, since the shapes are known to fit.
    except (RuntimeError, MemoryError) as error:
        reason = (str(error).splitlines() or ["too little memory"])[0]
        raise DataError(f"{path}: the network cannot be run on {device} ({reason:.200})") from None
    if not probabilities.isfinite().all():
        raise DataError(f"{path}: the network's answer is no number, so its weights are damaged or of no use")
    best = probabilities.topk(min(top, len(net.labels)))
    classes = tuple((net.labels[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True))
    return Prediction(path, size, squeezed, classes)


def opened(path: Path, mode: str) -> Image:
    """Return the picture in a file, upright, in PIL's mode L or RGB; raises DataError that names the file."""
    import PIL.Image
    import PIL.ImageOps

    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is no file" if path.exists() else "there is no such file"
        raise DataError(f"{path}: {what}; name a picture")
    try:
        with warnings.catch_warnings():
            # PIL warns of pictures that are very large once unpacked, and refuses those twice as large by itself.
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(path, formats=FORMATS) as file:
                return _converted(PIL.ImageOps.exif_transpose(file), mode)
    except PIL.UnidentifiedImageError:
        raise DataError(f"{path}: is no picture of {', '.join(FORMATS)}") from None
    except (PIL.Image.DecompressionBombWarning, PIL.Image.DecompressionBombError):
        raise DataError(f"{path}: has more than {PIL.Image.MAX_IMAGE_PIXELS or 0:,} pixels; make it smaller") from None
    # Whatever PIL's many decoders happen to raise.
    except Exception as error:
        reason = printable(str(error)).replace(f" '{path}'", "") or type(error).__name__
        raise DataError(f"{path}: cannot be read as a picture ({reason:.200})") from None


def _converted(picture: Image, mode: str) -> Image:
    import PIL.Image

    if picture.mode.startswith("I;16"):
        # PIL would cut off what is brighter than 255 of 65,535.
        picture = picture.point(lambda value: value / 256).convert("L")
    elif picture.mode.startswith(("I", "F")):
        raise ValueError(f"{picture.mode}: the range of its numbers is not known")
    if picture.has_transparency_data:
        seen = picture.convert("RGBA")
        picture = PIL.Image.alpha_composite(PIL.Image.new("RGBA", seen.size, "white"), seen)
    return picture.convert(mode)


def print_predictions(predictions: Sequence[Prediction], console: Console | None = None) -> None:
    """Print a table of classes for each picture, fitted to the width of the console."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # labels and paths are no markup

    console = console or Console()
    squeezed = "squeezed to {}x{}"
    for prediction in predictions:
        wide, high = prediction.size
        told = f", {squeezed.format(*prediction.squeezed)}" if prediction.squeezed else ""
        console.print(Text(f"{printable(str(prediction.path))}  {wide}x{high}{told}", style="bold"))
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(justify="right")
        table.add_column(overflow="fold")
        for label, probability in prediction.classes:
            table.add_row(Text(f"{100 * probability:.1f}%"), Text(label))
        console.print(table)
    if any(prediction.squeezed for prediction in predictions):
        console.print(
            Text("! the package does not say how pictures of another size are cut: they were squeezed to its own")
        )
