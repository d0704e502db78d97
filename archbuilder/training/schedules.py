"""Learning rates over the steps of a run, made from torch's own schedulers."""

from __future__ import annotations

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR

from archbuilder.errors import ConfigError


def cosine(optimizer: Optimizer, steps: int, warmup: float = 0.1) -> LRScheduler:
    """Return a linear warm-up over a share of the steps, then half a cosine down to zero.

    Raises ConfigError where `warmup` is no share in 0..1.
    """
    if not 0 <= warmup < 1:
        raise ConfigError("schedule.warmup", f"{warmup} is no share of the steps; use 0 or more, below 1")
    rising = round(steps * warmup)
    falling = CosineAnnealingLR(optimizer, T_max=max(1, steps - rising))
    if not rising:
        return falling
    start = LinearLR(optimizer, start_factor=1 / (rising + 1), total_iters=rising)
    return SequentialLR(optimizer, [start, falling], milestones=[rising])


def constant(optimizer: Optimizer, steps: int) -> LRScheduler:
    """Return the optimizer's learning rate, unchanged."""
    return ConstantLR(optimizer, factor=1.0, total_iters=0)
