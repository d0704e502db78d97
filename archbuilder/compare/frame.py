"""What all pictures of a comparison share: size, colours, scales, titles."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from archbuilder.compare.axes import Axis
from archbuilder.compare.table import Row
from archbuilder.compare.ticks import log_ticks
from archbuilder.compare.words import cut, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (8.0, 5.0)  # inches
DPI = 150
PIXEL = DPI / 72  # pixels in a point, the unit of fonts and markers
FONT = 8.0
# Okabe and Ito's colours, told apart by colour-blind people; black, and yellow on white, are left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
SHAPES = ("o", "s", "^", "D", "v", "P", "X")
LONGEST_LINE = 90  # of a title


class Placed(NamedTuple):
    """A row, where it stands on the axis of costs, and its accuracy in percent with half its interval."""

    row: Row
    x: float
    y: float
    half: float


def placed(row: Row, x: Axis) -> Placed:
    """Return a row with its place."""
    # A logarithmic axis has no zero.
    return Placed(row, x.shown(row) or 1.0, 100 * row.accuracy_mean, 100 * (row.accuracy_interval or 0.0))


def frame(axes: Axes, points: Sequence[Placed], x: Axis) -> None:
    """Set scales, limits, ticks and titles."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    low, high = min(point.x for point in points), max(point.x for point in points)
    margin = max((high / low) ** 0.12, 1.25)
    bottom, top = min(point.y - point.half for point in points), max(point.y + point.half for point in points)
    space = max((top - bottom) * 0.12, 0.5)
    marks = log_ticks(low / margin, high * margin)
    axes.set_xscale("log")
    axes.set_xlim(low / margin, high * margin)
    # The interval of two seeds may reach far beyond what an accuracy can be: it is cut there, just behind the points.
    edge = 0.04 * (min(top + space, 100) - max(bottom - space, 0))
    axes.set_ylim(max(bottom - space, -edge), min(top + space, 100 + edge))
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_major_formatter(FixedFormatter([short(mark) for mark in marks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    split = points[0].row.split
    data = ", ".join(sorted({point.row.data for point in points}))
    images = ", ".join(f"{n:,}" for n in sorted({point.row.images for point in points}))
    axes.set_xlabel(x.title)
    axes.set_ylabel(f"accuracy on {split} (%), 95% interval over seeds")
    title = f"{cut(data, LONGEST_LINE)}: accuracy on the {split} split ({cut(images)} images) against {x.title}"
    axes.set_title(textwrap.fill(title, LONGEST_LINE), fontsize=10, loc="left", parse_math=False)


def note_unnamed(axes: Axes, unnamed: int, count: int) -> None:
    """Say below a picture how many of what it shows have no name in it, where there are some."""
    if unnamed:
        axes.annotate(
            f"{unnamed} of {count} are not named here: see the table",
            (1, 0),
            (0, -2.6 * FONT),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=FONT - 1,
        )


def dark(colour: str) -> str:
    """Return a colour dark enough to read text in it."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(colour)
    return to_hex((0.7 * red, 0.7 * green, 0.7 * blue))
