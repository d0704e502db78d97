from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits

from archbuilder.data.digits import digits
from archbuilder.errors import ConfigError


def test_the_digits_fit_networks_for_32x32_colour_images() -> None:
    data = digits().describe()
    assert data.shape == [3, 32, 32]
    assert data.splits == {"train": 1438, "val": 359}
    assert data.labels == list("0123456789")


def test_each_digit_gives_val_the_same_share() -> None:
    splits = digits(size=8, channels=1, holdout=180).splits
    total = sum(torch.bincount(part.labels) for part in splits.values())
    assert ((torch.bincount(splits["val"].labels) - total * 180 / 1797).abs() < 1).all()


@pytest.mark.parametrize("size", [8, 12, 28, 32])
def test_enlarging_is_torchs_bilinear_interpolation_rounded(size: int) -> None:
    splits = digits(size, channels=1).splits
    ours = torch.cat([part.images for part in splits.values()]).double()
    grey = torch.from_numpy(load_digits().images)[:, None] * 255 / 16
    theirs = torch.nn.functional.interpolate(grey, size=(size, size), mode="bilinear")
    # The hold-out reorders, so what is compared is the sum over all images; each may be off by a half.
    assert (ours.mean(0) - theirs.mean(0)).abs().max() < 0.51
    assert (ours.sort(0).values - theirs.sort(0).values).abs().max() <= 0.5 + 1e-9


def test_channels_are_copies() -> None:
    images = digits(8, channels=3).splits["val"].images
    assert torch.equal(images[:, 0], images[:, 1])
    assert torch.equal(images[:, 0], images[:, 2])


def test_the_data_is_the_same_on_every_machine() -> None:
    assert digits().fingerprint == "66efc66b0026c65d16e1e52063418eabab0a9e38a51067b1b194873d75f2bf61"


@pytest.mark.parametrize("size", [7, 0, -8, 257])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=rf"data.size: {size} pixels; the digits are 8x8 .* to 8..256"):
        digits(size)


@pytest.mark.parametrize("channels", [0, 17])
def test_channels_out_of_range_are_refused(channels: int) -> None:
    with pytest.raises(ConfigError, match=rf"data.channels: {channels} channels; use 1..16"):
        digits(channels=channels)
