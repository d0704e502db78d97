"""The fully connected layer of a head, and flattening."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from archbuilder.primitives.base import WHOLE, Cost, Primitive, Shapes, Windows, param, primitive
from archbuilder.primitives.style import act_module, style_param

if TYPE_CHECKING:
    from torch import nn


@primitive("linear")
class Linear(Primitive):
    """One fully connected layer over all that comes in, flattened; no activation unless it says so."""

    out: int = param("channels", doc="channels of the output")
    bias: bool = param("boolean", True, "a bias")
    act: str = style_param("act", "none")

    def outputs(self, inputs: Shapes) -> Shapes:
        return ((self.out,),)

    def field(self, inputs: Shapes) -> Windows:
        return WHOLE, WHOLE

    def cost(self, inputs: Shapes) -> Cost:
        weights = math.prod(inputs[0]) * self.out
        return Cost(weights + self.out * self.bias, weights)

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        from archbuilder.primitives import modules

        flatten = nn.Flatten() if len(inputs[0]) > 1 else nn.Identity()
        weights = modules.Linear(math.prod(inputs[0]), self.out, self.bias)
        return modules.named(flatten=flatten, linear=weights, act=act_module(self.act, inplace=True))


@primitive("flatten")
class Flatten(Primitive):
    """[C, H, W] to [C * H * W]."""

    def outputs(self, inputs: Shapes) -> Shapes:
        return ((math.prod(inputs[0]),),)

    def field(self, inputs: Shapes) -> Windows:
        return WHOLE, WHOLE

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.Flatten()
