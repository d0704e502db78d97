"""Which weights decay."""

from __future__ import annotations

from typing import Any

from torch import nn


def decay_groups(net: nn.Module) -> list[dict[str, Any]]:
    """Return two parameter groups: kernels, which decay as the optimizer says, and the rest, which never do.

    Norms, biases and scales are left alone (He et al. 2018, "Bag of tricks", section 3.1).
    """
    kernels: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for parameter in net.parameters():
        # Convolutions have four sides and fully connected layers two; nothing else does.
        (kernels if parameter.dim() in (2, 4) else rest).append(parameter)
    groups: list[dict[str, Any]] = [{"params": kernels}, {"params": rest, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
