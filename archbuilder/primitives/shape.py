"""Layers without weights that rearrange or regularise: identity, zero, shuffle, pad, upsample, dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archbuilder.primitives.base import (
    Cost,
    Elementwise,
    Primitive,
    Refusal,
    Shapes,
    Window,
    Windows,
    channels,
    map_of,
    param,
    primitive,
)

if TYPE_CHECKING:
    from torch import nn


@primitive("identity")
class Identity(Elementwise):
    """The input as it is."""

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.Identity()


@primitive("zero")
class Zero(Elementwise):
    """Zeros of the input's shape."""

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Zero()


@primitive("channel_shuffle")
class ChannelShuffle(Elementwise):
    """Channels dealt out across groups (Zhang et al. 2017, figure 1)."""

    groups: int = param("integer", doc="how many groups the channels come in", minimum=1)

    def outputs(self, inputs: Shapes) -> Shapes:
        width = map_of(inputs[0])[0]
        if width % self.groups:
            raise Refusal(f"{width} channels cannot be dealt out across {self.groups} groups", "groups")
        return (inputs[0],)

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.ChannelShuffle(self.groups)


@primitive("pad")
class Pad(Primitive):
    """A border of zeros of the given size on all four sides."""

    size: int = param("integer", doc="width of the border in pixels", minimum=0, maximum=4096)

    def outputs(self, inputs: Shapes) -> Shapes:
        width, high, wide = map_of(inputs[0])
        return ((width, high + 2 * self.size, wide + 2 * self.size),)

    def field(self, inputs: Shapes) -> Windows:
        side = Window.sliding(1, padding=self.size)
        return side, side

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.ZeroPad2d(self.size)


@primitive("upsample")
class Upsample(Primitive):
    """A feature map `factor` times as high and wide."""

    factor: int = param("integer", doc="how many times larger each side gets", minimum=1, maximum=64)
    mode: str = param("word", "nearest", "how pixels in between are made", choices=("nearest", "bilinear"))

    def outputs(self, inputs: Shapes) -> Shapes:
        width, high, wide = map_of(inputs[0])
        return ((width, high * self.factor, wide * self.factor),)

    def field(self, inputs: Shapes) -> Windows:
        # The middle of a pixel lies at (2i + 1) / 2f of the input: a bilinear one reads the middles around it.
        bilinear = Window(1 - self.factor, self.factor, 2, 2 * self.factor)
        side = bilinear if self.mode == "bilinear" else Window(per=self.factor)
        return side, side

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.Upsample(scale_factor=self.factor, mode=self.mode)


@primitive("dropout")
class Dropout(Elementwise):
    """Zeroes single values at random while training (Srivastava et al. 2014)."""

    rate: float = param("number", doc="probability of zeroing", minimum=0, maximum=1)

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.Dropout(self.rate)


@primitive("drop_path")
class DropPath(Elementwise):
    """Zeroes the whole branch for random images while training (Huang et al. 2016)."""

    rate: float = param("number", doc="probability of zeroing", minimum=0, maximum=1)

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.DropPath(self.rate)


@primitive("scale")
class Scale(Elementwise):
    """A learned factor per channel (Touvron et al. 2021, LayerScale)."""

    init: float = param("number", 1.0, "value before training")

    def cost(self, inputs: Shapes) -> Cost:
        return Cost(channels(inputs[0]))

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Scale(inputs[0], self.init)
