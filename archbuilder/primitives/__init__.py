"""The leaf operations. Importing this imports no torch; making a module does."""

from archbuilder.primitives import conv, join, linear, pool, shape, style
from archbuilder.primitives.base import (
    REGISTRY,
    Cost,
    Primitive,
    Refusal,
    Window,
    map_of,
    param,
    params_of,
    positions,
    primitive,
)
from archbuilder.primitives.bind import bind, check
from archbuilder.primitives.plugins import find, names

__all__ = [
    "REGISTRY",
    "SHIPPED",
    "Cost",
    "Primitive",
    "Refusal",
    "Window",
    "bind",
    "check",
    "find",
    "map_of",
    "names",
    "param",
    "params_of",
    "positions",
    "primitive",
]
_FAMILIES = (conv, join, linear, pool, shape, style)

SHIPPED = frozenset(REGISTRY)
"""The names that no composite can have. Those of other packages come last, whenever they were loaded."""
