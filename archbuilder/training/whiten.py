"""Starting points for weights that are worth more than random ones: whitening patches, and the identity."""

from __future__ import annotations

from typing import Any

import lightning
import torch
from torch import Tensor, nn

from archbuilder.data.batches import scale_and_offset
from archbuilder.data.images import Dataset
from archbuilder.errors import ConfigError, suggestion

IMAGES = 5000
"""How many training images the patches are taken from; more change the covariance by less than a percent."""

EPS = 5e-4
"""Added to the variance of each pattern, so that those that are hardly there are not blown up."""


def whiten(net: nn.Module, layer: str, dataset: Dataset) -> None:
    """Give a convolution of images the patterns of their patches, each scaled to variance 1, and freeze them.

    `layer` is its full name, as in stem.whiten. Its channels are the strongest eigenvectors of the patches'
    covariance, divided by the roots of their eigenvalues, and the negatives of the same; its bias goes on learning.
    Source: Page 2019, "How to train your ResNet 8"; Jordan 2024, "94% on CIFAR-10 in 3.29 seconds".
    Raises ConfigError at `whiten` where there is no such layer or it does not fit.
    """
    conv = _convolution(net, layer)
    scale, offset = scale_and_offset(dataset.mean, dataset.std)
    images = dataset.splits["train"].images[:IMAGES]
    channels, patterns = images.shape[1], conv.weight[0].numel()
    if conv.in_channels != channels or conv.groups != 1:
        raise ConfigError("whiten", f"{layer} does not read the images themselves; name a dense convolution that does")
    if conv.out_channels % 2 or conv.out_channels > 2 * patterns:
        raise ConfigError(
            "whiten",
            f"{layer} has {conv.out_channels} channels; patches of {patterns} numbers give as many patterns, and each "
            f"has two channels: use an even number, up to {2 * patterns}",
        )
    strongest = patch_filters(images * scale + offset, conv.kernel_size)[: conv.out_channels // 2]
    with torch.no_grad():
        conv.weight.copy_(torch.cat([strongest, -strongest]))
    conv.weight.requires_grad_(False)


def patch_filters(images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return filters [C * h * w, C, h, w] that make patches of images [N, C, H, W] uncorrelated, strongest first."""
    channels, (high, wide) = images.shape[1], size
    patches = images.unfold(2, high, 1).unfold(3, wide, 1)  # [N, C, H', W', h, w]
    flat = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * high * wide).double()
    values, vectors = torch.linalg.eigh(flat.T @ flat / len(flat))
    filters: Tensor = vectors.T / (values + EPS).sqrt()[:, None]
    strongest: Tensor = filters.flip(0).view(-1, channels, high, wide).float()
    return strongest


def dirac(net: nn.Module) -> None:
    """Let dense convolutions larger than 1x1 begin by handing their input on, in as many channels as fit.

    Source: Zagoruyko and Komodakis 2017, "DiracNets"; for networks without shortcuts.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.groups == 1 and max(module.kernel_size) > 1:
            nn.init.dirac_(module.weight.data[: module.in_channels])


class HoldBias(lightning.Callback):
    """Lets the bias of a whitening layer learn for some epochs, then leaves it alone.

    Its gradient is dropped rather than never computed, so that neither compiled code nor other processes notice.
    """

    def __init__(self, layer: str, epochs: int) -> None:
        self.layer = layer
        self.epochs = epochs

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, optimizer: Any
    ) -> None:
        if trainer.current_epoch >= self.epochs:
            bias = _convolution(module.net, self.layer).bias  # type: ignore[arg-type]
            if bias is not None:
                bias.grad = None


def _convolution(net: nn.Module, layer: str) -> nn.Conv2d:
    """Return the convolution of a layer, which may have norm and activation around it."""
    modules = dict(net.named_modules())
    for name in (layer, f"{layer}.conv"):
        found = modules.get(name)
        if isinstance(found, nn.Conv2d):
            return found
    known = [name.removesuffix(".conv") for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    raise ConfigError(
        "whiten", f"there is no convolution '{layer}' (whiten=null leaves it out); {suggestion(layer, known)}"
    )
