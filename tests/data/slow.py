"""Every augmentation once more, plainly: one image, uint8 or float [C, H, W], pixel by pixel, in numpy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from archbuilder.data.images import Array


def pixelwise(image: Array, source: Callable[[int, int], tuple[int, int]]) -> Array:
    """Return the image that has at (y, x) what the given one has at `source(y, x)`, 0 outside."""
    result = np.zeros_like(image)
    _, height, width = image.shape
    for y in range(height):
        for x in range(width):
            row, column = source(y, x)
            if 0 <= row < height and 0 <= column < width:
                result[:, y, x] = image[:, row, column]
    return result


def mirror(image: Array) -> Array:
    return pixelwise(image, lambda y, x: (y, image.shape[2] - 1 - x))


def bounced(position: int, length: int) -> int:
    """Return a position back inside, reflected at whichever border it crossed."""
    if position < 0:
        return -position
    return 2 * (length - 1) - position if position >= length else position


def shift(image: Array, down: int, right: int, reflect: bool) -> Array:
    _, height, width = image.shape
    if reflect:
        return pixelwise(image, lambda y, x: (bounced(y + down, height), bounced(x + right, width)))
    return pixelwise(image, lambda y, x: (y + down, x + right))


def affine(image: Array, matrix: Array, offset: Array) -> Array:
    _, height, width = image.shape
    middle = ((height - 1) / 2, (width - 1) / 2)

    def source(y: int, x: int) -> tuple[int, int]:
        down, right = y - middle[0], x - middle[1]
        places = [matrix[i, 0] * down + matrix[i, 1] * right + (offset[i] + middle[i] + 0.5) for i in (0, 1)]
        return math.floor(places[0]), math.floor(places[1])

    return pixelwise(image, source)


def hidden(image: Array, row: int, column: int, tall: int, wide: int) -> Array:
    """Return the image with a rectangle of zeros that begins half its side before a point."""
    result: Array = image.copy()
    for y in range(row - tall // 2, row - tall // 2 + tall):
        for x in range(column - wide // 2, column - wide // 2 + wide):
            if 0 <= y < image.shape[1] and 0 <= x < image.shape[2]:
                result[:, y, x] = 0
    return result


def clipped(values: Array) -> Array:
    """Return grey levels that are still to be rounded."""
    result: Array = np.maximum(0.0, np.minimum(255.0, values))
    return result


def grey(image: Array) -> Array:
    """Return [H, W]."""
    weights = [0.299, 0.587, 0.114] if len(image) == 3 else [1 / len(image)] * len(image)
    result = np.zeros(image.shape[1:])
    for weight, channel in zip(weights, image, strict=True):
        result += weight * channel
    return result


def brightness(image: Array, factor: float) -> Array:
    return clipped(image.astype(float) * factor)


def contrast(image: Array, factor: float) -> Array:
    mean = grey(image).mean()
    return clipped(mean + (image - mean) * factor)


def saturation(image: Array, factor: float) -> Array:
    return clipped(np.stack([grey(image) + (channel - grey(image)) * factor for channel in image]))


def sharpness(image: Array, factor: float) -> Array:
    result = image.astype(float)
    for channel in range(image.shape[0]):
        for y in range(1, image.shape[1] - 1):
            for x in range(1, image.shape[2] - 1):
                near = image[channel, y - 1 : y + 2, x - 1 : x + 2].astype(float)
                smooth = (near.sum() + 4 * near[1, 1]) / 13
                result[channel, y, x] = smooth + (image[channel, y, x] - smooth) * factor
    return clipped(result)


def posterize(image: Array, bits: int) -> Array:
    lost = 2 ** (8 - bits)
    kept: Array = (image // lost * lost).astype(np.uint8) if bits else np.zeros_like(image)
    return kept


def solarize(image: Array, threshold: float) -> Array:
    return np.array([255 - v if v >= threshold else v for v in image.flatten().tolist()], np.uint8).reshape(image.shape)


def autocontrast(image: Array) -> Array:
    result = image.astype(float)
    for i, channel in enumerate(image.astype(float)):
        if channel.max() > channel.min():
            result[i] = clipped((channel - channel.min()) * 255 / (channel.max() - channel.min()))
    return result
