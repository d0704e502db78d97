"""Accuracy against parameters or another cost as points, with intervals, names and fronts."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archbuilder.compare.axes import Axis
from archbuilder.compare.frame import COLOURS, DPI, FONT, PIXEL, SHAPES, SIZE, Placed, dark, frame, note_unnamed, placed
from archbuilder.compare.placement import STEPS, Box, Point, nearest, place_labels
from archbuilder.compare.table import Row, network_name, set_order
from archbuilder.compare.words import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKER = 5.0
FAR = 7 * PIXEL  # a label that stands no further from its point needs no line to it
# Of more networks only those on a front are named, so that the picture can be read; the table names all.
MOST_NAMED = 60
NEAR = 5  # steps that a label may stand away from its point then
ROOM = 100  # characters of a legend side by side
MOST_IN_LEGEND = 12


class Look(NamedTuple):
    """How the points of one set of comparable rows are drawn."""

    colour: str
    shape: str


def scatter(figure: Figure, table: Sequence[Row], x: Axis, together: bool) -> None:
    """Fill a figure with a point for each row, its name beside it, and the front of each set of comparable rows."""
    axes = figure.add_subplot()
    points = [placed(row, x) for row in table]
    fronts = _fronts(points, x, together)
    frame(axes, points, x)
    for name, (look, members) in _sets(points).items():
        _points(axes, name, look, members)
    for look, front in fronts:
        axes.plot(*zip(*_steps(front, axes, x), strict=True), color=look.colour, linewidth=1, alpha=0.6, zorder=2)
    if len(_sets(points)) > 1:
        _legend(figure, axes)
    # Labels are placed among the pixels of the finished layout, which must not move afterwards.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    _names(axes, points, [_steps(front, axes, x) for _, front in fronts])


def _sets(points: Iterable[Placed]) -> dict[str, tuple[Look, list[Placed]]]:
    """Return the points by set of comparable ones, each in the order of the table, and how they are drawn."""
    sets: dict[str, tuple[Look, list[Placed]]] = {}
    for point in sorted(points, key=lambda point: (*set_order(point.row), point.row.number)):
        i = len(sets)
        look = Look(COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)])
        sets.setdefault(point.row.set, (look, []))[1].append(point)
    return sets


def _points(axes: Axes, name: str, look: Look, points: Sequence[Placed]) -> None:
    """Draw one set of comparable rows: its points and intervals."""
    marker: dict[str, Any] = {"markersize": MARKER, "markeredgecolor": "white", "markeredgewidth": 0.5}
    x, y = [point.x for point in points], [point.y for point in points]
    axes.plot(x, y, look.shape, color=look.colour, label=name, zorder=4, **marker)
    known = [point for point in points if point.row.accuracy_interval is not None]
    if known:
        x, y = [point.x for point in known], [point.y for point in known]
        halves = [point.half for point in known]
        axes.errorbar(x, y, halves, fmt="none", ecolor=look.colour, elinewidth=1, capsize=2.5, zorder=3)


def _fronts(points: Sequence[Placed], x: Axis, together: bool) -> list[tuple[Look, list[Placed]]]:
    """Return the points of each front, the least cost first, and how it is drawn."""
    sets = [(Look("#555555", ""), list(points))] if together else list(_sets(points).values())
    fronts = [(look, [point for point in members if point.row.front]) for look, members in sets]
    # A set of one row has none.
    return [(look, sorted(front, key=lambda point: (x.cost(point.row), point.y))) for look, front in fronts if front]


def _steps(front: Sequence[Placed], axes: Axes, x: Axis) -> list[Point]:
    """Return the corners of the step line: the best accuracy to be had for at most so much cost."""
    corners: list[Point] = []
    for point in front:
        if corners:
            corners.append(Point(point.x, corners[-1].y))
        corners.append(Point(point.x, point.y))
    return [*corners, Point(axes.get_xlim()[0 if x.more_is_better else 1], corners[-1].y)]


def _legend(figure: Figure, axes: Axes) -> None:
    handles, names = axes.get_legend_handles_labels()
    longest = max(map(len, names[:MOST_IN_LEGEND]))
    columns = next((number for number in (3, 2) if longest <= ROOM // number), 1)
    shown = [cut(name, ROOM // columns) for name in names[:MOST_IN_LEGEND]]
    if len(names) > len(shown):
        shown[-1] += f" (and {len(names) - len(shown)} more)"
    legend = figure.legend(
        handles[: len(shown)], shown, loc="outside lower center", ncols=columns, fontsize=FONT, frameon=False
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _names(axes: Axes, points: Sequence[Placed], fronts: Sequence[Sequence[Point]]) -> None:
    """Name the points, those on a front first; where there is no room for all, say how many are unnamed."""
    from matplotlib.patheffects import withStroke

    named = [point for point in points if point.row.front]
    if len(points) <= MOST_NAMED:
        named += [point for point in points if not point.row.front]
    colours, called = _text_colours(points), labels([point.row for point in points])
    texts = [
        axes.text(0, 0, cut(called[row.number]), fontsize=FONT, color=colours[row.set], parse_math=False)
        for row, *_ in named
    ]
    extents = [text.get_window_extent() for text in texts]
    where = [_pixels(axes, Point(point.x, point.y)) for point in named]
    places = place_labels(
        where,
        [(extent.width, extent.height) for extent in extents],
        within=Box(*axes.get_window_extent().extents),
        hard=[_box(place, place, MARKER * PIXEL / 2) for place in _all_pixels(axes, points)],
        soft=_lines(axes, points, fronts),
        gap=(MARKER / 2 + 2) * PIXEL,
        steps=STEPS if len(points) <= MOST_NAMED else NEAR,
    )
    for text, start, place in zip(texts, where, places, strict=True):
        if place is None:
            text.remove()
            continue
        x, y = _share(Point(place.left, place.bottom))
        text.set(x=x, y=y, va="bottom", zorder=5, transform=axes.figure.transFigure)
        text.set_path_effects([withStroke(linewidth=1.5, foreground="white")])  # readable on a line
        _leader(axes, start, place)
    unnamed = len(points) - len(named) + places.count(None)
    note_unnamed(axes, unnamed, len(points))


def labels(table: Sequence[Row]) -> dict[int, str]:
    """Return by number what each row is called: its set too, where names repeat and the legend cannot name all sets."""
    if len({row.set for row in table}) <= MOST_IN_LEGEND:
        return {row.number: network_name(row) for row in table}
    names = Counter(row.network for row in table)
    return {row.number: f"{row.network} ({row.set})" if names[row.network] > 1 else network_name(row) for row in table}


def _text_colours(points: Sequence[Placed]) -> dict[str, str]:
    """Return black for a single set, otherwise each set's colour, dark enough to read."""
    sets = _sets(points)
    if len(sets) == 1:
        return dict.fromkeys(sets, "black")
    return {name: dark(look.colour) for name, (look, _) in sets.items()}


