"""Placing labels beside points so that nothing is covered: plain geometry, in pixels or any other unit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

# Right of the point is where a label is looked for first, then left, above, below, and between those.
ANGLES = (0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240)
STEPS = 24
# Covering a line, or leading across a point, is as bad as standing so many steps further away,
CROSSING = 3
# and a leader that passes under a label, where the eye may lose it, as so many.
HIDING = 12


class Point(NamedTuple):
    """A place."""

    x: float
    y: float


class Box(NamedTuple):
    """An upright rectangle."""

    left: float
    bottom: float
    right: float
    top: float


def place_labels(
    points: Sequence[Point],
    sizes: Sequence[tuple[float, float]],
    within: Box,
    hard: Sequence[Box],
    soft: Sequence[Box],
    gap: float,
    steps: int = STEPS,
) -> list[Box | None]:
    """Return for each point the box of its label, or None where no place near it is free.

    Boxes lie within `within` and overlap neither one another nor any of `hard` (the points as drawn). Those
    of `soft` (lines), and the leaders of others, straight lines from points to labels, are avoided where that
    does not cost much distance. Earlier points choose first; `gap` is from a point to its label, and each of
    the `steps` further away is three fifths of the label's height.
    """
    import numpy as np

    lines, marks = _array(soft, 4), _array(hard, 4)
    boxes, leaders = _array([], 4), _array([], 2)
    places: list[Box | None] = []
    for point, size in zip(points, sizes, strict=True):
        best, best_cost = None, math.inf
        for step, box in _candidates(point, size, gap, steps):
            if step >= best_cost:
                break
            if not _inside(box, within) or _overlaps(box, marks) or _overlaps(box, boxes):
                continue
            path = _array(list(_leader(point, box, gap)), 2)
            crossed = _overlaps(box, lines) + _covered(path, marks)
            hidden = _covered(path, boxes) + _covered(leaders, _array([box], 4))
            cost = step + CROSSING * crossed + HIDING * hidden
            if cost < best_cost:
                best, best_cost = box, cost
        places.append(best)
        if best is not None:
            boxes = np.vstack([boxes, best])
            leaders = np.vstack([leaders, _array(list(_leader(point, best, gap)), 2)])
    return places


def nearest(point: Point, box: Box) -> Point:
    """Return the place in a box that is nearest to a point, where a leader ends."""
    return Point(min(max(point.x, box.left), box.right), min(max(point.y, box.bottom), box.top))


def _candidates(point: Point, size: tuple[float, float], gap: float, steps: int) -> Iterator[tuple[int, Box]]:
    """Yield (step, box): boxes of a size around a point, each step further away."""
    width, height = size
    for step in range(steps):
        distance = gap + step * height * 0.6
        for angle in ANGLES:
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            # The box touches the circle of that distance with the edge or corner that faces the point.
            left = point.x + across * distance - width * (1 - across) / 2
            bottom = point.y + up * distance - height * (1 - up) / 2
            yield step, Box(left, bottom, left + width, bottom + height)


def _leader(point: Point, box: Box, gap: float) -> Iterator[Point]:
    """Yield places on the line from a point to its label, a gap apart, without the two ends."""
    end = nearest(point, box)
    count = int(math.dist(point, end) / gap)
    for i in range(1, count):
        share = i / count
        yield Point(point.x + share * (end.x - point.x), point.y + share * (end.y - point.y))


def _inside(box: Box, outer: Box) -> bool:
    fits_across = outer.left <= box.left and box.right <= outer.right
    return fits_across and outer.bottom <= box.bottom and box.top <= outer.top


def _overlaps(box: Box, others: Numbers) -> int:
    """Return how many of the boxes (n x 4) overlap one."""
    left, bottom, right, top = others.T
    return int(((left < box.right) & (right > box.left) & (bottom < box.top) & (top > box.bottom)).sum())


def _covered(points: Numbers, boxes: Numbers) -> int:
    """Return how many of the points (m x 2) lie in some of the boxes (n x 4), counted per box."""
    x, y = points.T[:, :, None]
    left, bottom, right, top = boxes.T
    return int(((left < x) & (x < right) & (bottom < y) & (y < top)).any(axis=0).sum())


def _array(rows: Sequence[Sequence[float]], columns: int) -> Numbers:
    import numpy as np

    return np.array(rows, dtype=float).reshape(-1, columns)


def spread(heights: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Return heights as near to the given ones as can be, each `apart` from the next, in their order, in low..high.

    Those that begin or end outside are moved in, as far as there is room for all of them. Nearness is that of squares.
    """
    order = sorted(range(len(heights)), key=heights.__getitem__)
    # With the distance taken off, what is asked for is the nearest series that never falls: what does is pooled.
    pools: list[tuple[float, int]] = []
    for place, i in enumerate(order):
        total, count = heights[i] - place * apart, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            before = pools.pop()
            total, count = total + before[0], count + before[1]
        pools.append((total, count))
    levels = [total / count for total, count in pools for _ in range(count)]
    top = max(low, high - (len(order) - 1) * apart)
    found = [0.0] * len(heights)
    for place, i in enumerate(order):
        found[i] = min(max(levels[place], low), top) + place * apart
    return found
