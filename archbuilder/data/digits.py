"""Scikit-learn's embedded handwritten digits: real data that needs no download."""

from __future__ import annotations

import numpy as np

from archbuilder.data.images import Array, Dataset, checked, from_numpy
from archbuilder.data.images import holdout as hold_out
from archbuilder.errors import ConfigError


def digits(size: int = 32, channels: int = 3, holdout: int | float = 0.2) -> Dataset:
    """Return the 1,797 digits, enlarged from 8x8 to `size` and repeated over `channels`.

    `holdout` is the fraction or count of images for val. Raises ConfigError for values out of range.
    """
    from sklearn.datasets import load_digits

    if not 8 <= size <= 256:
        raise ConfigError("data.size", f"{size} pixels; the digits are 8x8 and can be enlarged to 8..256")
    if not 1 <= channels <= 16:
        raise ConfigError("data.channels", f"{channels} channels; use 1..16, for example 1 or 3")
    content = load_digits()
    grey = _enlarged(content.images.astype(np.int64), size)
    pixels = np.repeat(grey[..., None], channels, axis=3)
    train, val = hold_out(from_numpy(pixels, content.target, "digits"), holdout)
    return checked("digits", {"train": train, "val": val}, [str(digit) for digit in range(10)])


def _enlarged(images: Array, size: int) -> Array:
    """Return images [N, 8, 8] of 0..16 as uint8 [N, size, size] of 0..255, interpolated bilinearly.

    In integers, so that the data and its fingerprint are the same on every machine: as floats, a value
    half-way between two grey levels could be rounded either way.
    """
    weights = _bilinear(images.shape[1], size)
    scale = 16 * (2 * size) ** 2
    enlarged = weights @ images @ weights.T
    levels: Array = (enlarged * 255 + scale // 2) // scale
    return levels.astype(np.uint8)


def _bilinear(old: int, new: int) -> Array:
    """Return the weights [new, old] of bilinear interpolation between pixel centres, times 2 * new."""
    position = np.clip(old * (2 * np.arange(new) + 1) - new, 0, 2 * new * (old - 1))
    lower, rest = np.divmod(position, 2 * new)
    weights = np.zeros((new, old), dtype=np.int64)
    np.add.at(weights, (np.arange(new), lower), 2 * new - rest)
    np.add.at(weights, (np.arange(new), np.minimum(lower + 1, old - 1)), rest)
    return weights
