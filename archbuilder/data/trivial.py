"""One random change of random strength for each image, as TrivialAugment does (Müller and Hutter 2021).

Ranges are those of RandAugment, milder than the paper's wide ones; equalising is left out, since histograms
are dear.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch

from archbuilder.data import colour
from archbuilder.data.draws import Draws, around, whole
from archbuilder.data.geometry import affine

# Of images uint8 [n, C, H, W] and a uniform number for each of them, [n].
Change = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

SHEAR = 0.3  # columns per row
SHIFT = 0.3  # of the image's side
ANGLE = 30.0  # degrees
FACTOR = 0.9  # colour factors are within 1 - FACTOR .. 1 + FACTOR
FEWEST_BITS = 4


def trivial(images: torch.Tensor, draws: Draws) -> torch.Tensor:
    """Change each image, uint8 [N, C, H, W], by the operation that `draws.op` picks, `draws.strength` strong."""
    known = list(changes(images.shape[1]).values())
    picked = whole(draws.op, 0, len(known) - 1)
    result = images.clone()
    for number, change in enumerate(known):
        # Found on the CPU, where `op` lies: the device need not be waited for.
        members = (picked == number).nonzero().flatten().to(images.device, non_blocking=True)
        if len(members):
            result[members] = change(images.index_select(0, members), draws.strength.index_select(0, members))
    return result


def changes(channels: int) -> dict[str, Change]:
    """Return the operations by name; saturation only for colour images, since grey ones have none."""
    factors: dict[str, Change] = {
        name: partial(_by_factor, change)
        for name, change in (
            ("brightness", colour.brightness),
            ("contrast", colour.contrast),
            ("saturation", colour.saturation),
            ("sharpness", colour.sharpness),
        )
        if channels == 3 or name != "saturation"
    }
    return {
        "identity": lambda images, uniform: images,
        "shear rows": lambda images, uniform: _mapped(images, down_by_right=around(uniform, SHEAR)),
        "shear columns": lambda images, uniform: _mapped(images, right_by_down=around(uniform, SHEAR)),
        "shift rows": lambda images, uniform: _mapped(images, down=around(uniform, SHIFT * images.shape[2])),
        "shift columns": lambda images, uniform: _mapped(images, right=around(uniform, SHIFT * images.shape[3])),
        "rotate": rotate,
        **factors,
        "posterize": lambda images, uniform: colour.posterize(images, whole(uniform, FEWEST_BITS, 8)),
        "solarize": lambda images, uniform: colour.solarize(images, 256 * uniform),
        "autocontrast": lambda images, uniform: colour.autocontrast(images),
    }


def rotate(images: torch.Tensor, uniform: torch.Tensor) -> torch.Tensor:
    """Turn each image around its centre by up to ANGLE degrees either way."""
    angle = around(uniform.double(), math.radians(ANGLE))
    sine, cosine = angle.sin(), angle.cos()
    matrix = torch.stack([torch.stack([cosine, -sine], 1), torch.stack([sine, cosine], 1)], 1)
    return affine(images, matrix, torch.zeros_like(matrix[:, 0]))


def _by_factor(
    change: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], images: torch.Tensor, uniform: torch.Tensor
) -> torch.Tensor:
    return change(images, around(uniform, FACTOR, 1.0))


def _mapped(images: torch.Tensor, **entries: torch.Tensor) -> torch.Tensor:
    """Map by the identity but for the entries that are given: a shear or an offset for each image."""
    n = len(images)
    matrix = torch.eye(2, dtype=torch.float64, device=images.device).repeat(n, 1, 1)
    offset = torch.zeros(n, 2, dtype=torch.float64, device=images.device)
    places = {
        "down_by_right": matrix[:, 0, 1],
        "right_by_down": matrix[:, 1, 0],
        "down": offset[:, 0],
        "right": offset[:, 1],
    }
    for name, values in entries.items():
        places[name].copy_(values)
    return affine(images, matrix, offset)
