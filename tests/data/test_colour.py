"""Each function against the pixel by pixel one in slow.py, and against torchvision's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import functional

from archbuilder.data import colour
from tests.data import slow
from tests.data.examples import any_images

FACTORS = ("brightness", "contrast", "saturation", "sharpness")
ROUNDED = 0.501  # to the nearest level, but for the errors of single precision


@settings(deadline=None, max_examples=50)
@given(any_images(), st.integers(0, 1000), st.sampled_from(FACTORS))
def test_factors(images: torch.Tensor, seed: int, name: str) -> None:
    factor = torch.rand(len(images), generator=torch.Generator().manual_seed(seed)) * 2
    result = getattr(colour, name)(images, factor)
    assert (result.shape, result.dtype) == (images.shape, torch.uint8)
    for i, before in enumerate(images.numpy()):
        expected = getattr(slow, name)(before, float(factor[i]))
        assert np.abs(result[i].numpy() - expected).max() <= ROUNDED


@settings(deadline=None, max_examples=20)
@given(any_images(), st.sampled_from(FACTORS))
def test_a_factor_of_one_changes_nothing(images: torch.Tensor, name: str) -> None:
    assert torch.equal(getattr(colour, name)(images, torch.ones(len(images))), images)


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize("factor", [0.3, 1.7])
def test_factors_are_torchvisions_but_for_its_rounding_down(name: str, factor: float) -> None:
    images = torch.randint(0, 256, (4, 3, 9, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs: Any = torch.stack([getattr(functional, f"adjust_{name}")(image, factor) for image in images])
    ours = getattr(colour, name)(images, torch.full((4,), factor))
    assert (ours.int() - theirs.int()).abs().max() <= 2


@settings(deadline=None, max_examples=50)
@given(any_images(), st.integers(0, 1000))
def test_posterize_and_solarize(images: torch.Tensor, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 9, (len(images),), generator=generator)
    threshold = torch.rand(len(images), generator=generator) * 256
    fewer, inverted = colour.posterize(images, bits), colour.solarize(images, threshold)
    assert fewer.dtype == inverted.dtype == torch.uint8
    for i, before in enumerate(images.numpy()):
        assert np.array_equal(fewer[i].numpy(), slow.posterize(before, int(bits[i])))
        assert np.array_equal(inverted[i].numpy(), slow.solarize(before, float(threshold[i])))


@settings(deadline=None, max_examples=50)
@given(any_images(), st.booleans())
def test_autocontrast(images: torch.Tensor, flat: bool) -> None:
    if flat:
        images[0, 0] = 7
    result = colour.autocontrast(images)
    for before, after in zip(images.numpy(), result.numpy(), strict=True):
        assert np.abs(after - slow.autocontrast(before)).max() <= ROUNDED
    assert torch.equal(colour.autocontrast(result), result), "twice is as once"


def test_grey_is_torchvisions() -> None:
    images = torch.randint(0, 256, (4, 3, 9, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    theirs = functional.rgb_to_grayscale(images.float())
    torch.testing.assert_close(colour.grey(images), theirs, atol=0.05, rtol=0)
