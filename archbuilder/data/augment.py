"""Augmentation of whole batches where they lie: pure functions, randomness drawn for each image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from archbuilder.data.settings import arguments, plain
from archbuilder.errors import ConfigError


def flip(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror each image [N, C, H, W] left to right with probability 1/2."""
    n = len(images)
    mirrored = torch.randint(0, 2, (n,), generator=generator, device=images.device)
    # Choosing among both copies moves whole images, several times faster than torch.where.
    both = torch.cat([images, images.flip(3)])
    return both.index_select(0, torch.arange(n, device=images.device) + n * mirrored)


def translate(images: torch.Tensor, pixels: int, generator: torch.Generator) -> torch.Tensor:
    """Shift each image [N, C, H, W] by up to `pixels` in both directions, filling in by reflection.

    Shifts are uniform over -pixels..pixels, drawn for height, then for width; `pixels` is less than H and W.
    """
    n, channels, height, width = images.shape
    down, right = torch.randint(-pixels, pixels + 1, (2, n, 1), generator=generator, device=images.device)
    rows, columns = _reflected(height, down), _reflected(width, right)
    # Rows are chosen whole, among those of all images: cheaper than padding first and cropping then.
    planes = torch.arange(n * channels, device=images.device).view(n, channels, 1) * height
    lines = images.reshape(-1, width).index_select(0, (planes + rows[:, None]).flatten())
    return lines.view(images.shape).gather(3, columns[:, None, None].expand(images.shape))


def _reflected(length: int, shift: torch.Tensor) -> torch.Tensor:
    """Return positions 0..length-1 plus each shift [N, 1], those outside reflected at the border."""
    position = (torch.arange(length, device=shift.device) + shift).abs()
    return (length - 1) - ((length - 1) - position).abs()


def cutout(images: torch.Tensor, size: int, generator: torch.Generator) -> torch.Tensor:
    """Set a square of side `size` around a random point of each image [N, C, H, W] to 0.

    The square is cut at the border (DeVries and Taylor 2017). In normalised images 0 is the mean colour.
    """
    n, _, height, width = images.shape
    rows = _covered(n, height, size, generator, images.device)
    columns = _covered(n, width, size, generator, images.device)
    return images.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0)


def _covered(n: int, length: int, size: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
    """Return for each of n images which of `length` positions lie in the square: bool [n, length]."""
    start = torch.randint(0, length, (n, 1), generator=generator, device=device) - size // 2
    position = torch.arange(length, device=device)
    return (position >= start) & (position < start + size)


@dataclass(frozen=True)
class Augment:
    """What is done to training images: mirroring, shifts of up to `translate` pixels, a square cut out.

    Raises ConfigError at `augment.<key>` for values out of range.
    """

    flip: bool = False
    translate: int = 0
    cutout: int = 0

    def __post_init__(self) -> None:
        for key, pixels in (("translate", self.translate), ("cutout", self.cutout)):
            if pixels < 0:
                raise ConfigError(f"augment.{key}", f"{pixels} is negative; 0 turns it off")

    def __call__(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return the augmented batch [N, C, H, W], of the same type; `generator` is on the same device."""
        return self.hide(self.move(images, generator), generator)

    def move(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Mirror and shift, which is fastest while the images are still uint8."""
        self.check(images.shape[2], images.shape[3])
        moved = flip(images, generator) if self.flip else images
        return translate(moved, self.translate, generator) if self.translate else moved

    def hide(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Cut the square out, which belongs after normalisation, where 0 is the mean colour."""
        return cutout(images, self.cutout, generator) if self.cutout else images

    def check(self, height: int, width: int) -> None:
        """Raise ConfigError where a shift or square is as large as the images."""
        for key, pixels in (("translate", self.translate), ("cutout", self.cutout)):
            if pixels >= min(height, width):
                raise ConfigError(
                    f"augment.{key}",
                    f"{pixels} pixels on images of {height}x{width}; use less than their size",
                )


def from_settings(settings: Mapping[str, Any]) -> Augment:
    """Return the Augment that the `augment` part of a configuration describes.

    Raises ConfigError at `augment.<key>` for unknown keys and values of another type.
    """
    return Augment(**arguments(Augment, plain(settings), "augment"))
