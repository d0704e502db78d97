"""Two images in one: mixup (Zhang et al. 2017) and cutmix (Yun et al. 2019), each image with a share of its own."""

from __future__ import annotations

from functools import cache

import torch

from archbuilder.data.draws import Draws, whole
from archbuilder.data.geometry import squares

STEPS = 4096  # equally likely shares that stand for a Beta distribution


def mixed(
    images: torch.Tensor, labels: torch.Tensor, draws: Draws, classes: int, mixup: float, cutmix: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each image, float [N, C, H, W], with another of the batch; labels [N] become float32 [N, classes].

    `mixup` and `cutmix` are the parameters of Beta(a, a), from which an image's share is drawn; with both, a
    coin decides for each image. A label's probability is the share of the pixels that are its image's.
    """
    partner = draws.partner.argsort()
    kept = own_share(images.shape[2], images.shape[3], draws, mixup, cutmix)
    blended = torch.lerp(images.index_select(0, partner), images, kept.to(images.dtype))
    own = torch.nn.functional.one_hot(labels, classes).float()
    return blended, torch.lerp(own.index_select(0, partner), own, kept.mean((2, 3)))


def own_share(height: int, width: int, draws: Draws, mixup: float, cutmix: float) -> torch.Tensor:
    """Return how much of each pixel is the image's own: float32 [N, 1, H, W]."""
    if not cutmix:
        return shares(draws.mixup, mixup).view(-1, 1, 1, 1).expand(-1, 1, height, width)
    side = (1 - shares(draws.cutmix, cutmix)).sqrt()
    row, column = whole(draws.box_row, 0, height - 1), whole(draws.box_column, 0, width - 1)
    boxes = squares(height, width, row, column, (side * height).long(), (side * width).long())
    outside = (~boxes).float()
    if not mixup:
        return outside
    return torch.where((draws.either < 0.5).view(-1, 1, 1, 1), outside, shares(draws.mixup, mixup).view(-1, 1, 1, 1))


def shares(uniform: torch.Tensor, alpha: float) -> torch.Tensor:
    """Return what uniform numbers [N] stand for in Beta(alpha, alpha): one of STEPS equally likely quantiles."""
    return _quantiles(alpha, uniform.device).index_select(0, whole(uniform, 0, STEPS - 1))


@cache
def _quantiles(alpha: float, device: torch.device) -> torch.Tensor:
    from scipy.special import betaincinv

    middles = (torch.arange(STEPS, dtype=torch.float64) + 0.5) / STEPS
    return torch.from_numpy(betaincinv(alpha, alpha, middles.numpy())).float().to(device)
