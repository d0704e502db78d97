from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.data.augment import Augment, from_settings
from archbuilder.data.draws import Draws, alternated
from archbuilder.data.settings import plain
from archbuilder.data.trivial import trivial
from archbuilder.errors import ConfigError
from archbuilder.paths import conf_dir
from tests.data import slow
from tests.data.examples import any_images, draws_for

SHIPPED = sorted(path.stem for path in (conf_dir() / "augment").glob("*.yaml"))

augments = st.builds(
    Augment,
    flip=st.sampled_from([False, True]),
    translate=st.integers(0, 2),
    pad=st.sampled_from(["reflect", "zeros"]),
    trivial=st.booleans(),
    brightness=st.sampled_from([0.0, 0.4, 1]),
    contrast=st.sampled_from([0.0, 0.4, 1]),
    cutout=st.integers(0, 2),
    mixup=st.sampled_from([0.0, 0.2]),
    cutmix=st.sampled_from([0.0, 1]),
)


def composed(name: str) -> dict[str, Any]:
    """Return the settings of a shipped file as `augment=name` gives them, with those that it inherits."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return plain(compose(f"augment/{name}").augment)


def applied(augment: Augment, images: torch.Tensor, draws: Draws) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images and labels as a batch is made of them, without normalisation."""
    shown = augment.hide(augment.move(images, draws).float(), draws)
    return augment.mix(shown, torch.arange(len(images)) % 3, draws, 3)


@settings(deadline=None, max_examples=60)
@given(any_images(), augments, st.integers(0, 1000))
def test_shapes_stay_labels_have_one_mass_and_the_given_images_are_not_written_to(
    images: torch.Tensor, augment: Augment, seed: int
) -> None:
    before = images.clone()
    moved = augment.move(images, draws_for(images, seed))
    result, labels = applied(augment, images, draws_for(images, seed))
    assert (moved.shape, moved.dtype) == (images.shape, torch.uint8)
    assert (result.shape, result.dtype) == (images.shape, torch.float32)
    assert torch.equal(images, before)
    if augment.mixes:
        torch.testing.assert_close(labels.sum(1), torch.ones(len(images)))
    else:
        assert labels.dtype == torch.int64


@settings(deadline=None, max_examples=60)
@given(any_images(), augments, st.integers(0, 1000))
def test_what_is_done_is_what_the_slow_functions_do_one_after_another(
    images: torch.Tensor, augment: Augment, seed: int
) -> None:
    draws = draws_for(images, seed)
    moved = augment.move(images, draws)
    # The one random change has tests of its own: here only its place among the others counts.
    plain = Augment(flip=augment.flip, translate=augment.translate, pad=augment.pad)
    changed = trivial(plain.move(images, draws), draws).numpy() if augment.trivial else None
    hidden = augment.hide(moved.float() + 1, draws)
    for i, image in enumerate(images.numpy()):
        drawn = {name: float(value[i]) for name, value in draws._asdict().items()}
        expected = slow.mirror(image) if augment.flip and drawn["flip"] < 0.5 else image
        if most := augment.translate:
            down, right = (int(drawn[key] * (2 * most + 1)) - most for key in ("down", "right"))
            expected = slow.shift(expected, down, right, augment.pad == "reflect")
        if changed is None:
            assert augment.brightness or augment.contrast or np.array_equal(moved[i].numpy(), expected)
        else:
            expected = changed[i]
        for key in ("brightness", "contrast"):
            if strength := getattr(augment, key):
                expected = getattr(slow, key)(expected, 1 + (2 * drawn[key] - 1) * strength)
        # Half-way between two levels single precision may round otherwise, and contrast enlarges that.
        assert np.abs(moved[i].numpy().astype(int) - expected).max() <= 3
        _, height, width = image.shape
        row, column = int(drawn["cut_row"] * height), int(drawn["cut_column"] * width)
        cut = slow.hidden(moved[i].numpy() + np.float32(1), row, column, augment.cutout, augment.cutout)
        assert np.array_equal(hidden[i].numpy(), cut)


def test_about_half_of_the_images_are_mirrored() -> None:
    images = torch.arange(2, dtype=torch.uint8).expand(4000, 1, 1, 2).contiguous()
    mirrored = Augment(flip=True).move(images, draws_for(images))[:, 0, 0, 0].sum()
    assert 1850 < mirrored < 2150


