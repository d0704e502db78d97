"""The picture of a comparison: accuracy against parameters, with intervals and fronts."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archbuilder.compare.placement import Box, Point, nearest, place_labels
from archbuilder.compare.table import Row, network_name, short
from archbuilder.compare.ticks import log_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE = (8.0, 5.0)  # inches
DPI = 150
PIXEL = DPI / 72  # pixels in a point, the unit of fonts and markers
FONT = 8.0
MARKER = 5.0
FAR = 7 * PIXEL  # a label that stands no further from its point needs no line to it
# Okabe and Ito's colours, told apart by colour-blind people; black, and yellow on white, are left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
SHAPES = ("o", "s", "^", "D", "v", "P", "X")
# Of more networks only those on a front are named, so that the picture can be read; the table names all.
MOST_NAMED = 60
LONGEST_LABEL = 36
MOST_IN_LEGEND = 12


class Look(NamedTuple):
    """How the points of one set of comparable rows are drawn."""

    colour: str
    shape: str


def draw(table: Sequence[Row]) -> bytes:
    """Return a PNG, 8 x 5 inches at 150 dpi: each row's mean accuracy (%) against its parameters.

    There must be at least one row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, dpi=DPI)
    # An engine's own margin is three hundredths of an inch, which puts text at the very edge.
    figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.08)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    _frame(axes, table)
    for name, (look, rows) in _sets(table).items():
        _points(axes, name, look, rows)
    if len(_sets(table)) > 1:
        _legend(figure, axes)
    # Labels are placed among the pixels of the finished layout, which must not move afterwards.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    _names(axes, table)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def _sets(table: Iterable[Row]) -> dict[str, tuple[Look, list[Row]]]:
    """Return the rows by set of comparable ones, each in the order of the table, and how they are drawn."""
    sets: dict[str, tuple[Look, list[Row]]] = {}
    for row in sorted(table, key=lambda row: (row.set, row.number)):
        i = len(sets)
        look = Look(COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)])
        sets.setdefault(row.set, (look, []))[1].append(row)
    return sets


def _x(row: Row) -> float:
    """Return where a row stands on the axis of parameters; a logarithmic axis has no zero."""
    return float(max(row.params, 1))


def _y(row: Row) -> float:
    return 100 * row.accuracy_mean


def _half(row: Row) -> float:
    return 100 * (row.accuracy_interval or 0.0)


