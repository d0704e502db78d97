"""The window that a primitive says it reads, against the values that gradients from its output reach."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archbuilder.api import build
from archbuilder.graph import flatten
from archbuilder.primitives import Window, bind
from tests.primitives.cases import CASES, single, tensors

# A norm over a group of channels reads whole maps, but by definition counts as reading one position.
READING = [case for case in CASES if case[1].get("norm") != "group"]
IMAGES = 16
"""So many, since of each window of max_pool only one value has a gradient."""

Extent = tuple[int, int] | None
"""First and last position that is read; None: nothing is."""


@pytest.mark.parametrize(
    ("op", "arguments", "shapes"), READING, ids=[f"{op}-{arguments}" for op, arguments, _ in READING]
)
def test_a_primitive_reads_what_its_field_says(
    op: str, arguments: dict[str, Any], shapes: list[tuple[int, int, int]]
) -> None:
    # In doubles, where a weight that should be zero is.
    network = build(single(op, arguments, shapes)).double().eval()
    for weights in network.parameters():
        nn.init.normal_(weights)  # some begin as zeros, through which nothing is read
    windows = bind(flatten(network.graph).calls[0].leaf).field(tuple(shapes))
    assert windows is not None, f"{op} has no field(), so that the receptive field of what is behind it is unknown"
    inputs = [one.double().requires_grad_() for one in tensors(shapes, batch=IMAGES)]
    out = network(*inputs)
    for axis, window in enumerate(windows):
        for one in inputs:
            positions = out.shape[2 + axis] if out.dim() == 4 else 1
            if one.shape[2 + axis] == 1 < positions:
                continue  # a value per channel meets every position of a map
            read = [_read(out, one, axis, position) for position in range(positions)]
            _check(window, read, one.shape[2 + axis], f"{op}, along {('height', 'width')[axis]}")


def _check(window: Window, read: list[Extent], side: int, where: str) -> None:
    """Check that nothing outside of the windows is read, and those inside of the map from end to end."""
    told = [_told(window, position, side) for position in range(len(read))]
    assert any(first >= 0 and last < side for first, last in told), f"{where}: MAP is too small for a whole window"
    for (first, last), extent in zip(told, read, strict=True):
        what = f"{where}: reads {read} where field() says {told}"
        assert extent is None or (first <= extent[0] and extent[1] <= last), what
        # What reads nothing at all, as zeros do, has a window all the same.
        if any(read) and first >= 0 and last < side:
            assert extent == ((first, last) if first <= last else None), what


def _told(window: Window, position: int, side: int) -> tuple[int, int]:
    if window.step == 0:
        return 0, side - 1
    first, last = (window.step * position + end for end in (window.first, window.last))
    return first // window.per, last // window.per


def _read(out: Tensor, one: Tensor, axis: int, position: int) -> Extent:
    """Return what the outputs of one row (axis 0) or column read of an input along that axis."""
    values = out.select(2 + axis, position) if out.dim() == 4 else out
    if not values.requires_grad:
        return None
    # Weighted, for the sum of a softmax's outputs is always one.
    weights = torch.randn(values.shape, generator=torch.Generator().manual_seed(position))
    [gradient] = torch.autograd.grad((values * weights).sum(), one, retain_graph=True, materialize_grads=True)
    places = gradient.abs().amax(dim=(0, 1, 3 - axis)).nonzero().flatten().tolist()
    return (places[0], places[-1]) if places else None
