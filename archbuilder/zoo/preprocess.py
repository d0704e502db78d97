"""From pictures to what a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archbuilder.data.batches import scale_and_offset
from archbuilder.data.pictures import MODES, cut, resized
from archbuilder.errors import DataError


@dataclass(frozen=True)
class Preprocess:
    """Turns uint8 pictures into normalised float32 [N, C, H, W]: (pixel / 255 - mean) / std.

    `shape` is [C, H, W]; `mean` and `std` are per channel. Takes a uint8 tensor [N, C, H, W] or [C, H, W]; or
    what numpy reads as [H, W, C], [H, W] or [N, H, W, C], a PIL image for one; or a list of those.

    With `resize`, pictures may be of any size: their shorter side is made that long by `interpolation` (bilinear
    or bicubic, antialiased) and [H, W] is cut from the middle, a PIL image by PIL and anything else by torch:
    what torchvision's classification presets do, and `data=folder` in training. Without it they must be of the
    exact size. Raises DataError for anything else.
    """

    shape: list[int]
    mean: list[float]
    std: list[float]
    resize: int | None = None
    interpolation: str = "bilinear"

    def __call__(self, picture: Any) -> Tensor:
        if isinstance(picture, list | tuple):
            if not picture:
                raise DataError("the list of pictures is empty; give one at least")
            return torch.cat([self(one) for one in picture])
        pixels = self._pixels(picture)
        if pixels.dtype != torch.uint8 or list(pixels.shape[1:]) != self.shape:
            told = self._refusal(f"{pixels.dtype} {list(pixels.shape[1:])}")
            turned = list(pixels.shape[1:]) == [*self.shape[1:], self.shape[0]]
            raise DataError(f"{told}; permute a tensor's channels to the front" if turned else told)
        scale, offset = scale_and_offset(self.mean, self.std, pixels.device)
        return torch.mul(pixels, scale).add_(offset)

    def _pixels(self, picture: Any) -> Tensor:
        """Return a picture as pixels [N, C, H, W]; what cannot be one comes back as it is, to be refused."""
        if self.resize is None:
            return _batch(picture)
        if _is_pil(picture):
            # PIL rounds otherwise than torch does: resized by PIL, as torchvision does, it gives the same pixels.
            mode = MODES.get(self.shape[0], picture.mode)
            if picture.mode != mode:
                raise DataError(self._refusal(f"of PIL's mode {picture.mode}") + f", with picture.convert('{mode}')")
            return _batch(cut(picture, self.resize, (self.shape[1], self.shape[2]), self.interpolation))
        pixels = _batch(picture)
        usable = pixels.dtype == torch.uint8 and pixels.dim() == 4 and pixels.numel() > 0
        return self._cut(pixels, self.resize) if usable else pixels

    def _cut(self, pixels: Tensor, resize: int) -> Tensor:
        from torchvision.transforms import InterpolationMode, functional

        resized((pixels.shape[3], pixels.shape[2]), resize)
        whole = functional.resize(pixels, [resize], InterpolationMode(self.interpolation), antialias=True)
        made: Tensor = functional.center_crop(whole, self.shape[1:])
        return made

    def _refusal(self, given: str) -> str:
        if self.resize is None:
            wanted, how = str(self.shape), "convert and resize it first"
        else:
            wanted, how = f"[{self.shape[0]}, any, any]", "convert it first"
        return f"the picture is {given}; this network wants torch.uint8 {wanted} (channels, height, width): {how}"


def _is_pil(picture: Any) -> bool:
    from PIL import Image

    return isinstance(picture, Image.Image)


def _batch(picture: Any) -> Tensor:
    """Return a tensor or what numpy reads as pixels, one picture as a batch of one."""
    pixels = picture if isinstance(picture, Tensor) else _from_array(np.asarray(picture))
    return pixels[None] if pixels.dim() == 3 else pixels


def _from_array(array: np.ndarray[Any, Any]) -> Tensor:
    if array.dtype != np.uint8 or array.ndim not in (2, 3, 4):
        raise DataError(
            f"a picture is uint8 [H, W, C], and many are [N, H, W, C]; this is {array.dtype} {list(array.shape)}: "
            "open files first, for example with PIL.Image.open"
        )
    if array.ndim == 2:
        array = array[:, :, None]
    return torch.from_numpy(np.array(array)).movedim(-1, -3)