def _frame(axes: Axes, table: Sequence[Row]) -> None:
    """Set scales, limits, ticks and titles."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    low, high = min(map(_x, table)), max(map(_x, table))
    margin = max((high / low) ** 0.12, 1.25)
    bottom, top = min(_y(row) - _half(row) for row in table), max(_y(row) + _half(row) for row in table)
    space = max((top - bottom) * 0.12, 0.5)
    marks = log_ticks(low / margin, high * margin)
    axes.set_xscale("log")
    axes.set_xlim(low / margin, high * margin)
    axes.set_ylim(bottom - space, top + space)
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_major_formatter(FixedFormatter([short(mark) for mark in marks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(color="#e4e4e4", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    split = table[0].split
    data = ", ".join(sorted({row.data for row in table}))
    images = ", ".join(f"{n:,}" for n in sorted({row.images for row in table}))
    axes.set_xlabel("parameters")
    axes.set_ylabel(f"accuracy on {split} (%), 95% interval over seeds")
    title = f"{_cut(data)}: accuracy on the {split} split ({_cut(images)} images) against parameters"
    axes.set_title(title, fontsize=10, loc="left", parse_math=False)


def _points(axes: Axes, name: str, look: Look, rows: Sequence[Row]) -> None:
    """Draw one set of comparable rows: its points, intervals and front."""
    x, y = list(map(_x, rows)), list(map(_y, rows))
    marker: dict[str, Any] = {"markersize": MARKER, "markeredgecolor": "white", "markeredgewidth": 0.5}
    axes.plot(x, y, look.shape, color=look.colour, label=name, zorder=4, **marker)
    known = [row for row in rows if row.accuracy_interval is not None]
    if known:
        x, y, half = list(map(_x, known)), list(map(_y, known)), list(map(_half, known))
        axes.errorbar(x, y, half, fmt="none", ecolor=look.colour, elinewidth=1, capsize=2.5, zorder=3)
    corners = _front(rows, axes.get_xlim()[1])
    axes.plot(*zip(*corners, strict=True), color=look.colour, linewidth=1, alpha=0.6, zorder=2)


def _front(rows: Sequence[Row], end: float) -> list[Point]:
    """Return the corners of the step line: the best accuracy to be had for at most so many parameters."""
    corners: list[Point] = []
    for row in rows:
        if row.front:
            if corners:
                corners.append(Point(_x(row), corners[-1].y))
            corners.append(Point(_x(row), _y(row)))
    return [*corners, Point(end, corners[-1].y)]


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    shown = [_cut(name) for name in names[:MOST_IN_LEGEND]]
    if len(names) > len(shown):
        shown[-1] += f" (and {len(names) - len(shown)} more)"
    columns = 3 if max(map(len, shown)) < 30 else 2
    legend = figure.legend(
        handles[: len(shown)], shown, loc="outside lower center", ncols=columns, fontsize=FONT, frameon=False
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _names(axes: Axes, table: Sequence[Row]) -> None:
    """Name the points, those on a front first; where there is no room for all, say how many are unnamed."""
    from matplotlib.patheffects import withStroke
    from matplotlib.transforms import IdentityTransform

    where = {row.number: _pixels(axes, Point(_x(row), _y(row))) for row in table}
    named = [row for row in table if row.front]
    if len(table) <= MOST_NAMED:
        named += [row for row in table if not row.front]
    colours = _text_colours(table)
    texts = [
        axes.text(0, 0, _cut(network_name(row)), fontsize=FONT, color=colours[row.set], parse_math=False)
        for row in named
    ]
    extents = [text.get_window_extent() for text in texts]
    places = place_labels(
        [where[row.number] for row in named],
        [(extent.width, extent.height) for extent in extents],
        within=Box(*axes.get_window_extent().extents),
        hard=[_box(point, point, MARKER * PIXEL / 2) for point in where.values()],
        soft=_lines(axes, table),
        gap=(MARKER / 2 + 2) * PIXEL,
    )
    for row, text, place in zip(named, texts, places, strict=True):
        if place is None:
            text.remove()
            continue
        text.set(x=place.left, y=place.bottom, va="bottom", zorder=5, transform=IdentityTransform())
        text.set_path_effects([withStroke(linewidth=1.5, foreground="white")])  # readable on a line
        _leader(axes, where[row.number], place)
    unnamed = len(table) - len(named) + places.count(None)
    if unnamed:
        note = f"{unnamed} of {len(table)} are not named here: see the table"
        axes.annotate(note, (1, 1), xycoords="axes fraction", ha="right", va="bottom", fontsize=FONT - 1)


def _text_colours(table: Sequence[Row]) -> dict[str, str]:
    """Return black for a single set, otherwise each set's colour, dark enough to read."""
    from matplotlib.colors import to_hex, to_rgb

    sets = _sets(table)
    if len(sets) == 1:
        return dict.fromkeys(sets, "black")
    dark = {}
    for name, (look, _) in sets.items():
        red, green, blue = to_rgb(look.colour)
        dark[name] = to_hex((0.7 * red, 0.7 * green, 0.7 * blue))
    return dark


def _lines(axes: Axes, table: Sequence[Row]) -> list[Box]:
    """Return thin boxes, in pixels, that cover the error bars and the fronts."""
    bars = [(Point(_x(row), _y(row) - _half(row)), Point(_x(row), _y(row) + _half(row))) for row in table]
    end = axes.get_xlim()[1]
    steps = [pair for _, rows in _sets(table).values() for pair in itertools.pairwise(_front(rows, end))]
    return [_box(_pixels(axes, a), _pixels(axes, b), PIXEL) for a, b in bars + steps]


def _leader(axes: Axes, point: Point, place: Box) -> None:
    """Join a label that stands away from its point to it with a thin line."""
    from matplotlib.lines import Line2D
    from matplotlib.transforms import IdentityTransform

    end = nearest(point, place)
    if math.dist(point, end) < FAR:
        return
    line = Line2D((point.x, end.x), (point.y, end.y), color="#777777", linewidth=0.5, zorder=1)
    line.set_transform(IdentityTransform())
    axes.add_artist(line)


def _pixels(axes: Axes, point: Point) -> Point:
    x, y = axes.transData.transform(point)
    return Point(float(x), float(y))


def _box(a: Point, b: Point, margin: float) -> Box:
    """Return the box with the corners a and b, wider by a margin on each side."""
    left, right = sorted((a.x, b.x))
    bottom, top = sorted((a.y, b.y))
    return Box(left - margin, bottom - margin, right + margin, top + margin)


def _cut(name: str) -> str:
    """Shorten a long name in its middle: what tells variants apart stands at its ends."""
    half = LONGEST_LABEL // 2 - 1
    return name if len(name) <= LONGEST_LABEL else f"{name[:half]}…{name[-half:]}"
