"""Which weights are trained together: those that decay, those that never do, and those with a rate of their own."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import LBFGS, Optimizer, SparseAdam

from archbuilder.errors import ConfigError
from archbuilder.primitives.modules import ChannelLinear
from archbuilder.training.muon import Muon
from archbuilder.training.parts import call, make

_NORMS = (_BatchNorm, nn.LayerNorm, nn.GroupNorm)
_UNFIT = {
    LBFGS: "it wants all weights in one group, and here norms and biases have one of their own",
    SparseAdam: "it wants sparse gradients, and those of convolutions are dense",
}


def make_optimizer(config: Any, net: nn.Module, norm_bias_lr: float = 1.0) -> Optimizer:
    """Return the optimizer that `config` describes, for the weights of `net` that are trained.

    `norm_bias_lr` is a factor on the learning rate of the norms' biases. Raises ConfigError at `optimizer` for
    one that cannot train a network, and for settings that do not fit.
    """
    factory = make(config, "optimizer")
    kind = factory.func if isinstance(factory, functools.partial) else None
    if kind in _UNFIT:
        told = f"{kind.__name__} cannot train a network here: {_UNFIT[kind]}"
        raise ConfigError("optimizer", f"{told}; use another, such as sgd, adamw or muon")
    groups = decay_groups(net)
    if kind is Muon:
        groups = _apart(groups, matrices(net), matrix=True)
    if norm_bias_lr != 1:
        groups = _apart(groups, norm_biases(net), factor=norm_bias_lr)
    optimizer: Optimizer = call(factory, "optimizer", groups)
    for group in optimizer.param_groups:
        group["lr"] *= group.pop("factor", 1.0)
    return optimizer


def decay_groups(net: nn.Module) -> list[dict[str, Any]]:
    """Return two parameter groups: kernels, which decay as the optimizer says, and the rest, which never do.

    Norms, biases and scales are left alone (He et al. 2018, "Bag of tricks", section 3.1). Frozen weights are in none.
    """
    kernels: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for parameter in net.parameters():
        if parameter.requires_grad:
            # Convolutions have four sides and fully connected layers two; nothing else does.
            (kernels if parameter.dim() in (2, 4) else rest).append(parameter)
    groups: list[dict[str, Any]] = [{"params": kernels}, {"params": rest, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def matrices(net: nn.Module) -> list[Tensor]:
    """Return the weights that mix channels within the network: dense kernels of any size, 1x1 ones among them.

    Not those of the head and of fully connected layers, which answer, nor grouped, depthwise and transposed kernels.
    """
    found: list[Tensor] = []
    for name, module in net.named_modules():
        if name.split(".")[0] in ("head", "outputs"):
            continue
        if isinstance(module, nn.Conv2d) and module.groups == 1:
            found.append(module.weight)
        elif isinstance(module, ChannelLinear):
            found.append(module.linear.weight)
    return found


def norm_biases(net: nn.Module) -> list[Tensor]:
    """Return the biases of the norms."""
    norms = (module for module in net.modules() if isinstance(module, _NORMS))
    return [norm.bias for norm in norms if norm.bias is not None]


def _apart(groups: list[dict[str, Any]], chosen: Iterable[Tensor], **options: Any) -> list[dict[str, Any]]:
    """Return the groups with the chosen weights in groups of their own, first, which have `options` too."""
    wanted = {id(parameter) for parameter in chosen}
    taken = [{**g, **options, "params": [p for p in g["params"] if id(p) in wanted]} for g in groups]
    left = [{**g, "params": [p for p in g["params"] if id(p) not in wanted]} for g in groups]
    return [group for group in (*taken, *left) if group["params"]]
