"""Networks at several equal budgets as curves: what each makes of more of what is limited."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archbuilder.compare.axes import Axis
from archbuilder.compare.budgets import Budgets, Line
from archbuilder.compare.frame import COLOURS, FONT, PIXEL, SHAPES, Placed, dark, frame, note_unnamed, placed
from archbuilder.compare.placement import spread
from archbuilder.compare.table import Row
from archbuilder.compare.words import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Annotation

APART = 1.25 * FONT * PIXEL  # pixels from one name to the next
BESIDE = 14 * PIXEL  # from the axes to the names, room for lines that lead to them


def has_curves(budgets: Budgets, table: Sequence[Row], x: Axis) -> bool:
    """Tell whether all rows are comparable, stand under equal budgets of one kind, and cost more under larger ones.

    Costs that were measured rarely do, so that over those a curve would run to and fro.
    """
    rows = [[cell.row for cell in line.cells if cell] for line in budgets.lines]
    costs = [[placed(row, x).x for row in each] for each in rows]
    return (
        any(len(each) > 1 for each in rows)
        and sum(map(len, rows)) == len(table)
        and len({row.set for row in table}) == 1
        and len({tuple(row.budget) for row in table}) == 1
        and all(less < more for each in costs for less, more in itertools.pairwise(each))
    )


def curves(figure: Figure, budgets: Budgets, x: Axis) -> None:
    """Fill a figure with a curve for each network, through its budgets, and its name at the curve's right end.

    Those whose mean is the highest under some budget are drawn in full strength, and named before all others.
    """
    axes = figure.add_subplot()
    best = _best(budgets)
    # The best last, so that they lie on top, but all in the colours of their places.
    lines = sorted(enumerate(budgets.lines), key=lambda each: each[0] in best)
    found = {number: [placed(cell.row, x) for cell in line.cells if cell] for number, line in lines}
    # Curves are read between their means: where an interval reaches far beyond them, it is cut.
    frame(axes, [point._replace(half=0.0) for points in found.values() for point in points], x)
    axes.set_xlim(right=max(points[-1].x for points in found.values()) * 1.06)
    for number, _ in lines:
        _curve(axes, number, found[number], number in best)
    names = {number: _name(axes, number, line, found[number][-1], number in best) for number, line in lines}
    # Names are moved apart among the pixels of the finished layout, which must not move afterwards.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    room = max(1, int(axes.get_window_extent().height / APART))
    named = sorted(sorted(names, key=lambda number: (number not in best, number))[:room])
    for number in names.keys() - set(named):
        names[number].remove()
    _spread(axes, {number: names[number] for number in named}, {number: found[number][-1] for number in named})
    note_unnamed(axes, len(names) - len(named), len(names))


def _best(budgets: Budgets) -> set[int]:
    """Return which lines have the highest mean under some budget."""
    columns = list(zip(*(line.cells for line in budgets.lines), strict=True))
    highest = [max(cell.row.accuracy_mean for cell in column if cell) for column in columns]
    return {
        number
        for number, line in enumerate(budgets.lines)
        if any(cell and cell.row.accuracy_mean == top for cell, top in zip(line.cells, highest, strict=True))
    }


def _curve(axes: Axes, number: int, points: Sequence[Placed], strong: bool) -> None:
    axes.errorbar(
        [point.x for point in points],
        [point.y for point in points],
        # One seed has no interval, which is not one of length 0.
        [math.nan if point.row.accuracy_interval is None else point.half for point in points],
        fmt=f"-{SHAPES[number % len(SHAPES)]}",
        color=_colour(number),
        alpha=1.0 if strong else 0.55,
        linewidth=2.0 if strong else 0.9,
        elinewidth=1,
        capsize=2,
        markersize=5 if strong else 3.5,
        markeredgecolor="white",
        markeredgewidth=0.4,
        zorder=4 if strong else 3,
    )


def _name(axes: Axes, number: int, line: Line, end: Placed, strong: bool) -> Annotation:
    """Write a network's name beside the axes, at the height of its curve's end."""
    return axes.annotate(
        cut(line.network),
        (1, end.y),
        (BESIDE / PIXEL, 0),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=FONT,
        va="center",
        color=dark(_colour(number)),
        fontweight="bold" if strong else "normal",
        parse_math=False,
    )


def _spread(axes: Axes, names: dict[int, Annotation], ends: dict[int, Placed]) -> None:
    """Move names apart, and join each to its curve's end with a thin line."""
    box = axes.get_window_extent()
    heights = [float(axes.transData.transform((end.x, end.y))[1]) for end in ends.values()]
    for number, height in zip(names, spread(heights, APART, box.y0, box.y1), strict=True):
        share = (height - box.y0) / box.height
        names[number].xy, names[number].xycoords = (1, share), "axes fraction"
        axes.annotate(
            "",
            (ends[number].x, ends[number].y),
            (1 + (BESIDE - 3 * PIXEL) / box.width, share),
            xycoords="data",
            textcoords="axes fraction",
            arrowprops={"arrowstyle": "-", "color": _colour(number), "linewidth": 0.5, "alpha": 0.6, "shrinkA": 0},
        )


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]
