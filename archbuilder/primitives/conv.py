"""Convolutions: kxk, 1x1 (pointwise, reduce, expand, fuse) and the shortcut of a residual block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from archbuilder.graph import Shape
from archbuilder.primitives.base import (
    Cost,
    Refusal,
    Shapes,
    Window,
    Windows,
    channels,
    map_of,
    param,
    pixels,
    positions,
    primitive,
)
from archbuilder.primitives.join import concatenated, same_shape
from archbuilder.primitives.style import Styled, style_param

if TYPE_CHECKING:
    from torch import nn

Pair = tuple[int, int]


@dataclass(frozen=True)
class Convolution(Styled):
    """What all convolutions share: weights [out, in / groups, kh, kw] at every position of a window."""

    out: int = param("channels", doc="channels of the output")
    stride: int = param("integer", 1, "step between positions", minimum=1, first=True)
    groups: int = param("integer", 1, "groups of channels that do not see one another", minimum=1)

    def grid(self) -> tuple[Pair, Pair, int]:
        """Return kernel, padding and dilation; here those of a 1x1 convolution."""
        return (1, 1), (0, 0), 1

    def merged(self, inputs: Shapes) -> tuple[int, int, int]:
        """Return the shape that the weights see."""
        return map_of(inputs[0])

    def check_groups(self, width: int) -> None:
        """Refuse groups that do not divide the channels on both sides."""
        for which in (width, self.out):
            if which % self.groups:
                raise Refusal(
                    f"{which} channels cannot be split into {self.groups} groups; use a divisor of {which}",
                    "groups",
                )

    def outputs(self, inputs: Shapes) -> Shapes:
        width, *sides = self.merged(inputs)
        self.check_groups(width)
        kernel, padding, dilation = self.grid()
        high, wide = (positions(sides[i], kernel[i], self.stride, padding[i], dilation) for i in (0, 1))
        return ((self.out, high, wide),)

    def field(self, inputs: Shapes) -> Windows:
        (high, wide), (above, beside), dilation = self.grid()
        return (
            Window.sliding(high, self.stride, above, dilation),
            Window.sliding(wide, self.stride, beside, dilation),
        )

    def cost(self, inputs: Shapes) -> Cost:
        inner, outer = self.merged(inputs), self.outputs(inputs)[0]
        (high, wide), _, _ = self.grid()
        weights = self.out * (channels(inner) // self.groups) * high * wide
        met = pixels(self.meets(inner, outer))
        return Cost(weights + self.out * self.bias, weights * met) + self.style_cost(inner, outer)

    def meets(self, inner: Shape, outer: Shape) -> Shape:
        """Return the map of which every weight meets each pixel."""
        return outer

    def weights(self, inner: Shape) -> nn.Module:
        """Return the bare convolution for [N, *inner]."""
        from archbuilder.primitives import modules

        kernel, padding, dilation = self.grid()
        return modules.Conv2d(channels(inner), self.out, kernel, self.stride, padding, dilation, self.groups, self.bias)

    def module(self, inputs: Shapes) -> nn.Module:
        inner = self.merged(inputs)
        return self.styled(self.weights(inner), inner, self.outputs(inputs)[0])


@primitive("conv")
class Conv(Convolution):
    """A kxk convolution: dense, grouped or depthwise."""

    out: int = param("channels", None, "channels of the output; of a depthwise one, by default those of the input")
    kernel: Pair = param("pair", 3, "k or [height, width]", minimum=1)
    padding: Pair = param("pair", "auto", "auto keeps the size at stride 1", minimum=0, choices=("auto",))
    dilation: int = param("integer", 1, "distance between the taps of the kernel", minimum=1)
    groups: int = param("integer", None, "groups of channels that do not see one another; by default 1", minimum=1)
    depthwise: bool = param("boolean", False, "every channel on its own: as many groups as channels of the input")

    @classmethod
    def settle(cls, arguments: dict[str, Any], inputs: Shapes) -> dict[str, Any]:
        settled = super().settle(arguments, inputs)
        width = channels(inputs[0])
        if settled["out"] is None:
            if not settled["depthwise"]:
                raise Refusal("the parameter 'out' is missing: say how many channels come out")
            settled["out"] = width
        if settled["groups"] is None:
            settled["groups"] = width if settled["depthwise"] else 1
        elif settled["depthwise"] and settled["groups"] != width:
            raise Refusal(f"a depthwise convolution of {width} channels has {width} groups; leave it out", "groups")
        if settled["depthwise"] and settled["out"] % width:
            raise Refusal(
                f"{settled['out']} is no multiple of the {width} channels that enter a depthwise convolution; use a "
                f"multiple of {width}, or leave it out",
                "out",
            )
        settled["depthwise"] = 1 < settled["groups"] == width
        if settled["padding"] == "auto":
            settled["padding"] = _auto_padding(settled["kernel"], settled["stride"], settled["dilation"])
        return settled

    def grid(self) -> tuple[Pair, Pair, int]:
        return self.kernel, self.padding, self.dilation


@primitive("transposed_conv")
class TransposedConv(Convolution):
    """A kxk convolution the other way round: each pixel paints a window, so strides enlarge the feature map.

    Source: Zeiler et al. 2010, "Deconvolutional networks".
    """

    kernel: Pair = param("pair", doc="k or [height, width]", minimum=1)
    padding: Pair = param("pair", 0, "rows and columns cut off on every side", minimum=0)
    output_padding: Pair = param("pair", 0, "rows and columns added below and right, fewer than the stride", minimum=0)

    def grid(self) -> tuple[Pair, Pair, int]:
        return self.kernel, self.padding, 1

    def field(self, inputs: Shapes) -> Windows:
        # Position j of the input paints those of the output from j * stride - padding on, a kernel's worth. Where a
        # kernel smaller than the stride leaves gaps, the window's last is before its first: nothing is read.
        (high, wide), (above, beside) = self.kernel, self.padding
        return self._painted(high, above), self._painted(wide, beside)

    def _painted(self, kernel: int, padding: int) -> Window:
        return Window(padding - kernel + self.stride, padding, 1, self.stride)

    def outputs(self, inputs: Shapes) -> Shapes:
        width, *sides = self.merged(inputs)
        self.check_groups(width)
        if max(self.output_padding) >= self.stride:
            raise Refusal(f"has to be less than the stride of {self.stride}", "output_padding")
        pairs = zip(sides, self.kernel, self.padding, self.output_padding, strict=True)
        high, wide = ((side - 1) * self.stride + kernel - 2 * cut + more for side, kernel, cut, more in pairs)
        if min(high, wide) < 1:
            raise Refusal(f"would leave {high}x{wide}; cut off less", "padding")
        return ((self.out, high, wide),)

    def meets(self, inner: Shape, outer: Shape) -> Shape:
        return inner

    def weights(self, inner: Shape) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.ConvTranspose2d(
            channels(inner),
            self.out,
            self.kernel,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.bias,
        )


def _auto_padding(kernel: Pair, stride: int, dilation: int) -> Pair:
    """Return the padding that keeps the size at stride 1; none for patches (an even kernel equal to the stride)."""
    for side in kernel:
        if side % 2 == 0 and side != stride:
            raise Refusal(
                f"no padding keeps the size under a kernel of {side}: use an odd kernel, make it equal to the stride "
                f"({stride}), or say padding: 0",
                "padding",
            )
    high, wide = (dilation * (side - 1) // 2 if side % 2 else 0 for side in kernel)
    return high, wide


@primitive("pointwise")
class Pointwise(Convolution):
    """A 1x1 convolution: one fully connected layer over the channels, the same at every pixel."""

    via: str = param("word", "conv", "linear: one fully connected layer on [N, H, W, C]", choices=("conv", "linear"))

    def outputs(self, inputs: Shapes) -> Shapes:
        if self.via == "linear" and (self.stride > 1 or self.groups > 1):
            raise Refusal("a fully connected layer has neither stride nor groups; use via: conv", "via")
        return super().outputs(inputs)

    def weights(self, inner: Shape) -> nn.Module:
        from archbuilder.primitives import modules

        if self.via == "linear":
            return modules.ChannelLinear(channels(inner), self.out, self.bias)
        return super().weights(inner)


@primitive("reduce")
class Reduce(Pointwise):
    """A 1x1 convolution to fewer channels; refuses to widen."""

    def outputs(self, inputs: Shapes) -> Shapes:
        width = channels(inputs[0])
        if self.out > width:
            raise Refusal(f"reduce would widen {width} channels to {self.out}; use expand or pointwise", "out")
        return super().outputs(inputs)


@primitive("expand")
class Expand(Pointwise):
    """A 1x1 convolution to more channels; refuses to narrow."""

    def outputs(self, inputs: Shapes) -> Shapes:
        width = channels(inputs[0])
        if self.out < width:
            raise Refusal(f"expand would narrow {width} channels to {self.out}; use reduce or pointwise", "out")
        return super().outputs(inputs)


@primitive("fuse")
class Fuse(Convolution):
    """A 1x1 convolution over several feature maps, concatenated or summed first."""

    inputs: ClassVar[int | None] = None

    mode: str = param("word", "concat", "how the inputs are merged", choices=("concat", "sum"))

    def merged(self, inputs: Shapes) -> tuple[int, int, int]:
        return map_of(concatenated(inputs) if self.mode == "concat" else same_shape(inputs))

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.merging(self.mode, super().module(inputs))


@primitive("shortcut")
class Shortcut(Convolution):
    """The way around a block: the identity where shapes agree, else a 1x1 convolution (He et al. 2015, option B)."""

    act: str = style_param("act", "none")
    from_style: ClassVar[dict[str, str]] = {key: key for key in Styled.from_style if key != "act"}

    def is_identity(self, inputs: Shapes) -> bool:
        """Tell whether nothing has to change on the way."""
        return self.stride == 1 and self.out == channels(inputs[0]) and self.act == "none"

    def cost(self, inputs: Shapes) -> Cost:
        return Cost() if self.is_identity(inputs) else super().cost(inputs)

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.Identity() if self.is_identity(inputs) else super().module(inputs)
