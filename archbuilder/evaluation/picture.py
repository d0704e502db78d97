"""The confusion matrix as a picture: of each class's images, the share that was taken for which."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from archbuilder.evaluation.figures import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 150
LARGEST = 14.0
"""Of the matrix's side, in inches: 2,100 pixels."""

MOST_NUMBERED = 30
"""Classes whose cells have room for a count."""

LONGEST_LABEL = 24
LINE = 1.35  # of a line of text, in font sizes


def draw(confusion: Array, labels: Sequence[str], title: str) -> bytes:
    """Return a PNG of counts [K, K], rows by label and columns by answer, coloured by share of the row.

    Small shares are darkened, so that rare confusions can be seen among a hundred classes. Cells hold their counts
    up to 30 classes; of more classes than there is room to name, every second, third, ... is named.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    classes = len(labels)
    side = min(max(classes * _cell(confusion), 2.0), LARGEST)
    font = min(9.0, max(5.0, 72 * side / classes / LINE))
    margin = 1.0 + max(map(len, map(_cut, labels))) * font * 0.6 / 72
    figure = Figure(figsize=(side + margin + 1.2, side + margin + 0.6), dpi=DPI)
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    sums = confusion.sum(1, keepdims=True)
    # A class without images has no shares: its row stays grey.
    shares = np.ma.masked_array(confusion / np.maximum(sums, 1), np.broadcast_to(sums == 0, confusion.shape))
    axes.set_facecolor("#dddddd")
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    _ticks(axes, labels, font, side)
    if classes <= MOST_NUMBERED:
        _counts(axes, confusion, shares, font)
    axes.set_xlabel("answer")
    axes.set_ylabel("label")
    axes.set_title(_wrapped(title, side), fontsize=10, loc="left", parse_math=False)
    bar = figure.colorbar(image, ax=axes, shrink=min(1.0, 5 / side), ticks=[0, 0.01, 0.05, 0.2, 0.5, 1])
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1, 0))
    bar.ax.tick_params(labelsize=8)
    bar.set_label("share of the label's images", fontsize=8)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.15)
    return content.getvalue()


def _cell(confusion: Array) -> float:
    """Return the side of a cell in inches: room for its count where cells hold one."""
    if len(confusion) > MOST_NUMBERED:
        return 0.14
    return max(0.3, 0.12 + 0.075 * len(f"{int(confusion.max()):,}"))


def _ticks(axes: Axes, labels: Sequence[str], font: float, side: float) -> None:
    """Name the classes on both axes, or so many that the names do not overlap."""
    step = -(-int(len(labels) * font * LINE) // int(72 * side + 1))
    places = range(0, len(labels), max(1, step))
    names = [_cut(labels[i]) for i in places]
    axes.set_xticks(places, names, rotation=90, fontsize=font, parse_math=False)
    axes.set_yticks(places, names, fontsize=font, parse_math=False)


def _counts(axes: Axes, confusion: Array, shares: Array, font: float) -> None:
    for row, column in np.argwhere(confusion > 0):
        # White where the colour is dark.
        colour = "white" if shares[row, column] > 0.4 else "black"
        text = f"{confusion[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", fontsize=min(font, 8), color=colour)


def _cut(label: str) -> str:
    """Shorten a long name in its middle: what tells names apart often stands at their ends."""
    half = LONGEST_LABEL // 2 - 1
    text = " ".join(label.split())
    return text if len(text) <= LONGEST_LABEL else f"{text[:half]}…{text[-half:]}"


def _wrapped(title: str, side: float) -> str:
    from textwrap import fill

    return fill(title, max(20, int(side * 11)))
