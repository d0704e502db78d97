"""Weights that begin as something: whitening patches of the training images, and the identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

import archbuilder
from archbuilder.data.images import Dataset, Images
from archbuilder.errors import ConfigError
from archbuilder.record import read_record
from archbuilder.training.whiten import dirac, patch_filters, whiten
from tests.training.runs import trained

STEM = "model.stem.conv={block: conv, out: 24, kernel: 2, padding: 0, norm: none}"


def smooth(n: int) -> Tensor:
    """Return images [n, 3, 12, 12] whose neighbouring pixels and channels are alike, as those of photographs."""
    noise = torch.randn(n, 3, 13, 13, generator=torch.Generator().manual_seed(0))
    near = noise[:, :, 1:, 1:] + noise[:, :, :-1, 1:] + noise[:, :, 1:, :-1]
    return near + near.roll(1, 1)


def dataset() -> Dataset:
    """Return smooth images as data."""
    images = (smooth(64) * 20 + 128).clamp(0, 255).byte()
    split = Images(images, torch.zeros(64, dtype=torch.int64))
    return Dataset("smooth", {"train": split, "val": split}, ["only"])


def test_filtered_patches_are_uncorrelated_and_of_variance_one() -> None:
    images = smooth(200)
    filters = patch_filters(images, (2, 2))
    seen = nn.functional.conv2d(images, filters).permute(1, 0, 2, 3).flatten(1).double()
    covariance = (seen @ seen.T / seen.shape[1]).numpy()
    before = images.unfold(2, 2, 1).unfold(3, 2, 1).permute(1, 4, 5, 0, 2, 3).reshape(12, -1)
    assert np.abs(np.corrcoef(before.numpy()) - np.eye(12)).max() > 0.4
    assert np.abs(covariance - np.diag(np.diagonal(covariance))).max() < 1e-4
    assert np.diagonal(covariance) == pytest.approx(1, abs=0.01)


def test_the_strongest_patterns_come_first() -> None:
    # What is strong is divided by more.
    sizes = patch_filters(smooth(50), (2, 2)).flatten(1).norm(dim=1)
    assert (sizes.diff() >= 0).all()
    assert sizes[-1] > 2 * sizes[0]


@pytest.mark.parametrize("channels", [24, 8])
def test_a_layer_gets_the_patterns_and_their_negatives_and_is_frozen(channels: int) -> None:
    net = archbuilder.build(
        {"input": [3, 12, 12], "stem": {"whiten": {"block": "conv", "out": channels, "kernel": 2, "padding": 0}}}
    )
    data = dataset()
    whiten(net, "stem.whiten", data)
    conv = net.get_submodule("stem.whiten.conv")
    assert isinstance(conv, nn.Conv2d)
    normalised = (data.splits["train"].images / 255 - torch.tensor(data.mean).view(3, 1, 1)) / torch.tensor(
        data.std
    ).view(3, 1, 1)
    wanted = patch_filters(normalised, (2, 2))[: channels // 2]
    signs = (conv.weight[: channels // 2] * wanted).flatten(1).sum(1).sign().view(-1, 1, 1, 1)
    torch.testing.assert_close(conv.weight[: channels // 2].detach(), wanted * signs, atol=1e-3, rtol=1e-3)
    assert torch.equal(conv.weight[channels // 2 :], -conv.weight[: channels // 2])
    assert not conv.weight.requires_grad
    assert conv.bias is not None
    assert conv.bias.requires_grad


@pytest.mark.parametrize(
    ("layer", "telling"),
    [
        ("stem.whitten", r"there is no convolution 'stem.whitten' .*; did you mean 'stem.whiten'\?"),
        ("stem.odd", "even number, up to 24"),
        ("stem.many", "even number, up to 24"),
        ("stem.second", "does not read the images"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused(layer: str, telling: str) -> None:
    sizes = {"odd": 7, "many": 26, "whiten": 24}
    stem: dict[str, object] = {
        name: {"block": "conv", "out": out, "kernel": 2, "padding": 0, "from": "input"} for name, out in sizes.items()
    }
    stem["second"] = {"block": "conv", "out": 8}
    net = archbuilder.build({"input": [3, 12, 12], "stem": stem})
    with pytest.raises(ConfigError, match=f"^whiten: .*{telling}"):
        whiten(net, layer, dataset())


def test_training_keeps_the_patterns_and_moves_the_bias_while_it_may(tmp_path: Path) -> None:
    weights = {}
    for epochs in (0, 1, 2):
        trained(
            tmp_path / str(epochs), f"++{STEM}", "whiten=stem.conv", f"whiten_bias_epochs={epochs}",
            "trainer.max_epochs=2", "seed=0",
        )  # fmt: skip
        weights[epochs] = load_file(tmp_path / str(epochs) / "weights.safetensors")
    kernel, bias = "stem.conv.conv.weight", "stem.conv.conv.bias"
    assert torch.equal(weights[0][kernel], weights[2][kernel])
    assert (weights[0][bias] == 0).all()
    assert (weights[1][bias] != 0).any()
    assert not torch.equal(weights[1][bias], weights[2][bias])
    cost = read_record(tmp_path / "0").cost
    assert cost.params - cost.trainable_params == 24 * 12


def test_dirac_hands_the_input_on() -> None:
    layers = {"wide": {"block": "conv", "out": 8}, "narrow": {"block": "conv", "out": 2}}
    net = archbuilder.build({"input": [3, 6, 6], "style": {"norm": "none", "act": "none"}, "stages": layers})
    dirac(net)
    images = torch.randn(2, 3, 6, 6)
    wide = net.get_submodule("stages.wide")(images)
    assert torch.equal(wide[:, :3], images)
    assert not torch.equal(wide[:, 3:6], images)
    torch.testing.assert_close(net(images), images[:, :2])


def test_dirac_leaves_grouped_and_1x1_kernels_alone() -> None:
    layers = {"grouped": {"block": "conv", "depthwise": True}, "point": {"block": "pointwise", "out": 4}}
    net = archbuilder.build({"input": [3, 6, 6], "stages": layers})
    before = [parameter.detach().clone() for parameter in net.parameters()]
    dirac(net)
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
