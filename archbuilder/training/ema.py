"""An exponential moving average of a network's weights, which is evaluated and kept beside the raw ones."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from torch import Tensor, nn

RAW, AVERAGED = "raw", "averaged"
"""What a result says about the weights it was measured with."""


def averaged_copy(net: nn.Module) -> nn.Module:
    """Return a copy of `net` that is never trained; a part of the module that is saved, it is resumed with it."""
    return copy.deepcopy(net).requires_grad_(False)


def decay_at(step: int, decay: float) -> float:
    """Return the weight of the past at the update after `step` steps: `decay`, but less while there is little past.

    So that the first epochs are not those of a random network: min(decay, (1 + step) / (10 + step)), as TensorFlow's
    ExponentialMovingAverage has it with `num_updates`.
    """
    return min(decay, (1 + step) / (10 + step))


@dataclass(frozen=True)
class Tensors:
    """The parameters and buffers of a network: those of real numbers, and the counts."""

    real: list[Tensor]
    counts: list[Tensor]


def tensors(net: nn.Module) -> Tensors:
    """Return the tensors that `update` reads or changes; to be gathered once, which takes longer than an update."""
    every = list(net.state_dict().values())
    return Tensors([t for t in every if t.is_floating_point()], [t for t in every if not t.is_floating_point()])


@torch.no_grad()
def update(averaged: Tensors, current: Tensors, decay: float) -> None:
    """Move the average towards the current weights: decay * averaged + (1 - decay) * current.

    Buffers too, as timm and torchvision do: a norm's running statistics fit the averaged weights better than those
    of the last batches. Counts are copied.
    """
    torch._foreach_lerp_(averaged.real, current.real, 1 - decay)
    if current.counts:
        torch._foreach_copy_(averaged.counts, current.counts)


class Ema(lightning.Callback):
    """Updates the module's average after every step of the optimizer.

    It has no state to be saved: what it needs to go on is the average, which is a part of the module, and the step.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._seen = 0
        self._tensors: tuple[Tensors, Tensors] | None = None

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        # Only now do the weights lie where they are trained, and hold what a checkpoint said.
        self._seen = trainer.global_step
        steps, past = trainer.estimated_stepping_batches, round(1 / (1 - self.decay))
        if past > steps and trainer.is_global_zero:
            print(f"ema: an average over about {past} steps lags behind in {steps}; use a smaller ema, or null")
        self._tensors = tensors(module.averaged), tensors(module.net)  # type: ignore[arg-type]

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        # With accumulation there is not a step for every batch.
        if trainer.global_step > self._seen and self._tensors:
            self._seen = trainer.global_step
            update(*self._tensors, decay_at(self._seen, self.decay))