def test_two_epochs_of_alternating_flips_show_each_image_both_ways() -> None:
    images = torch.arange(2, dtype=torch.uint8).expand(100, 1, 1, 2).contiguous()
    augment, first = Augment(flip="alternating"), torch.arange(100) % 2
    shown = [augment.move(images, alternated(draws_for(images), first, e))[:, 0, 0, 0] for e in (0, 1, 2)]
    assert torch.equal(shown[0], first)
    assert torch.equal(shown[1], 1 - first)
    assert torch.equal(shown[2], first)


def test_all_shifts_occur() -> None:
    images = torch.arange(25, dtype=torch.uint8).view(1, 1, 5, 5).expand(500, 1, 5, 5).contiguous()
    centres = Augment(translate=2).move(images, draws_for(images))[:, 0, 2, 2]
    assert set(centres.tolist()) == set(range(25))


def test_one_augmentation_more_leaves_what_the_others_do() -> None:
    images = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8)
    draws = draws_for(images)
    without, more = (Augment(flip=flip, translate=2, cutout=2) for flip in (False, True))
    seen = [augment.hide(torch.ones(16, 1, 8, 8), draws) for augment in (without, more)]
    assert torch.equal(*seen)


def test_the_same_draws_give_the_same_images() -> None:
    images = torch.randint(0, 256, (16, 3, 8, 8), dtype=torch.uint8)
    augment = Augment(flip=True, translate=3, trivial=True, cutout=2, mixup=0.2)
    once, again, other = (applied(augment, images, draws_for(images, seed))[0] for seed in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_nothing_asked_for_is_nothing_done() -> None:
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    labels, draws, augment = torch.arange(2), draws_for(images), Augment()
    assert augment.move(images, draws) is images
    shown = images.float()
    assert augment.hide(shown, draws) is shown
    assert augment.mix(shown, labels, draws, 2)[1] is labels


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("none", Augment()),
        ("light", Augment(flip=True, translate=4)),
        ("mild", Augment(flip="alternating", translate=2)),
        ("shift", Augment(translate=2)),
        ("strong", Augment(flip=True, translate=4, cutout=8)),
    ],
)
def test_the_settings_that_recipes_and_guides_name(name: str, expected: Augment) -> None:
    assert from_settings(composed(name)) == expected


@pytest.mark.parametrize("name", SHIPPED)
def test_all_shipped_settings_are_sound(name: str) -> None:
    settings = composed(name)
    from_settings(settings).check((3, 32, 32))
    missing = [key for key in vars(Augment()) if key not in settings]
    assert not missing, f"conf/augment/{name}.yaml: say every key, or inherit it, so that it can be overridden"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"translate": -1}, "augment.translate: -1 is negative; 0 turns it off"),
        ({"cutout": -2}, "augment.cutout: -2 is negative; 0 turns it off"),
        ({"mixup": -0.1}, "augment.mixup: -0.1 is negative; 0 turns it off"),
        ({"cutmix": float("inf")}, "augment.cutmix: inf is no number to draw with; 0 turns it off"),
        ({"brightness": float("nan")}, "augment.brightness: nan is no number to draw with; 0 turns it off"),
        ({"contrast": 1.5}, "augment.contrast: 1.5 is beyond 1, which goes down to black"),
        ({"translate": 1.5}, "augment.translate: needs a whole number, not 1.5"),
        ({"flip": 1}, "augment.flip: needs true or false or alternating, not 1"),
        ({"flip": "alternate"}, "augment.flip: needs true or false or alternating, not 'alternate'"),
        ({"pad": "zero"}, "augment.pad: needs reflect or zeros, not 'zero'"),
        ({"trivial": "yes"}, "augment.trivial: needs true or false, not 'yes'"),
        ({"mixup": True}, "augment.mixup: needs a whole number or a fraction, not True"),
        ({"flips": True}, "augment.flips: unknown key; did you mean 'flip'?"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_settings(values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "shape", "message"),
    [
        ({"translate": 8}, (1, 9, 8), "augment.translate: 8 pixels on images of 9x8; use less than their size"),
        ({"cutout": 8}, (1, 9, 8), "augment.cutout: 8 pixels on images of 9x8; use less than their size"),
        ({"saturation": 0.5}, (1, 8, 8), "augment.saturation: images of 1 channels have none; use 0"),
        ({"trivial": True}, (3, 2, 8), "augment.trivial: images of 2x8 are too small; use false"),
    ],
)
def test_what_cannot_be_done_to_the_images_is_refused(
    values: dict[str, Any], shape: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        from_settings(values).check(shape)
    assert str(caught.value) == message
