"""How much of the picture one output value can depend on. Imports no torch.

Along each side, one position of a value sees the pixels of an interval. As if every map went on without end, these
intervals repeat themselves: `period` positions further they lie `shift` pixels further. So a list as long as the
period says all of them exactly, behind strides, enlarged maps and branches that do not lie on one another alike.
(Araujo et al. 2019 add up kernels and strides, which is the same as long as nothing is enlarged.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from archbuilder.graph import Flat, Shape
from archbuilder.primitives.base import HERE, Primitive, Window

LONGEST_PERIOD = 1024
"""Positions that are told apart; where there are more, the field is unknown."""
MOST_POSITIONS = 2_000_000
"""Of all layers together along one side; the fields of those behind are unknown. An hour's work is easily written."""
WIDEST = 10**9
"""Pixels. What is wider, or steps further, is the whole of any picture: numbers must not grow without end."""


class Field(NamedTuple):
    """What one output value of a layer can depend on.

    `pixels` are height and width, None where they are unknown. `whole` tells that it is the whole picture, as behind
    global layers; then `pixels` are the picture's. `windows` are the pixels that windows alone lead to, without what
    comes in from the whole picture at once, such as gates per channel.
    """

    pixels: tuple[int, int] | None
    whole: bool
    windows: tuple[int, int] | None


def receptive_fields(flat: Flat, primitives: Sequence[Primitive]) -> tuple[Field, ...]:
    """Return the theoretical receptive field, in pixels of the input, of each call's outputs.

    `primitives` are those of the calls. The widest position counts, and of several inputs of the network the one of
    which most is seen. A field may be larger than the picture: that is not cut off. Norms over a map count as 1x1.
    """
    windows = [
        primitive.field(tuple(flat.shapes[value] for value in call.inputs))
        for call, primitive in zip(flat.calls, primitives, strict=True)
    ]
    sides = [_sides(shape) for shape in flat.shapes]
    along = [([side[axis] for side in sides], [window and window[axis] for window in windows]) for axis in range(2)]
    height = _extents(flat, *along[0])
    # Most pictures and windows are square.
    width = height if along[0] == along[1] else _extents(flat, *along[1])
    return tuple(_field(high, wide) for high, wide in zip(height, width, strict=True))


class _Extent(NamedTuple):
    """Along one side: the pixels that windows lead to, None where unknown; and whether the whole side is seen."""

    windows: int | None
    pixels: int | None
    whole: bool


def _field(high: _Extent, wide: _Extent) -> Field:
    return Field(_pair(high.pixels, wide.pixels), high.whole and wide.whole, _pair(high.windows, wide.windows))


def _pair(high: int | None, wide: int | None) -> tuple[int, int] | None:
    return None if high is None or wide is None else (high, wide)


def _sides(shape: Shape) -> tuple[int, int]:
    """Return height and width of [C, H, W]; one position for [C]."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


class _Seen(NamedTuple):
    """The first and last pixel that each position of one period sees, and where the next period begins."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    shift: int


class _Value(NamedTuple):
    """What is seen of each input of the network; nothing of it through windows where there is None."""

    seen: tuple[_Seen | None, ...]
    whole: bool = False
    unknown: bool = False


_PIXEL = _Seen((0,), (0,), 1)


def _extents(flat: Flat, sides: Sequence[int], windows: Sequence[Window | None]) -> list[_Extent]:
    """Return what each call's outputs see along one side, of which `sides` are the positions of each value."""
    picture = max(sides[value] for value in flat.inputs)
    values: dict[int, _Value] = {
        value: _Value(tuple(_PIXEL if value == other else None for other in flat.inputs)) for value in flat.inputs
    }
    extents: list[_Extent] = []
    left = MOST_POSITIONS
    # Networks repeat themselves, above all in layers that change nothing here.
    known: dict[_Value, _Extent] = {}
    for call, window in zip(flat.calls, windows, strict=True):
        most = max(sides[value] for value in call.inputs)
        value = _joined([_spread(values[one]) if sides[one] < most else values[one] for one in call.inputs])
        if window != HERE:
            value = _through(value, window)
        left -= sum(len(one.first) for one in value.seen if one)
        if left < 0:
            value = _Value((None,) * len(value.seen), value.whole, unknown=True)
        values.update(dict.fromkeys(call.outputs, value))
        if value not in known:
            known[value] = _extent(value, picture)
        extents.append(known[value])
    return extents


def _spread(value: _Value) -> _Value:
    """Return what one position sees, such as a gate's, that meets every position of a map: in all, anything."""
    return _Value((None,) * len(value.seen), whole=True)


def _joined(values: Sequence[_Value]) -> _Value:
    """Return what is seen by positions that lie on one another."""
    first, *others = dict.fromkeys(values)
    for other in others:
        pairs = zip(first.seen, other.seen, strict=True)
        both = [one and two and _hull(one, two) for one, two in pairs]
        drift = any(one and two and hull is None for one, two, hull in zip(first.seen, other.seen, both, strict=True))
        seen = tuple(hull or one or two for one, two, hull in zip(first.seen, other.seen, both, strict=True))
        first = _Value(seen, first.whole or other.whole, first.unknown or other.unknown or drift)
    return first


def _hull(one: _Seen, two: _Seen) -> _Seen | None:
    """Return what either sees; None where the intervals drift apart from position to position."""
    period = math.lcm(len(one.first), len(two.first))
    if one.shift * len(two.first) != two.shift * len(one.first) or period > LONGEST_PERIOD:
        return None
    places = [(_at(one.first, one.shift, i), _at(two.first, two.shift, i)) for i in range(period)]
    ends = [(_at(one.last, one.shift, i), _at(two.last, two.shift, i)) for i in range(period)]
    return _Seen(tuple(map(min, places)), tuple(map(max, ends)), one.shift * (period // len(one.first)))


def _through(value: _Value, window: Window | None) -> _Value:
    """Return what is seen through a window."""
    if window is None:
        return value._replace(unknown=True)
    if window.step == 0:
        return _spread(value)
    seen: list[_Seen | None] = []
    for one in value.seen:
        if one is None:
            seen.append(None)
            continue
        cycle = window.per * len(one.first)
        period = cycle // math.gcd(cycle, window.step)
        if period > LONGEST_PERIOD:
            return value._replace(unknown=True)
        moved = _moved(one, window, period)
        if moved.shift > WIDEST or moved.last[0] - moved.first[0] > WIDEST:
            return _spread(value)
        seen.append(moved)
    return value._replace(seen=tuple(seen))


def _moved(seen: _Seen, window: Window, period: int) -> _Seen:
    """Return what the window sees at each position: its ends tell, since no position sees less far than the last."""
    first, last, step, per = window
    return _Seen(
        tuple(_at(seen.first, seen.shift, (step * i + first) // per) for i in range(period)),
        tuple(_at(seen.last, seen.shift, (step * i + last) // per) for i in range(period)),
        seen.shift * (step * period // (window.per * len(seen.first))),
    )


def _at(places: tuple[int, ...], shift: int, position: int) -> int:
    turns, place = divmod(position, len(places))
    return places[place] + turns * shift


def _extent(value: _Value, picture: int) -> _Extent:
    widths = [last - first + 1 for one in value.seen if one for first, last in zip(one.first, one.last, strict=True)]
    # What is seen of nothing but whole sides, as behind a global pool, has no windows of its own.
    windows = None if value.unknown else max(widths, default=picture)
    return _Extent(windows, picture if value.whole else windows, value.whole)
