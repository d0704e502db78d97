"""What becomes of grey levels: functions of uint8 images [N, C, H, W] and one number for each image, float [N].

Factors are as in torchvision and PIL: 1 changes nothing, 0 takes the property away. Results are rounded and
kept within 0..255.
"""

from __future__ import annotations

import torch

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, what PIL and torchvision call grey


def brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply every grey level."""
    return levels(images * _each(factor))


def contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply the distance of every grey level from the image's mean grey."""
    return _away_from(grey(images).mean((2, 3), keepdim=True), images, factor)


def saturation(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply the distance of every pixel from its own grey."""
    return _away_from(grey(images), images, factor)


def sharpness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Multiply the distance of every pixel from the mean of its 3x3 neighbourhood, itself counted five times.

    Pixels at the border stay.
    """
    content = images.float()
    kernel = torch.ones(1, 1, 3, 3, device=images.device)
    kernel[..., 1, 1] = 5
    planes = content.flatten(0, 1)[:, None]
    smooth = content.clone()
    smooth[..., 1:-1, 1:-1] = torch.nn.functional.conv2d(planes, kernel / 13).view(*images.shape[:2], *_inner(images))
    return _away_from(smooth, images, factor)


def posterize(images: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """Keep only the `bits` highest bits of every grey level; int64 [N] in 0..8."""
    return images & _each(256 - (1 << (8 - bits))).to(images.dtype)


def solarize(images: torch.Tensor, threshold: torch.Tensor) -> torch.Tensor:
    """Invert the grey levels from the threshold upwards; 256 inverts none."""
    return torch.where(images >= _each(threshold), 255 - images, images)


def autocontrast(images: torch.Tensor) -> torch.Tensor:
    """Stretch each channel so that its darkest pixel becomes 0 and its brightest 255; one flat grey stays."""
    content = images.float()
    low, high = content.amin((2, 3), keepdim=True), content.amax((2, 3), keepdim=True)
    stretched = levels((content - low) * (255 / (high - low).clamp(min=1)))
    return torch.where(high > low, stretched, images)


def grey(images: torch.Tensor) -> torch.Tensor:
    """Return the grey of colour images, or the mean of other numbers of channels: float32 [N, 1, H, W]."""
    if images.shape[1] != 3:
        return images.float().mean(1, keepdim=True)
    weights = torch.tensor(LUMA, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def levels(values: torch.Tensor) -> torch.Tensor:
    """Return numbers as grey levels: rounded, within 0..255, uint8."""
    return values.round().clamp(0, 255).to(torch.uint8)


def _away_from(reference: torch.Tensor, images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    return levels(reference + (images - reference) * _each(factor))


def _each(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.view(-1, 1, 1, 1)


def _inner(images: torch.Tensor) -> tuple[int, int]:
    return images.shape[2] - 2, images.shape[3] - 2
