"""Each function against the pixel by pixel one in slow.py."""

from __future__ import annotations

import math

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.geometry import affine, mirror, shift, squares
from tests.data import slow
from tests.data.examples import any_images

DTYPES = (torch.uint8, torch.float32, torch.bfloat16)


def rand(n: int, seed: int) -> torch.Tensor:
    return torch.rand(n, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=50)
@given(any_images(), st.integers(0, 1000), st.sampled_from(DTYPES))
def test_mirror(images: torch.Tensor, seed: int, dtype: torch.dtype) -> None:
    mirrored = rand(len(images), seed) < 0.5
    result = mirror(images.to(dtype), mirrored)
    assert result.dtype == dtype
    for flag, before, after in zip(mirrored, images.numpy(), result.to(torch.uint8).numpy(), strict=True):
        assert np.array_equal(after, slow.mirror(before) if flag else before)
    assert torch.equal(mirror(result, mirrored), images.to(dtype)), "twice is not at all"


@settings(deadline=None, max_examples=80)
@given(any_images(), st.integers(1, 8), st.integers(0, 1000), st.booleans(), st.sampled_from(DTYPES))
def test_shift(images: torch.Tensor, most: int, seed: int, reflect: bool, dtype: torch.dtype) -> None:
    most = min(most, *(side - 1 for side in images.shape[2:]))
    generator = torch.Generator().manual_seed(seed)
    down, right = torch.randint(-most, most + 1, (2, len(images)), generator=generator)
    result = shift(images.to(dtype), down, right, reflect)
    assert result.dtype == dtype
    for i, before in enumerate(images.numpy()):
        expected = slow.shift(before, int(down[i]), int(right[i]), reflect)
        assert np.array_equal(result[i].to(torch.uint8).numpy(), expected)


@settings(deadline=None, max_examples=50)
@given(any_images(), st.integers(0, 6), st.integers(0, 6), st.integers(0, 1000))
def test_squares(images: torch.Tensor, tall: int, wide: int, seed: int) -> None:
    height, width = images.shape[2:]
    row = (rand(len(images), seed) * height).long()
    column = (rand(len(images), seed + 1) * width).long()
    sides = torch.full_like(row, tall)
    covered = squares(height, width, row, column, sides, wide)
    for i, before in enumerate((images // 2 + 1).numpy()):
        expected = slow.hidden(before, int(row[i]), int(column[i]), tall, wide)
        assert np.array_equal(expected[0] == 0, covered[i, 0].numpy())


@settings(deadline=None, max_examples=50)
@given(any_images(), st.integers(0, 1000))
def test_affine(images: torch.Tensor, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(len(images), 2, 2, generator=generator, dtype=torch.float64)
    offset = torch.randn(len(images), 2, generator=generator, dtype=torch.float64) * 2
    result = affine(images, matrix, offset)
    for i, before in enumerate(images.numpy()):
        assert np.array_equal(result[i].numpy(), slow.affine(before, matrix[i].numpy(), offset[i].numpy()))


@settings(deadline=None, max_examples=30)
@given(any_images(), st.integers(1, 3))
def test_affine_maps_that_are_known(images: torch.Tensor, quarters: int) -> None:
    n = len(images)
    one = torch.eye(2, dtype=torch.float64).repeat(n, 1, 1)
    none = torch.zeros(n, 2, dtype=torch.float64)
    assert torch.equal(affine(images, one, none), images)
    shifted = affine(images, one, none + torch.tensor([1.0, -2.0]))
    assert torch.equal(shifted, shift(images, torch.full((n,), 1), torch.full((n,), -2), reflect=False))
    square = images[..., : min(images.shape[2:]), : min(images.shape[2:])]
    angle = torch.tensor(quarters * math.pi / 2, dtype=torch.float64)
    turn = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]], dtype=torch.float64).round()
    assert torch.equal(affine(square, turn.repeat(n, 1, 1), none), torch.rot90(square, -quarters, (2, 3)))
