"""Pooling over windows and over whole feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archbuilder.primitives.base import (
    WHOLE,
    Primitive,
    Refusal,
    Shapes,
    Window,
    Windows,
    map_of,
    param,
    positions,
    primitive,
)

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Pool(Primitive):
    """What pools over windows share."""

    kernel: int = param("integer", doc="side of the window", minimum=1)
    stride: int = param("integer", None, "step between windows; by default the kernel", minimum=1)
    padding: int = param("integer", 0, "border around the input", minimum=0)
    ceil: bool = param("boolean", False, "keep a last window that hangs over the edge")

    @classmethod
    def settle(cls, arguments: dict[str, Any], inputs: Shapes) -> dict[str, Any]:
        if arguments["stride"] is None:
            arguments["stride"] = arguments["kernel"]
        return arguments

    def outputs(self, inputs: Shapes) -> Shapes:
        if self.padding > self.kernel // 2:
            raise Refusal(f"{self.padding} is more than half the kernel of {self.kernel}", "padding")
        width, *sides = map_of(inputs[0])
        high, wide = (positions(side, self.kernel, self.stride, self.padding, ceil=self.ceil) for side in sides)
        return ((width, high, wide),)

    def field(self, inputs: Shapes) -> Windows:
        side = Window.sliding(self.kernel, self.stride, self.padding)
        return side, side


@primitive("max_pool")
class MaxPool(Pool):
    """The largest value of each window."""

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.MaxPool2d(self.kernel, self.stride, self.padding, ceil_mode=self.ceil)


@primitive("avg_pool")
class AvgPool(Pool):
    """The mean of each window."""

    count_padding: bool = param("boolean", True, "padding counts as zeros in the mean")

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.AvgPool2d(
            self.kernel, self.stride, self.padding, ceil_mode=self.ceil, count_include_pad=self.count_padding
        )


@dataclass(frozen=True)
class Adaptive(Primitive):
    """What pools to a given size share."""

    mode: str = param("word", "avg", "the mean or the largest value", choices=("avg", "max"))

    def sides(self) -> tuple[int, int]:
        """Return height and width of the output."""
        return 1, 1

    def outputs(self, inputs: Shapes) -> Shapes:
        return ((map_of(inputs[0])[0], *self.sides()),)

    def field(self, inputs: Shapes) -> Windows:
        _, high, wide = map_of(inputs[0])
        to_high, to_wide = self.sides()
        return _parted(high, to_high), _parted(wide, to_wide)

    def module(self, inputs: Shapes) -> nn.Module:
        from torch import nn

        return nn.AdaptiveAvgPool2d(self.sides()) if self.mode == "avg" else nn.AdaptiveMaxPool2d(self.sides())


def _parted(size: int, parts: int) -> Window:
    """Return the window into which torch parts a side, from floor(i * size / parts) to before the next's ceiling."""
    return Window(0, size - 1, size, parts) if parts > 1 else WHOLE


@primitive("global_pool")
class GlobalPool(Adaptive):
    """One value per channel: [C, H, W] to [C, 1, 1] (Lin et al. 2013, section 3.2)."""


@primitive("adaptive_pool")
class AdaptivePool(Adaptive):
    """Pooling to a given size, whatever the input's."""

    size: tuple[int, int] = param("pair", doc="height and width of the output", minimum=1, maximum=4096)

    def sides(self) -> tuple[int, int]:
        return self.size
