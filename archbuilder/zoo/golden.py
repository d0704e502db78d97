"""A few pictures and a network's answers to them: with these anybody can check a package, with whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from archbuilder.files import write_bytes
from archbuilder.zoo.weights import read_tensors

if TYPE_CHECKING:
    from archbuilder.zoo.package import Loaded

COUNT = 4
SEED = 0
PATCH = 4
"""Side in pixels: of the same colour, so that one picture differs from another in what a convolution sees."""
TOLERANCE = 1e-4
"""How far logits may be from the golden ones: of 1, and of the largest where that is larger."""


@dataclass(frozen=True, eq=False)
class Golden:
    """Pictures uint8 [N, C, any, any], what preprocessing makes of them float32 [N, C, H, W], and logits [N, K]."""

    pictures: Tensor
    inputs: Tensor
    logits: Tensor


def make_golden(net: Loaded) -> Golden:
    """Return random pictures, the same ones for every network of that input, with the network's answers on the CPU."""
    pictures = _pictures(_picture_shape(net))
    with torch.inference_mode():
        inputs = net.preprocess(pictures)
        return Golden(pictures, inputs, net(inputs))


def write_golden(golden: Golden, path: Path) -> None:
    """Write golden answers to a safetensors file, atomically."""
    from safetensors.torch import save

    write_bytes(path, save({name: tensor.contiguous() for name, tensor in vars(golden).items()}))


def read_golden(net: Loaded, path: Path) -> Golden:
    """Return the golden answers of a package; raises PackageError where their names, types or shapes are others."""
    inputs = [COUNT, *net.preprocess.shape]
    wanted = {
        "pictures": ("U8", list(_picture_shape(net))),
        "inputs": ("F32", inputs),
        "logits": ("F32", [COUNT, len(net.labels)]),
    }
    return Golden(**read_tensors(path, wanted))


def difference(made: Any, expected: Any) -> float:
    """Return how far logits [N, K] are from those expected, at most; infinity where either is not finite."""
    made, expected = np.asarray(made, np.float64), np.asarray(expected, np.float64)
    if made.shape != expected.shape or not (np.isfinite(made).all() and np.isfinite(expected).all()):
        return float("inf")
    return float(np.abs(made - expected).max())


def allowed(expected: Any) -> float:
    """Return how far logits may be from those expected: rounding, and no more."""
    return TOLERANCE * max(1.0, float(np.abs(np.asarray(expected)).max()))


def uncut(high: int, wide: int) -> tuple[int, int]:
    """Return a size larger than what is cut out and not square, so that resizing and cutting count."""
    return high * 5 // 4, wide * 3 // 2


def _picture_shape(net: Loaded) -> tuple[int, int, int, int]:
    channels, high, wide = net.preprocess.shape
    if net.preprocess.resize is not None:
        high, wide = uncut(high, wide)
    return COUNT, channels, high, wide


def _pictures(shape: tuple[int, int, int, int]) -> Tensor:
    *many, high, wide = shape
    coarse = np.random.default_rng(SEED).integers(0, 256, (*many, high // PATCH + 1, wide // PATCH + 1), np.uint8)
    pixels = coarse.repeat(PATCH, axis=2).repeat(PATCH, axis=3)[:, :, :high, :wide]
    return torch.from_numpy(np.ascontiguousarray(pixels))
