"""Pictures of any size become what torchvision's and timm's own transforms make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from archbuilder.data.pictures import INTERPOLATIONS
from archbuilder.errors import DataError
from archbuilder.zoo.preprocess import Preprocess

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def pixels(high: int, wide: int, channels: int = 3, seed: int = 0) -> Any:
    """Return a random picture, uint8 [H, W, C]."""
    return np.random.default_rng(seed).integers(0, 256, (high, wide, channels), dtype=np.uint8)


def same(made: torch.Tensor, expected: torch.Tensor) -> None:
    # One of torchvision's presets divides by a grey level, so that its pixels are not around 1.
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-6 * max(1.0, float(expected.abs().max())))


@settings(max_examples=60, deadline=None)
@given(
    high=st.integers(5, 90),
    wide=st.integers(5, 90),
    crop=st.integers(1, 40),
    more=st.integers(0, 10),
    interpolation=st.sampled_from(INTERPOLATIONS),
    seed=st.integers(0, 99),
)
def test_any_picture_is_prepared_as_torchvisions_preset_does_it(
    high: int, wide: int, crop: int, more: int, interpolation: str, seed: int
) -> None:
    ours = Preprocess([3, crop, crop], MEAN, STD, crop + more, interpolation)
    theirs = ImageClassification(
        crop_size=crop, resize_size=crop + more, interpolation=InterpolationMode(interpolation), mean=MEAN, std=STD
    )
    picture = pixels(high, wide, seed=seed)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    same(ours(Image.fromarray(picture)), theirs(Image.fromarray(picture))[None])
    same(ours(tensor), theirs(tensor)[None])
    same(ours(picture), theirs(tensor)[None])
    same(ours(tensor[None]), theirs(tensor[None]))


def presets() -> dict[str, Any]:
    """Return the different ways in which torchvision's classifiers want their pictures."""
    models = torchvision.models
    weights = [w for name in models.list_models(module=models) for w in models.get_model_weights(name)]
    return {str(weight.transforms()): weight.transforms() for weight in weights}


def test_every_preset_of_torchvisions_classifiers_can_be_held() -> None:
    picture = Image.fromarray(pixels(301, 233))
    assert len(presets()) > 10
    for theirs in presets().values():
        shape = [3, *theirs.crop_size * 2]
        ours = Preprocess(shape, theirs.mean, theirs.std, theirs.resize_size[0], theirs.interpolation.value)
        same(ours(picture), theirs(picture)[None])


def test_every_grey_level_is_normalised_alike() -> None:
    ours = Preprocess([3, 16, 16], MEAN, STD, 16)
    levels = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    theirs = ImageClassification(crop_size=16, resize_size=16)
    same(ours(Image.fromarray(levels)), theirs(Image.fromarray(levels))[None])


def test_pictures_of_different_sizes_make_one_batch() -> None:
    ours = Preprocess([3, 8, 8], MEAN, STD, 9)
    pictures = [Image.fromarray(pixels(12, 30)), pixels(40, 9), torch.zeros(3, 20, 20, dtype=torch.uint8)]
    batch = ours(pictures)
    assert batch.shape == (3, 3, 8, 8)
    for row, picture in zip(batch, pictures, strict=True):
        assert torch.equal(row, ours(picture)[0])


def test_grey_pictures_are_for_networks_of_one_channel() -> None:
    ours = Preprocess([1, 8, 8], [0.5], [0.25], 8)
    picture = pixels(20, 30, 1)[:, :, 0]
    expected = ImageClassification(crop_size=8, resize_size=8, mean=(0.5,), std=(0.25,))(Image.fromarray(picture))
    same(ours(Image.fromarray(picture)), expected[None])


@pytest.mark.parametrize(
    ("picture", "telling"),
    [
        (Image.new("P", (20, 20)), r"mode P; .* picture\.convert\('RGB'\)"),
        (Image.new("RGBA", (20, 20)), r"mode RGBA; .* picture\.convert\('RGB'\)"),
        (Image.new("I;16", (20, 20)), "mode I;16"),
        (pixels(20, 20, 4), r"\[4, 8, 8\]; this network wants torch\.uint8 \[3, any, any\]"),
        (pixels(20, 20) / 255, "float64"),
        (torch.zeros(3, 20, 20), r"torch\.float32"),
        (torch.zeros(20, 20, dtype=torch.uint8), r"torch\.uint8"),
        (torch.zeros(3, 0, 20, dtype=torch.uint8), r"\[3, 0, 20\]"),
        (torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8), r"\[2, 3, 8, 8\]"),
        ("picture.png", r"PIL\.Image\.open"),
    ],
)
def test_what_is_no_picture_is_refused(picture: Any, telling: str) -> None:
    with pytest.raises(DataError, match=telling):
        Preprocess([3, 8, 8], MEAN, STD, 9)(picture)


def test_without_a_resize_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(DataError, match="convert and resize it first"):
        Preprocess([3, 8, 8], MEAN, STD)(Image.fromarray(pixels(9, 8)))


def test_a_tensor_with_its_channels_last_is_told_to_turn_them() -> None:
    with pytest.raises(DataError, match="; permute a tensor's channels to the front"):
        Preprocess([3, 8, 6], [0.5] * 3, [0.5] * 3)(torch.zeros(8, 6, 3, dtype=torch.uint8))


def test_no_pictures_at_all() -> None:
    with pytest.raises(DataError, match="the list of pictures is empty"):
        Preprocess([3, 8, 8], MEAN, STD)([])
