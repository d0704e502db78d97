"""How much of the picture one output value can depend on. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from archbuilder.graph import Flat
from archbuilder.primitives.base import Primitive, Window


@dataclass(frozen=True)
class Side:
    """Along one side of a value: the pixels of the picture that one position sees, and those from one to the next."""

    size: float = 1.0
    jump: float = 1.0


Field = tuple[Side, Side]
"""Along height and width."""


def receptive_fields(flat: Flat, primitives: Sequence[Primitive]) -> tuple[tuple[int, int], ...]:
    """Return the theoretical receptive field, height and width in pixels of the input, of each call's outputs.

    `primitives` are those of the calls. Every window adds (kernel - 1) * dilation * jump and multiplies the jump by
    its stride (Araujo et al. 2019); of several inputs the largest field counts. A field may be larger than the
    picture, but a window over its whole input sees the picture and no more. Norms over a map count as 1x1.
    """
    inputs = [sides_of(flat.shapes[value]) for value in flat.inputs]
    picture = (max(high for high, _ in inputs), max(wide for _, wide in inputs))
    fields: dict[int, Field] = {value: (Side(), Side()) for value in flat.inputs}
    for call, primitive in zip(flat.calls, primitives, strict=True):
        shapes = tuple(flat.shapes[value] for value in call.inputs)
        field = _seen([fields[value] for value in call.inputs], primitive.field(shapes), _largest(shapes), picture)
        fields.update(dict.fromkeys(call.outputs, field))
    return tuple((_pixels(fields[call.outputs[0]][0]), _pixels(fields[call.outputs[0]][1])) for call in flat.calls)


def sides_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return height and width of [C, H, W]; one position for [C]."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


def _largest(shapes: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    return max(sides_of(shape) for shape in shapes)


def _seen(inputs: Sequence[Field], window: Window, sides: tuple[int, int], picture: tuple[int, int]) -> Field:
    high, wide = (_through([field[i] for field in inputs], window, i, sides[i], picture[i]) for i in (0, 1))
    return high, wide


def _through(inputs: Sequence[Side], window: Window, i: int, positions: int, pixels: int) -> Side:
    """Return one side behind a window that moves over `positions`, of a picture of `pixels`."""
    size = max(side.size for side in inputs)
    # A gate of one position, far from the next, is spread over the positions of the map that it multiplies.
    jump = min(side.jump for side in inputs)
    reach = (window.kernel[i] - 1) * window.dilation + 1
    size += (min(reach, positions) - 1) * jump
    if reach >= positions:
        size = min(size, pixels)
    # On a map of one position a stride leads nowhere: numbers must not grow without end in a deep network.
    return Side(size, min(jump * window.stride[i], pixels))


def _pixels(side: Side) -> int:
    # A third three times, of an enlarged map, is one pixel and not a little more.
    return math.ceil(side.size - 1e-6)
