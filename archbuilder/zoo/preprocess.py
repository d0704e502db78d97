"""From pictures to what a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archbuilder.data.batches import scale_and_offset
from archbuilder.errors import DataError


@dataclass(frozen=True)
class Preprocess:
    """Turns uint8 pictures into normalised float32 [N, C, H, W]: (pixel / 255 - mean) / std.

    `shape` is [C, H, W]; `mean` and `std` are per channel. Takes a uint8 tensor [N, C, H, W] or [C, H, W]; or
    what numpy reads as [H, W, C], [H, W] or [N, H, W, C], a PIL image for one; or a list of those. Raises
    DataError for anything else, and for pictures of another size.
    """

    shape: list[int]
    mean: list[float]
    std: list[float]

    def __call__(self, picture: Any) -> Tensor:
        if isinstance(picture, list | tuple):
            return torch.cat([self(one) for one in picture])
        pixels = picture if isinstance(picture, Tensor) else _from_array(np.asarray(picture))
        if pixels.dim() == 3:
            pixels = pixels[None]
        if pixels.dtype != torch.uint8 or list(pixels.shape[1:]) != self.shape:
            raise DataError(
                f"the picture is {pixels.dtype} {list(pixels.shape[1:])}; this network wants torch.uint8 {self.shape} "
                "(channels, height, width): convert and resize it first"
            )
        scale, offset = scale_and_offset(self.mean, self.std, pixels.device)
        return torch.mul(pixels, scale).add_(offset)


def _from_array(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype != np.uint8 or array.ndim not in (2, 3, 4):
        raise DataError(
            f"a picture is uint8 [H, W, C], and many are [N, H, W, C]; this is {array.dtype} {list(array.shape)}: "
            "open files first, for example with PIL.Image.open"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    return torch.from_numpy(np.array(array)).movedim(-1, -3)
