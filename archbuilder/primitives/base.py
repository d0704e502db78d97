"""What a primitive is: parameters, shape rule, cost and module of one leaf operation, side by side."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Shape
from archbuilder.language.names import RESERVED, check_name
from archbuilder.language.params import REQUIRED, TYPES, Param

if TYPE_CHECKING:
    from torch import nn

Shapes = tuple[Shape, ...]


class Refusal(ValueError):  # noqa: N818 - it is a primitive's answer, turned into a ConfigError by the expander
    """Why a primitive cannot take these inputs or attributes; `key` names the attribute at fault, if one is."""

    def __init__(self, what: str, key: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.key = key


@dataclass(frozen=True)
class Cost:
    """Exact cost for one image: parameters (elements) and multiply-accumulates of convolutions and products."""

    params: int = 0
    macs: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.params + other.params, self.macs + other.macs)


class Window(NamedTuple):
    """Which positions of its input a layer reads along one side, as if the input had no ends.

    Position i of the output reads from floor((step * i + first) / per) to floor((step * i + last) / per): a stride is
    a `step`, and a layer that enlarges its input has more than one position of the output `per` position of the
    input. A step of 0 is that of a layer whose every output reads the whole side.
    """

    first: int = 0
    last: int = 0
    step: int = 1
    per: int = 1

    @classmethod
    def sliding(cls, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> Window:
        """Return the window of a convolution or pool."""
        return cls(-padding, dilation * (kernel - 1) - padding, stride)


HERE = Window()
"""The window of one position that reads itself alone."""
WHOLE = Window(step=0)
"""The window that is as large as the input."""

Windows = tuple[Window, Window]
"""Along height and width."""


@dataclass(frozen=True)
class Primitive:
    """Base of all primitives: a frozen dataclass whose fields are the parameters of the language.

    Shapes are of one image, [C, H, W] or [C]. Methods raise Refusal for what cannot be.
    """

    name: ClassVar[str]
    params: ClassVar[Mapping[str, Param]]
    inputs: ClassVar[int | None] = 1
    """How many inputs it takes; None: one or more."""
    from_style: ClassVar[Mapping[str, str]] = {}
    """Parameters that are taken from the surrounding style where the layer does not say: name -> style key."""

    @classmethod
    def settle(cls, arguments: dict[str, Any], inputs: Shapes) -> dict[str, Any]:
        """Return the arguments with everything filled in that depends on the inputs or on one another.

        It is given all parameters by name; None stands for one that was left unsaid and has no plain default.
        """
        return arguments

    def outputs(self, inputs: Shapes) -> Shapes:
        """Return the output shapes; by default one, equal to the first input's."""
        return (inputs[0],)

    def field(self, inputs: Shapes) -> Windows | None:
        """Return which positions of its inputs one of the output reads; None, the default, where nobody has said."""
        return None

    def cost(self, inputs: Shapes) -> Cost:
        """Return the exact cost for one image; by default nothing."""
        return Cost()

    def module(self, inputs: Shapes) -> nn.Module:
        """Return a new torch module, called with [N, *shape] tensors in the order of the inputs."""
        raise NotImplementedError


@dataclass(frozen=True)
class Elementwise(Primitive):
    """What primitives share that read, for each position, that position alone."""

    def field(self, inputs: Shapes) -> Windows:
        return HERE, HERE


def param(
    type: str,
    default: Any = REQUIRED,
    doc: str = "",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    first: bool = False,
) -> Any:
    """Declare a field of a primitive as a parameter of the language; raises ConfigError for a type that is none."""
    if type not in TYPES:
        raise ConfigError("param", f"there is no type '{type}'; {suggestion(str(type), TYPES, 'types')}")
    if type == "pair" and isinstance(default, int):
        default = (default, default)
    declared = Param(type, default, minimum, maximum, choices, first, doc)
    return dataclasses.field(metadata={"param": declared}, kw_only=True)


REGISTRY: dict[str, type[Primitive]] = {}
P = TypeVar("P", bound=type[Primitive])


def primitive(name: str) -> Callable[[P], P]:
    """Register a primitive under its name in the language.

    Raises ConfigError for a name that the language or another primitive has already, and for a class that is none.
    """

    def register(cls: P) -> P:
        check_name(name, f"primitive {name!r}", "a primitive")
        where = f"primitive '{name}'"
        if not (isinstance(cls, type) and issubclass(cls, Primitive)):
            raise ConfigError(where, f"{getattr(cls, '__name__', cls)} is no class derived from Primitive")
        made = dataclass(frozen=True)(cls)
        for field in dataclasses.fields(made):
            if "param" not in field.metadata:
                how = f"write {field.name}: ... = param(type, default, doc)"
                raise ConfigError(where, f"its field '{field.name}' is no parameter; {how}")
        made.name = name
        made.params = MappingProxyType({field.name: field.metadata["param"] for field in dataclasses.fields(made)})
        taken = REGISTRY.get(name)
        # The same class again is a module that is reloaded.
        if taken and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ConfigError(where, f"{taken.__module__} has one of that name; choose another")
        for key in params_of(made):
            if hasattr(Primitive, key):
                raise ConfigError(where, f"its parameter '{key}' would hide what every primitive has of that name")
            if key in RESERVED:
                raise ConfigError(where, f"its parameter '{key}' means something else in a layer")
        REGISTRY[name] = made
        return made  # type: ignore[return-value]

    return register


def params_of(cls: type[Primitive]) -> Mapping[str, Param]:
    """Return the parameters of a primitive by name, in the order of declaration."""
    return cls.params


def channels(shape: Shape) -> int:
    """Return C of [C, H, W] or [C]."""
    return shape[0]


def pixels(shape: Shape) -> int:
    """Return H * W of [C, H, W]; 1 for [C]."""
    return math.prod(shape[1:])


def map_of(shape: Shape) -> tuple[int, int, int]:
    """Return [C, H, W]; raises Refusal for a flattened input."""
    if len(shape) != 3:
        raise Refusal(f"the input is flattened to [{shape[0]}], but a feature map [C, H, W] is needed")
    return (shape[0], shape[1], shape[2])


def positions(size: int, kernel: int, stride: int, padding: int, dilation: int = 1, ceil: bool = False) -> int:
    """Return how many positions a window has along one side, as torch counts them.

    With `ceil`, a last window may hang over the edge as long as it starts inside the input or its padding.
    Raises Refusal where not even one fits.
    """
    reach = dilation * (kernel - 1) + 1
    free = size + 2 * padding - reach
    count = (free + stride - 1 if ceil else free) // stride + 1
    if count < 1:
        raise Refusal(
            f"a window of {reach} does not fit the feature map of {size} with padding {padding}: it would shrink "
            "below 1x1; use a smaller kernel, more padding, or fewer strides before it"
        )
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1
    return count
