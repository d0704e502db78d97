"""What chance decides about a batch: numbers for each image, drawn once and used by every augmentation."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Draws(NamedTuple):
    """Independent uniform numbers in [0, 1), float32 [n] each, one for each image of a batch.

    All are drawn whatever is augmented, so that turning one augmentation on leaves what the others do as it
    was. `op` stays on the CPU: images are grouped by it there, which costs the device no synchronisation.
    """

    op: torch.Tensor
    strength: torch.Tensor
    flip: torch.Tensor
    down: torch.Tensor
    right: torch.Tensor
    brightness: torch.Tensor
    contrast: torch.Tensor
    saturation: torch.Tensor
    cut_row: torch.Tensor
    cut_column: torch.Tensor
    partner: torch.Tensor
    mixup: torch.Tensor
    cutmix: torch.Tensor
    box_row: torch.Tensor
    box_column: torch.Tensor
    either: torch.Tensor


def draw(n: int, generator: torch.Generator, device: torch.device | str = "cpu") -> Draws:
    """Draw for n images with a generator of the CPU, so that every device augments alike."""
    drawn = torch.rand(len(Draws._fields), n, generator=generator)
    # One small copy for all of them, which the host does not wait for.
    return Draws(drawn[0], *drawn.to(device, non_blocking=True)[1:].unbind())


def whole(uniform: torch.Tensor, low: int, high: int) -> torch.Tensor:
    """Return the whole numbers low..high, int64 and equally likely, that uniform numbers stand for."""
    # A float32 below 1 is at most 1 - 2**-24, and its product with a count is rounded to less than the count.
    return (uniform * (high - low + 1)).long() + low


def around(uniform: torch.Tensor, spread: float, centre: float = 0.0) -> torch.Tensor:
    """Return numbers in centre - spread .. centre + spread, evenly distributed."""
    return (2 * uniform - 1) * spread + centre


def alternated(draws: Draws, first: torch.Tensor, epoch: int) -> Draws:
    """Return draws that mirror the images whose `first`, int64 [n] on the CPU, is 1 in even epochs, others in odd."""
    mirrored = (first + epoch) % 2
    return draws._replace(flip=(1 - mirrored).float().to(draws.flip.device, non_blocking=True))
