"""Networks at several equal budgets as curves: what each makes of more parameters or another cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archbuilder.compare.axes import Axis
from archbuilder.compare.budgets import Budgets, Line
from archbuilder.compare.placement import spread
from archbuilder.compare.plot import COLOURS, FONT, PIXEL, SHAPES, Placed, cut, frame, placed
from archbuilder.compare.table import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART = 1.25 * FONT * PIXEL  # pixels from one name to the next
BESIDE = 14 * PIXEL  # from the axes to the names, room for lines that lead to them
FAINT, CLEAR = 0.55, 1.0


def has_curves(budgets: Budgets, table: Sequence[Row]) -> bool:
    """Tell whether all rows are comparable and stand under one of several equal budgets."""
    under = [cell for line in budgets.lines for cell in line.cells if cell]
    return len(budgets.titles) > 1 and len(under) == len(table) and len({line.set for line in budgets.lines}) == 1


def curves(figure: Figure, budgets: Budgets, x: Axis) -> None:
    """Fill a figure with a curve for each network, through its budgets, and its name at the curve's right end.

    Those that are best or tied with the best under some budget are drawn in full strength.
    """
    axes = figure.add_subplot()
    found = [(line, _points(line, x)) for line in budgets.lines]
    # Curves are read between their means: where an interval reaches far beyond them, it is cut.
    frame(axes, [point._replace(half=0.0) for _, points in found for point in points], x)
    axes.set_xlim(right=max(point.x for _, points in found for point in points) * 1.06)
    for number, (line, points) in enumerate(found):
        _curve(axes, number, line, points)
    ends = [max(points, key=lambda point: point.x) for _, points in found]
    texts = [
        axes.annotate(
            cut(line.network),
            (1, end.y),
            (BESIDE / PIXEL, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=FONT,
            va="center",
            color=_dark(number),
            fontweight="bold" if _marked(line) else "normal",
            parse_math=False,
        )
        for number, ((line, _), end) in enumerate(zip(found, ends, strict=True))
    ]
    # Names are moved apart among the pixels of the finished layout, which must not move afterwards.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    box = axes.get_window_extent()
    most = max(1, int(box.height / APART))
    for text in texts[most:]:
        text.remove()
    heights = [float(axes.transData.transform((end.x, end.y))[1]) for end in ends[:most]]
    for number, (text, end, height) in enumerate(
        zip(texts, ends, spread(heights, APART, box.y0, box.y1), strict=False)
    ):
        share = (height - box.y0) / box.height
        text.xy, text.xycoords = (1, share), "axes fraction"
        _leader(axes, number, end, share)
    if len(texts) > most:
        note = f"{len(texts) - most} of {len(texts)} are not named here: see the table"
        axes.set_xlabel(f"{x.title} ({note})")


def _points(line: Line, x: Axis) -> list[Placed]:
    return sorted((placed(cell.row, x) for cell in line.cells if cell), key=lambda point: point.x)


def _marked(line: Line) -> bool:
    return any(cell.mark for cell in line.cells if cell)


def _curve(axes: Axes, number: int, line: Line, points: Sequence[Placed]) -> None:
    strength = CLEAR if _marked(line) else FAINT
    colour, shape = COLOURS[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
    # One seed has no interval, which is not one of length 0.
    halves = [math.nan if point.row.accuracy_interval is None else point.half for point in points]
    axes.errorbar(
        [point.x for point in points],
        [point.y for point in points],
        halves,
        fmt=f"-{shape}",
        color=colour,
        alpha=strength,
        linewidth=2.0 if _marked(line) else 0.9,
        elinewidth=1,
        capsize=2,
        markersize=5 if _marked(line) else 3.5,
        markeredgecolor="white",
        markeredgewidth=0.4,
        zorder=4 if _marked(line) else 3,
    )


def _leader(axes: Axes, number: int, end: Placed, share: float) -> None:
    """Join a curve's end to its name with a thin line."""
    axes.annotate(
        "",
        (end.x, end.y),
        (1 + (BESIDE - 3 * PIXEL) / axes.get_window_extent().width, share),
        xycoords="data",
        textcoords="axes fraction",
        arrowprops={"arrowstyle": "-", "color": _dark(number), "linewidth": 0.5, "alpha": 0.6, "shrinkA": 0},
    )


def _dark(number: int) -> str:
    """Return a curve's colour, dark enough to read."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = to_rgb(COLOURS[number % len(COLOURS)])
    return to_hex((0.7 * red, 0.7 * green, 0.7 * blue))
