"""Bringing branches together and taking them apart: add, multiply, concat, softmax, split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from archbuilder.graph import Shape
from archbuilder.primitives.base import Elementwise, Refusal, Shapes, channels, param, primitive
from archbuilder.primitives.style import act_module, style_param

if TYPE_CHECKING:
    from torch import nn


def same_shape(inputs: Shapes) -> Shape:
    """Return the shape that all inputs share; raises Refusal with all of them where they differ."""
    if len(set(inputs)) > 1:
        raise Refusal(f"the inputs have different shapes: {_shown(inputs)}; make them equal, for example by a shortcut")
    return inputs[0]


def concatenated(inputs: Shapes) -> Shape:
    """Return the inputs' shape one behind the other along the channels; raises Refusal where sizes differ."""
    if len({shape[1:] for shape in inputs}) > 1:
        raise Refusal(f"the inputs have different sizes: {_shown(inputs)}; only their channels may differ")
    return (sum(channels(shape) for shape in inputs), *inputs[0][1:])


def _shown(inputs: Shapes) -> str:
    return " and ".join(str(list(shape)) for shape in inputs)


@primitive("add")
class Add(Elementwise):
    """The sum of inputs of one shape; no activation unless it says which, or `act: style`."""

    inputs: ClassVar[int | None] = None

    act: str = style_param("act", "none")

    def outputs(self, inputs: Shapes) -> Shapes:
        return (same_shape(inputs),)

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Add(act_module(self.act, inplace=len(inputs) > 1))


@primitive("multiply")
class Multiply(Elementwise):
    """The product of inputs of one shape, or of a [C, H, W] with a [C, 1, 1] (a gate per channel)."""

    inputs: ClassVar[int | None] = None

    act: str = style_param("act", "none")

    def outputs(self, inputs: Shapes) -> Shapes:
        full = max(inputs, key=lambda shape: shape[1:])
        gate = (channels(full), 1, 1)
        return (same_shape(tuple(full if shape == gate else shape for shape in inputs)),)

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Multiply(act_module(self.act, inplace=len(inputs) > 1))


@primitive("concat")
class Concat(Elementwise):
    """The inputs one behind the other along the channels."""

    inputs: ClassVar[int | None] = None

    def outputs(self, inputs: Shapes) -> Shapes:
        return (concatenated(inputs),)

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Concat()


@primitive("softmax")
class Softmax(Elementwise):
    """As many outputs as inputs, normalised elementwise against one another (Li et al. 2019, equation 5)."""

    inputs: ClassVar[int | None] = None

    def outputs(self, inputs: Shapes) -> Shapes:
        return (same_shape(inputs),) * len(inputs)

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Softmax()


@primitive("split")
class Split(Elementwise):
    """Consecutive groups of channels as outputs: `parts` equal ones, or of the given `sizes`."""

    sizes: tuple[int, ...] = param("integers", None, "channels of each output", minimum=1)
    parts: int = param("integer", None, "how many equal outputs", minimum=1, maximum=1000)

    @classmethod
    def settle(cls, arguments: dict[str, Any], inputs: Shapes) -> dict[str, Any]:
        width, parts, sizes = channels(inputs[0]), arguments["parts"], arguments["sizes"]
        if (parts is None) == (sizes is None):
            raise Refusal("say either parts, how many, or sizes, a list of channels")
        if sizes is None:
            if width % parts:
                raise Refusal(f"{width} channels cannot be split into {parts} equal parts", "parts")
            sizes = (width // parts,) * parts
        return {"sizes": sizes, "parts": len(sizes)}

    def outputs(self, inputs: Shapes) -> Shapes:
        width, *sides = inputs[0]
        if sum(self.sizes) != width:
            raise Refusal(f"the sizes {list(self.sizes)} add up to {sum(self.sizes)}, not to {width} channels", "sizes")
        return tuple((size, *sides) for size in self.sizes)

    def module(self, inputs: Shapes) -> nn.Module:
        from archbuilder.primitives import modules

        return modules.Split(self.sizes)
