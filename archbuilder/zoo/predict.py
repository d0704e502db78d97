"""What a packaged network says to pictures in files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from archbuilder.data.pictures import MODES, opened, quiet
from archbuilder.errors import DataError
from archbuilder.show.text import printable
from archbuilder.zoo.package import Loaded

if TYPE_CHECKING:
    from rich.console import Console

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
        """Return it as plain JSON data."""
        classes = [{"label": label, "probability": probability} for label, probability in self.classes]
        squeezed = self.squeezed and list(self.squeezed)
        return {"image": str(self.path), "size": list(self.size), "squeezed": squeezed, "classes": classes}


@dataclass(frozen=True)
class Refused:
    """A picture that no answer could be given to, and why; `error` names the file."""

    path: Path
    error: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {"image": str(self.path), "error": self.error}


def predict(net: Loaded, paths: Iterable[str | Path], top: int = TOP) -> list[Prediction | Refused]:
    """Return the `top` most probable classes of each picture, on the device that the network is on.

    Pictures are files of PNG, JPEG, WebP, GIF, BMP, TIFF or PPM, opened as `opened` tells, of any size that PIL takes
    for no bomb. What is anything else, or is answered with what is no number, is refused, and the others are not.
    Raises DataError for a network that takes neither grey nor coloured pictures.
    """
    channels = net.preprocess.shape[0]
    if channels not in MODES:
        raise DataError(f"pictures in files are grey or coloured, but the network takes {channels} channels")
    with quiet():
        return [_attempt(net, Path(path), top) for path in paths]


def _attempt(net: Loaded, path: Path, top: int) -> Prediction | Refused:
    try:
        return _predicted(net, path, top)
    except DataError as error:
        return Refused(path, str(error))


def _predicted(net: Loaded, path: Path, top: int) -> Prediction:
    channels, high, wide = net.preprocess.shape
    picture = opened(path, MODES[channels])
    size, squeezed = picture.size, None
    device = next(iter(net.state_dict().values()), torch.empty(0)).device
    try:
        if net.preprocess.resize is None and size != (wide, high):
            squeezed = (wide, high)
            picture = picture.resize(squeezed)
        with torch.inference_mode():
            probabilities = net(net.preprocess(picture).to(device)).float().softmax(1)[0].cpu()
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    # Above all too little memory, since the shapes are known to fit.
    except (RuntimeError, MemoryError) as error:
        reason = (str(error).splitlines() or ["too little memory"])[0]
        raise DataError(f"{path}: the network cannot be run on {device} ({reason:.200})") from None
    if not probabilities.isfinite().all():
        raise DataError(f"{path}: the network's answer is no number, so its weights are damaged or of no use")
    best = probabilities.topk(min(top, len(net.labels)))
    classes = tuple((net.labels[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True))
    return Prediction(path, size, squeezed, classes)


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