def _lines(axes: Axes, points: Sequence[Placed], fronts: Sequence[Sequence[Point]]) -> list[Box]:
    """Return thin boxes, in pixels, that cover the error bars and the fronts."""
    bars = [(Point(p.x, p.y - p.half), Point(p.x, p.y + p.half)) for p in points if p.half]
    steps = [pair for front in fronts for pair in itertools.pairwise(front)]
    return [_box(_pixels(axes, a), _pixels(axes, b), PIXEL) for a, b in bars + steps]


def _leader(axes: Axes, point: Point, place: Box) -> None:
    """Join a label that stands away from its point to it with a thin line."""
    from matplotlib.lines import Line2D

    end = nearest(point, place)
    if math.dist(point, end) < FAR:
        return
    x, y = zip(_share(point), _share(end), strict=True)
    line = Line2D(x, y, color="#777777", linewidth=0.5, zorder=1)
    line.set_transform(axes.figure.transFigure)
    axes.add_artist(line)


def _share(place: Point) -> Point:
    """Return a place in pixels as shares of the picture's sides, which hold in every format."""
    return Point(place.x / (SIZE[0] * DPI), place.y / (SIZE[1] * DPI))


def _all_pixels(axes: Axes, points: Sequence[Placed]) -> list[Point]:
    places = axes.transData.transform([(point.x, point.y) for point in points])
    return [Point(x, y) for x, y in places.tolist()]


def _pixels(axes: Axes, point: Point) -> Point:
    x, y = axes.transData.transform(point)
    return Point(float(x), float(y))


def _box(a: Point, b: Point, margin: float) -> Box:
    """Return the box with the corners a and b, wider by a margin on each side."""
    left, right = sorted((a.x, b.x))
    bottom, top = sorted((a.y, b.y))
    return Box(left - margin, bottom - margin, right + margin, top + margin)
