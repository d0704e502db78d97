"""The torch modules that torch itself does not have, and making weights. The one file here that needs torch."""

from __future__ import annotations

import functools
import operator

import torch
from torch import Tensor, nn


def named(**parts: nn.Module) -> nn.Sequential:
    """Return the parts one behind the other under their names, identities left out."""
    sequence = nn.Sequential()
    for name, part in parts.items():
        if not isinstance(part, nn.Identity):
            sequence.add_module(name, part)
    return sequence


class Conv2d(nn.Conv2d):
    """torch's convolution, with He-normal weights over the outgoing connections and zero bias to begin with.

    Source: He et al. 2015, "Delving deep into rectifiers", section 2.2.
    """

    # Called by torch's constructor, so that every weight is drawn once.
    def reset_parameters(self) -> None:
        _he_normal(self)


class ConvTranspose2d(nn.ConvTranspose2d):
    """torch's transposed convolution, drawn like `Conv2d`."""

    def reset_parameters(self) -> None:
        _he_normal(self)


class Linear(nn.Linear):
    """torch's fully connected layer, with normal weights of deviation 1/sqrt(inputs) and zero bias to begin with."""

    def reset_parameters(self) -> None:
        _normal(self, self.in_features**-0.5)


def _he_normal(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    fan_out = layer.out_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
    _normal(layer, (2 / fan_out) ** 0.5)


@torch.no_grad()
def _normal(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, deviation: float) -> None:
    if layer.weight.is_meta:
        return  # there are no numbers to draw, over which torch would take more time than over real ones
    layer.weight.normal_(0.0, deviation)
    if layer.bias is not None:
        layer.bias.zero_()


class ChannelLinear(nn.Module):
    """One fully connected layer over the channels of [N, C, H, W], applied as one product over [N, H, W, C]."""

    def __init__(self, inner: int, outer: int, bias: bool) -> None:
        super().__init__()
        self.linear = Linear(inner, outer, bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class LayerNorm(nn.LayerNorm):
    """Layer norm over the channels of [N, C, H, W] at every pixel, or of [N, C]."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 2:
            return super().forward(x)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Add(nn.Module):
    """The sum of its inputs, then an activation."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.act = act

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.act(functools.reduce(operator.add, inputs))  # type: ignore[no-any-return]


class Multiply(nn.Module):
    """The product of its inputs, then an activation."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.act = act

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.act(functools.reduce(operator.mul, inputs))  # type: ignore[no-any-return]


class Concat(nn.Module):
    """Its inputs one behind the other along the channels."""

    def forward(self, *inputs: Tensor) -> Tensor:
        return torch.cat(inputs, 1)


class Softmax(nn.Module):
    """Its inputs, normalised elementwise against one another."""

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return torch.stack(inputs).softmax(0).unbind(0)


class Split(nn.Module):
    """Consecutive groups of channels."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = list(sizes)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return torch.split(x, self.sizes, 1)


class Merging(nn.Module):
    """Several feature maps merged by `merge` and then given to `then`."""

    def __init__(self, merge: nn.Module, then: nn.Module) -> None:
        super().__init__()
        self.merge = merge
        self.then = then

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.then(self.merge(*inputs))  # type: ignore[no-any-return]


def merging(mode: str, then: nn.Module) -> nn.Module:
    """Return `then` behind a concatenation (`concat`) or a sum (`sum`) of its inputs."""
    return Merging(Concat() if mode == "concat" else Add(nn.Identity()), then)


class Zero(nn.Module):
    """Zeros of the input's shape."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class DropPath(nn.Module):
    """Zeroes whole images of the batch with probability `rate` while training, and scales the others up."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        keep = torch.empty(x.shape[:1] + (1,) * (x.dim() - 1), dtype=x.dtype, device=x.device)
        keep.bernoulli_(1 - self.rate)
        return x * (keep / (1 - self.rate) if self.rate < 1 else keep)

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


class Scale(nn.Module):
    """A learned factor per channel."""

    def __init__(self, shape: tuple[int, ...], init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((shape[0], *(1 for _ in shape[1:])), float(init)))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight
