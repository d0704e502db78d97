from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.augment import Augment, cutout, flip, from_settings, translate
from archbuilder.errors import ConfigError
from tests.data.examples import settings_file

CONF = Path(__file__).parents[2] / "conf" / "augment"

batches = st.builds(
    lambda n, c, h, w, seed, dtype: (
        torch.randint(1, 256, (n, c, h, w), generator=torch.Generator().manual_seed(seed)).to(dtype),
        torch.Generator().manual_seed(seed + 1),
    ),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(4, 9),
    st.integers(4, 9),
    st.integers(0, 1000),
    st.sampled_from([torch.uint8, torch.float32, torch.bfloat16]),
)
Drawn = tuple[torch.Tensor, torch.Generator]


@settings(deadline=None, max_examples=50)
@given(batches, st.booleans(), st.integers(0, 3), st.integers(0, 3))
def test_shape_and_type_stay_and_the_given_images_are_not_written_to(
    drawn: Drawn, mirror: bool, pixels: int, size: int
) -> None:
    images, generator = drawn
    before = images.clone()
    result = Augment(mirror, pixels, size)(images, generator)
    assert (result.shape, result.dtype) == (images.shape, images.dtype)
    assert torch.equal(images, before)


@settings(deadline=None, max_examples=50)
@given(batches)
def test_a_flip_is_for_each_image_the_identity_or_the_mirror(drawn: Drawn) -> None:
    images, generator = drawn
    for before, after in zip(images, flip(images, generator), strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(2))


def test_about_half_of_the_images_are_mirrored() -> None:
    images = torch.arange(2).expand(4000, 1, 1, 2)
    mirrored = flip(images, torch.Generator().manual_seed(0))[:, 0, 0, 0].sum()
    assert 1850 < mirrored < 2150


@settings(deadline=None, max_examples=50)
@given(batches, st.integers(1, 3))
def test_a_shift_is_a_crop_of_the_image_padded_by_reflection(drawn: Drawn, pixels: int) -> None:
    images, generator = drawn
    n, _, height, width = images.shape
    twin = torch.Generator()
    twin.set_state(generator.get_state())
    down, right = torch.randint(-pixels, pixels + 1, (2, n, 1), generator=twin).flatten(1).tolist()
    padded = torch.nn.functional.pad(images.float(), (pixels,) * 4, mode="reflect").to(images.dtype)
    for i, after in enumerate(translate(images, pixels, generator)):
        top, left = pixels + down[i], pixels + right[i]
        assert torch.equal(after, padded[i, :, top : top + height, left : left + width])


def test_all_shifts_occur() -> None:
    images = torch.arange(25.0).view(1, 1, 5, 5).expand(500, 1, 5, 5)
    centres = translate(images, 2, torch.Generator().manual_seed(0))[:, 0, 2, 2]
    assert set(centres.tolist()) == set(range(25))


@settings(deadline=None, max_examples=50)
@given(batches, st.integers(1, 4))
def test_a_cutout_is_one_square_of_zeros_cut_at_the_border(drawn: Drawn, size: int) -> None:
    images, generator = drawn
    for before, after in zip(images, cutout(images, size, generator), strict=True):
        hidden = (after == 0).all(0)
        rows, columns = hidden.any(1), hidden.any(0)
        assert torch.equal(hidden, rows[:, None] & columns[None])
        assert torch.equal(after[:, ~hidden], before[:, ~hidden])
        for side in (rows, columns):
            covered = side.nonzero().flatten()
            assert len(covered) == covered[-1] - covered[0] + 1
            inside = covered[0] > 0 and covered[-1] < len(side) - 1
            assert len(covered) == size if inside else 1 <= len(covered) <= size


def test_the_same_generator_state_gives_the_same_images() -> None:
    images = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8)
    augment = Augment(flip=True, translate=3, cutout=2)
    once, again, other = (augment(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_nothing_asked_for_is_nothing_done() -> None:
    images, generator = torch.rand(2, 3, 8, 8), torch.Generator()
    assert Augment()(images, generator) is images


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", Augment()),
        ("light", Augment(flip=True, translate=4)),
        ("shift", Augment(translate=2)),
        ("strong", Augment(flip=True, translate=4, cutout=8)),
    ],
)
def test_the_shipped_settings(name: str, expected: Augment) -> None:
    settings = settings_file(CONF / f"{name}.yaml")
    assert from_settings(settings) == expected
    assert set(settings) == {"flip", "translate", "cutout"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"translate": -1}, "augment.translate: -1 is negative; 0 turns it off"),
        ({"cutout": -2}, "augment.cutout: -2 is negative; 0 turns it off"),
        ({"translate": 1.5}, "augment.translate: needs a whole number, not 1.5"),
        ({"flip": 1}, "augment.flip: needs true or false, not 1"),
        ({"flips": True}, "augment.flips: unknown key; did you mean 'flip'?"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_settings(values)
    assert str(caught.value) == message


@pytest.mark.parametrize("key", ["translate", "cutout"])
def test_a_shift_or_square_as_large_as_the_images_is_refused(key: str) -> None:
    augment = from_settings({key: 8})
    with pytest.raises(ConfigError, match=rf"augment.{key}: 8 pixels on images of 9x8; use less"):
        augment(torch.zeros(1, 3, 9, 8), torch.Generator())
