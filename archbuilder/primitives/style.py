"""Norms and activations, and what layers that obey the style share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from archbuilder.graph import Shape
from archbuilder.language.params import Param
from archbuilder.primitives.base import Cost, Elementwise, Primitive, Shapes, channels, param, primitive

if TYPE_CHECKING:
    from torch import nn

NORMS = ("none", "batch", "layer", "group")
ORDERS = ("conv_norm_act", "norm_act_conv")
# Each activation's torch class and keyword arguments; `inplace` is added where the class knows it.
_ACTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "relu": ("ReLU", {"inplace": True}),
    "relu6": ("ReLU6", {"inplace": True}),
    "leaky_relu": ("LeakyReLU", {"negative_slope": 0.01, "inplace": True}),
    "silu": ("SiLU", {"inplace": True}),
    "gelu": ("GELU", {}),
    "hardswish": ("Hardswish", {"inplace": True}),
    "hardsigmoid": ("Hardsigmoid", {"inplace": True}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "elu": ("ELU", {"inplace": True}),
    "mish": ("Mish", {"inplace": True}),
}
ACTS = ("none", *_ACTS)

STYLE: Mapping[str, Param] = {
    "norm": Param(
        "word",
        "none",
        choices=NORMS,
        doc="which normalisation; group has as many groups as 32 and the channels share: gcd(32, channels)",
    ),
    "act": Param("word", "none", choices=ACTS, doc="which activation"),
    "bias": Param("boolean", None, doc="a bias; by default exactly where there is no norm"),
    "order": Param(
        "word",
        "conv_norm_act",
        choices=ORDERS,
        doc="norm_act_conv puts norm and activation before the weights (pre-activation)",
    ),
    "eps": Param("number", 1e-5, minimum=1e-12, maximum=1, doc="added to the variance by the norm"),
    "momentum": Param("number", 0.1, minimum=0, maximum=1, doc="of batch norm's running statistics"),
}
"""The keys of a style, and what holds where no style says anything."""


def style_param(key: str, default: Any = None) -> Any:
    """Declare a field that takes its value from the style, or has a default of its own."""
    of = STYLE[key]
    own = of.default if default is None else default
    return param(of.type, own, of.doc, minimum=of.minimum, maximum=of.maximum, choices=of.choices)


def norm_cost(kind: str, width: int) -> Cost:
    """Return the cost of a norm over `width` channels: a scale and a shift per channel."""
    return Cost(0 if kind == "none" else 2 * width)


def norm_groups(width: int) -> int:
    """Return the groups of a group norm: 32 (Wu and He 2018), or the largest divisor that both share."""
    return math.gcd(32, width)


def norm_module(kind: str, shape: Shape, eps: float, momentum: float) -> nn.Module:
    """Return a norm for [N, *shape]; `none` is the identity."""
    from torch import nn

    from archbuilder.primitives import modules

    width = channels(shape)
    if kind == "batch":
        of_rank = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
        return of_rank(width, eps=eps, momentum=momentum)
    if kind == "layer":
        return modules.LayerNorm(width, eps=eps)
    if kind == "group":
        return nn.GroupNorm(norm_groups(width), width, eps=eps)
    return nn.Identity()


def act_module(kind: str, inplace: bool = False) -> nn.Module:
    """Return an activation; `inplace` overwrites the input where torch can, `none` is the identity."""
    from torch import nn

    if kind == "none":
        return nn.Identity()
    name, options = _ACTS[kind]
    if "inplace" in options:
        options = options | {"inplace": inplace}
    return getattr(nn, name)(**options)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Styled(Primitive):
    """A layer with weights that obeys norm, act, bias, order, eps and momentum of the style."""

    from_style: ClassVar[Mapping[str, str]] = {key: key for key in STYLE}

    norm: str = style_param("norm")
    act: str = style_param("act")
    bias: bool = style_param("bias")
    order: str = style_param("order")
    eps: float = style_param("eps")
    momentum: float = style_param("momentum")

    @classmethod
    def settle(cls, arguments: dict[str, Any], inputs: Shapes) -> dict[str, Any]:
        if arguments["bias"] is None:
            arguments["bias"] = arguments["norm"] == "none"
        if arguments["norm"] == "none":
            # What only a norm reads must not tell two equal networks apart.
            arguments |= {"eps": STYLE["eps"].default, "momentum": STYLE["momentum"].default}
        return arguments

    def style_cost(self, inner: Shape, outer: Shape) -> Cost:
        """Return the cost of the norm, before (pre-activation) or behind the weights."""
        return norm_cost(self.norm, channels(inner if self.order == "norm_act_conv" else outer))

    def styled(self, weights: nn.Module, inner: Shape, outer: Shape) -> nn.Module:
        """Return `weights` with norm and activation around it, as a sequence of `conv`, `norm`, `act`."""
        from torch import nn

        before = self.order == "norm_act_conv"
        parts: dict[str, nn.Module] = {}
        if self.norm != "none":
            parts["norm"] = norm_module(self.norm, inner if before else outer, self.eps, self.momentum)
        if self.act != "none":
            # Before the weights without a norm, the activation reads the layer's own input: not to be overwritten.
            parts["act"] = act_module(self.act, inplace=bool(parts) or not before)
        ordered = {**parts, "conv": weights} if before else {"conv": weights, **parts}
        sequence = nn.Sequential()
        for name, part in ordered.items():
            sequence.add_module(name, part)
        return sequence


@primitive("norm")
class Norm(Elementwise):
    """The style's norm on its own; no activation unless it says `act: style`."""

    from_style: ClassVar[Mapping[str, str]] = {key: key for key in ("norm", "eps", "momentum")}

    norm: str = style_param("norm")
    act: str = style_param("act", "none")
    eps: float = style_param("eps")
    momentum: float = style_param("momentum")

    def cost(self, inputs: Shapes) -> Cost:
        return norm_cost(self.norm, channels(inputs[0]))

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        norm = norm_module(self.norm, inputs[0], self.eps, self.momentum)
        return modules.named(norm=norm, act=act_module(self.act, inplace=self.norm != "none"))


@primitive("act")
class Act(Elementwise):
    """An activation on its own, the style's unless `kind` says which."""

    from_style: ClassVar[Mapping[str, str]] = {"kind": "act"}

    kind: str = param("word", "none", "which activation", choices=ACTS)

    def module(self, inputs: Shapes) -> nn.Module:
        return act_module(self.kind)
