"""Muon for whole networks: kernels as matrices whose updates are orthogonalised, and everything else by a fallback."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# The quintic whose slope at zero is steepest (Jordan et al. 2024): small singular values reach 1 in few rounds.
_QUINTIC = (3.4445, -4.7750, 2.0315)


class Muon(Optimizer):
    """Steps in the nearest orthogonal direction to Nesterov momentum, scaled by sqrt(max(1, rows / columns)).

    For parameter groups with `matrix: true`, whose weights [out, ...] are taken as matrices [out, rest]; torch's own
    Muon takes nothing but matrices. The other groups are stepped by `fallback`, an optimizer without its parameters
    that has a learning rate of its own, so this is one optimizer for schedules and checkpoints.
    Weight decay is decoupled. Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers".
    Raises ValueError for a learning rate or weight decay below 0, or a momentum outside of 0..1.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        fallback: Callable[[list[dict[str, Any]]], Optimizer],
        lr: float = 0.02,
        momentum: float = 0.95,
        nesterov: bool = True,
        weight_decay: float = 0.01,
        rounds: int = 5,
    ) -> None:
        if lr < 0 or weight_decay < 0 or not 0 <= momentum < 1 or rounds < 1:
            raise ValueError("lr and weight_decay are at least 0, momentum is in 0..1 and rounds at least 1")
        listed = list(groups)
        rest = [group for group in listed if not group.get("matrix")]
        self._fallback = fallback(rest) if rest else None
        defaults = {"lr": lr, "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}
        filled = self._fallback.param_groups if self._fallback else []
        ours = [group for group in listed if group.get("matrix")]
        super().__init__([*ours, *filled], {**defaults, "rounds": rounds, "matrix": False})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step; `closure`, where given, computes the loss and the gradients first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                if group["matrix"]:
                    self._orthogonal_step(group)
        if self._fallback:
            # Loading a checkpoint replaces both, so what they share is told anew.
            self._fallback.param_groups = [group for group in self.param_groups if not group["matrix"]]
            self._fallback.state = self.state
            self._fallback.step()
        return loss

    def _orthogonal_step(self, group: dict[str, Any]) -> None:
        # Matrices of one shape in one product: small networks have many, and each launch of a kernel costs.
        same: defaultdict[torch.Size, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for weight in group["params"]:
            if weight.grad is not None:
                matrix = self._direction(weight, group).flatten(1)
                same[matrix.shape].append((weight, matrix))
        for shape, pairs in same.items():
            updates = orthogonal(torch.stack([matrix for _, matrix in pairs]), group["rounds"])
            length = group["lr"] * max(1.0, shape[0] / shape[1]) ** 0.5
            for (weight, _), update in zip(pairs, updates, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight.add_(update.view(weight.shape), alpha=-length)

    def _direction(self, weight: Tensor, group: dict[str, Any]) -> Tensor:
        """Return the momentum of a weight after its gradient has been added."""
        assert weight.grad is not None
        state = self.state[weight]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(weight)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(weight.grad, 1 - group["momentum"])
        return weight.grad.lerp(buffer, group["momentum"]) if group["nesterov"] else buffer


def orthogonal(matrices: Tensor, rounds: int = 5) -> Tensor:
    """Return matrices [N, R, C] with their singular values brought near 1 (0.7..1.2), in bfloat16.

    By Newton-Schulz iteration, which needs products alone.
    """
    a, b, c = _QUINTIC
    wide = matrices.shape[1] <= matrices.shape[2]
    x = (matrices if wide else matrices.mT).bfloat16()
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(rounds):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT
