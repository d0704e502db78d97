"""What a primitive says of some inputs; of one that is not shipped, checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from archbuilder.errors import ConfigError
from archbuilder.primitives.base import Cost, Primitive, Refusal, Shapes, Window, params_of

T = TypeVar("T")


def settled(cls: type[Primitive], arguments: dict[str, Any], inputs: Shapes, where: str) -> Primitive:
    """Return the primitive with these arguments settled; raises Refusal, and ConfigError where its code is wrong."""
    if _shipped(cls):
        return cls(**cls.settle(arguments, inputs))
    given = _asked(cls, "settle", lambda: cls.settle(arguments, inputs), where)
    if not isinstance(given, dict) or set(given) != set(params_of(cls)):
        raise _wrong(cls, "settle", f"returned {given!r:.60}, not all of its parameters by name", where)
    return _asked(cls, "__init__", lambda: cls(**given), where)


def outputs(primitive: Primitive, inputs: Shapes, where: str) -> Shapes:
    """Return the output shapes; raises Refusal, and ConfigError where the primitive's code is wrong."""
    cls = type(primitive)
    if _shipped(cls):
        return primitive.outputs(inputs)
    shapes = _asked(cls, "outputs", lambda: primitive.outputs(inputs), where)
    if not (isinstance(shapes, tuple) and shapes and all(map(_is_shape, shapes))):
        told = f"returned {shapes!r:.60}, not a tuple of shapes such as ((16, 8, 8),)"
        raise _wrong(cls, "outputs", told, where)
    return shapes


def cost(primitive: Primitive, inputs: Shapes, where: str) -> Cost:
    """Return the cost for one image; raises ConfigError where the primitive's code is wrong."""
    cls = type(primitive)
    if _shipped(cls):
        return primitive.cost(inputs)
    made = _asked(cls, "cost", lambda: primitive.cost(inputs), where)
    if not isinstance(made, Cost) or not _whole(made.params, 0) or not _whole(made.macs, 0):
        raise _wrong(cls, "cost", f"returned {made!r:.60}, not a Cost of whole numbers", where)
    # Asked for here so that whoever describes the network need not doubt it.
    field = _asked(cls, "field", lambda: primitive.field(inputs), where)
    pair = isinstance(field, tuple) and len(field) == 2 and all(isinstance(side, Window) for side in field)
    if field is not None and not pair:
        raise _wrong(cls, "field", f"returned {field!r:.60}, not a Window for each side", where)
    return made


def _shipped(cls: type[Primitive]) -> bool:
    return cls.__module__.startswith("archbuilder.")


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and len(shape) in (1, 3) and all(_whole(side, 1) for side in shape)


def _whole(number: Any, least: int) -> bool:
    return type(number) is int and number >= least


def _asked(cls: type[Primitive], method: str, ask: Callable[[], T], where: str) -> T:
    try:
        return ask()
    except (Refusal, ConfigError):
        raise
    except Exception as error:  # whatever a stranger's code raises
        raise _wrong(cls, method, f"raised {type(error).__name__}: {error}", where) from error


def _wrong(cls: type[Primitive], method: str, what: str, where: str) -> ConfigError:
    return ConfigError(
        where, f"the primitive '{cls.name}' is at fault: {cls.__module__}.{cls.__name__}.{method}() {what}"
    )
