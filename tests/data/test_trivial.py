from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.images import Array
from archbuilder.data.trivial import ANGLE, FACTOR, FEWEST_BITS, SHEAR, SHIFT, changes, trivial
from tests.data import slow
from tests.data.examples import any_images, draws_for

ONE, NONE = np.eye(2), np.zeros(2)


def slowly(name: str, image: Array, uniform: float) -> Array:
    """Return what an operation makes of one image, written out."""
    signed = 2 * uniform - 1
    _, height, width = image.shape
    sine, cosine = math.sin(math.radians(ANGLE) * signed), math.cos(math.radians(ANGLE) * signed)
    maps = {
        "shear rows": ([[1, SHEAR * signed], [0, 1]], NONE),
        "shear columns": ([[1, 0], [SHEAR * signed, 1]], NONE),
        "shift rows": (ONE, [SHIFT * height * signed, 0]),
        "shift columns": (ONE, [0, SHIFT * width * signed]),
        "rotate": ([[cosine, -sine], [sine, cosine]], NONE),
    }
    if name in maps:
        matrix, offset = maps[name]
        return slow.affine(image, np.array(matrix), np.array(offset))
    if name in ("brightness", "contrast", "saturation", "sharpness"):
        result: Array = getattr(slow, name)(image, 1 + FACTOR * signed)
        return result
    if name == "posterize":
        return slow.posterize(image, FEWEST_BITS + int(uniform * (9 - FEWEST_BITS)))
    if name == "solarize":
        return slow.solarize(image, 256 * uniform)
    return {"identity": image, "autocontrast": slow.autocontrast(image)}[name]


@settings(deadline=None, max_examples=100)
@given(any_images(), st.integers(0, 10_000))
def test_each_image_is_changed_by_one_operation_of_its_own_strength(images: torch.Tensor, seed: int) -> None:
    draws, before = draws_for(images, seed), images.clone()
    names = list(changes(images.shape[1]))
    result = trivial(images, draws)
    assert torch.equal(images, before), "what was given is not written to"
    assert (result.shape, result.dtype) == (images.shape, torch.uint8)
    for i, image in enumerate(images.numpy()):
        name = names[int(draws.op[i] * len(names))]
        expected = slowly(name, image, float(draws.strength[i]))
        assert np.abs(result[i].numpy() - expected.astype(float)).max() <= 0.501, f"{name}, rounded to the nearest"


@pytest.mark.parametrize("channels", [1, 3])
def test_every_operation_is_picked_equally_often(channels: int) -> None:
    images = torch.zeros(2600, channels, 3, 3, dtype=torch.uint8)
    known = len(changes(channels))
    counts = torch.bincount((draws_for(images).op * known).long(), minlength=known)
    assert counts.min() > 2600 / known * 0.75


def test_grey_images_are_not_desaturated() -> None:
    assert "saturation" in changes(3)
    assert "saturation" not in changes(1)
