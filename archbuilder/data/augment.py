"""Augmentation of whole batches where they lie: what is done, its settings, and in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from archbuilder.data import colour
from archbuilder.data.draws import Draws, around, whole
from archbuilder.data.geometry import mirror, shift, squares
from archbuilder.data.mix import mixed
from archbuilder.data.settings import arguments, plain
from archbuilder.data.trivial import trivial
from archbuilder.errors import ConfigError

COLOURS = ("brightness", "contrast", "saturation")


@dataclass(frozen=True)
class Augment:
    """What is done to training images, in this order, each image by numbers of its own.

    flip            mirrored left to right: half of the images, or with `alternating` each image in every
                    other epoch, half of them beginning
    translate, pad  shifted by up to so many pixels; what comes in is the reflection, or black (`zeros`)
    trivial         one random change of random strength: see archbuilder.data.trivial
    brightness, contrast, saturation
                    multiplied by a factor within 1 - strength .. 1 + strength
    cutout          a square of so many pixels set to the mean colour, cut at the border (DeVries, Taylor 2017)
    mixup, cutmix   mixed with another image of the batch, the share from Beta(alpha, alpha); see
                    archbuilder.data.mix

    0 and false turn one off. Raises ConfigError at `augment.<key>` for values out of range.
    """

    flip: bool | Literal["alternating"] = False
    translate: int = 0
    pad: Literal["reflect", "zeros"] = "reflect"
    trivial: bool = False
    brightness: int | float = 0.0
    contrast: int | float = 0.0
    saturation: int | float = 0.0
    cutout: int = 0
    mixup: int | float = 0.0
    cutmix: int | float = 0.0

    def __post_init__(self) -> None:
        for key in ("translate", "cutout", *COLOURS, "mixup", "cutmix"):
            value = getattr(self, key)
            if value < 0:
                raise ConfigError(f"augment.{key}", f"{value} is negative; 0 turns it off")
            if not math.isfinite(value):
                raise ConfigError(f"augment.{key}", f"{value} is no number to draw with; 0 turns it off")
        for key in COLOURS:
            if getattr(self, key) > 1:
                raise ConfigError(f"augment.{key}", f"{getattr(self, key)} is beyond 1, which goes down to black")

    @property
    def mixes(self) -> bool:
        """Tell whether labels become probabilities, float32 [N, classes]."""
        return self.mixup > 0 or self.cutmix > 0

    def move(self, images: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Return uint8 images [N, C, H, W] mirrored, shifted and recoloured, all of which is fastest as uint8.

        Those are mirrored whose `draws.flip` is below 1/2; for `alternating` the caller sets it.
        """
        if self.flip:
            images = mirror(images, draws.flip < 0.5)
        if self.translate:
            down, right = (whole(drawn, -self.translate, self.translate) for drawn in (draws.down, draws.right))
            images = shift(images, down, right, self.pad == "reflect")
        if self.trivial:
            images = trivial(images, draws)
        for key in COLOURS:
            if strength := getattr(self, key):
                images = getattr(colour, key)(images, around(getattr(draws, key), strength, 1.0))
        return images

    def hide(self, images: torch.Tensor, draws: Draws) -> torch.Tensor:
        """Return normalised images [N, C, H, W] with a square cut out: set to 0, there the mean colour."""
        if not self.cutout:
            return images
        height, width = images.shape[2:]
        row, column = whole(draws.cut_row, 0, height - 1), whole(draws.cut_column, 0, width - 1)
        return images.masked_fill(squares(height, width, row, column, self.cutout, self.cutout), 0)

    def mix(
        self, images: torch.Tensor, labels: torch.Tensor, draws: Draws, classes: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return normalised images and their labels mixed; labels int64 [N] stay so where nothing is mixed."""
        if not self.mixes:
            return images, labels
        return mixed(images, labels, draws, classes, self.mixup, self.cutmix)

    def check(self, shape: Sequence[int]) -> None:
        """Raise ConfigError where something cannot be done to images of a shape [C, H, W]."""
        channels, height, width = shape
        for key, pixels in (("translate", self.translate), ("cutout", self.cutout)):
            if pixels >= min(height, width):
                raise ConfigError(
                    f"augment.{key}",
                    f"{pixels} pixels on images of {height}x{width}; use less than their size",
                )
        if self.saturation and channels != 3:
            raise ConfigError("augment.saturation", f"images of {channels} channels have none; use 0")
        if self.trivial and min(height, width) < 3:
            raise ConfigError("augment.trivial", f"images of {height}x{width} are too small; use false")


def from_settings(settings: Mapping[str, Any]) -> Augment:
    """Return the Augment that the `augment` part of a configuration describes.

    Raises ConfigError at `augment.<key>` for unknown keys and values of another type.
    """
    return Augment(**arguments(Augment, plain(settings), "augment"))
