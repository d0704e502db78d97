"""Learning rates over the steps of a run: each a factor on the optimizer's own, set by torch's LambdaLR.

All begin with a linear warm-up over a share of the steps. Factors depend on nothing but the step, so that a run that is
resumed goes on exactly, and every parameter group keeps its own rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from archbuilder.errors import ConfigError


def cosine(optimizer: Optimizer, steps: int, warmup: float = 0.1, start: float = 0.0, end: float = 0.0) -> LRScheduler:
    """Return a linear warm-up from `start`, then half a cosine down to `end`; both are shares of the learning rate.

    Raises ConfigError where a share is none.
    """
    return _warmed(optimizer, steps, warmup, start, end, lambda done: (1 + math.cos(math.pi * done)) / 2)


def linear(optimizer: Optimizer, steps: int, warmup: float = 0.1, start: float = 0.0, end: float = 0.0) -> LRScheduler:
    """Return a linear warm-up from `start`, then a straight line down to `end`; both are shares of the learning rate.

    Raises ConfigError where a share is none.
    """
    return _warmed(optimizer, steps, warmup, start, end, lambda done: 1 - done)


def constant(optimizer: Optimizer, steps: int, warmup: float = 0.0, start: float = 0.0) -> LRScheduler:
    """Return a linear warm-up from the share `start`, then the optimizer's learning rate, unchanged.

    Raises ConfigError where a share is none.
    """
    return _warmed(optimizer, steps, warmup, start, 1.0, lambda done: 1.0)


def one_cycle(
    optimizer: Optimizer, steps: int, warmup: float = 0.3, start: float = 0.04, end: float = 0.0
) -> LRScheduler:
    """Return half a cosine up from `start`, then half a cosine down to `end`, which the last step reaches.

    Source: Smith and Topin 2017, "Super-convergence", with torch's OneCycleLR for the shape; momentum stays as it is.
    Raises ConfigError where a share is none.
    """
    _check(warmup, start, end)
    peak = max(0.0, warmup * steps - 1)

    def factor(step: int) -> float:
        if step < peak:
            return start + (1 - start) * (1 - math.cos(math.pi * step / peak)) / 2
        done = min(1.0, (step - peak) / max(1.0, steps - 1 - peak))
        return end + (1 - end) * (1 + math.cos(math.pi * done)) / 2

    return LambdaLR(optimizer, factor)


def _warmed(
    optimizer: Optimizer, steps: int, warmup: float, start: float, end: float, shape: Callable[[float], float]
) -> LRScheduler:
    """Return the warm-up, then what `shape` (1 at 0, 0 at 1) makes of the share of the other steps that are done."""
    _check(warmup, start, end)
    rising = round(steps * warmup)

    def factor(step: int) -> float:
        if step < rising:
            return start + (1 - start) * (step + 1) / (rising + 1)
        return end + (1 - end) * shape(min(1.0, (step - rising) / max(1, steps - rising)))

    return LambdaLR(optimizer, factor)


def _check(warmup: float, start: float, end: float) -> None:
    if not 0 <= warmup < 1:
        raise ConfigError("schedule.warmup", f"{warmup} is no share of the steps; use 0 or more, below 1")
    for key, share in (("start", start), ("end", end)):
        if not 0 <= share <= 1:
            raise ConfigError(f"schedule.{key}", f"{share} is no share of the learning rate; use 0..1")
