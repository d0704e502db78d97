"""From a leaf of the Graph back to its primitive, checked."""

from __future__ import annotations

from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Graph, Leaf, flatten
from archbuilder.language.params import read
from archbuilder.primitives.base import Primitive, Refusal, params_of
from archbuilder.primitives.plugins import find, names


def bind(leaf: Leaf, path: str = "") -> Primitive:
    """Return the primitive that a leaf names, with the leaf's attributes.

    Raises ConfigError, naming the `path`, where the leaf names no known primitive or its attributes are not
    exactly its parameters.
    """
    where = f"layer {path or leaf.name}"
    cls = find(leaf.op)
    if cls is None:
        raise ConfigError(where, f"there is no primitive '{leaf.op}'; {suggestion(leaf.op, names(), 'primitives')}")
    declared = params_of(cls)
    if set(leaf.attributes) != set(declared):
        odd = sorted(set(leaf.attributes) ^ set(declared))
        raise ConfigError(where, f"{leaf.op} has the attributes {', '.join(declared)}; odd here: {', '.join(odd)}")
    values: dict[str, Any] = {}
    for name, value in leaf.attributes.items():
        # A word may be a string; a number may not, since a Graph holds values, never expressions.
        if isinstance(value, str) and declared[name].type not in ("word", "block"):
            raise ConfigError(f"{where}.{name}", f"'{value}' is a string")
        values[name] = read(value, declared[name], {}, f"{where}.{name}")
    return cls(**values)


def check(graph: Graph) -> None:
    """Check that every leaf is what its primitive says: attributes, number of inputs, output shapes.

    Raises ConfigError naming the layer. For graphs that were not made by `expand`, above all from packages.
    """
    flat = flatten(graph)
    for call in flat.calls:
        primitive = bind(call.leaf, call.path)
        inputs = tuple(flat.shapes[value] for value in call.inputs)
        wanted = type(primitive).inputs
        if wanted is not None and len(inputs) != wanted:
            raise ConfigError(f"layer {call.path}", f"{call.leaf.op} takes {wanted} input(s), not {len(inputs)}")
        try:
            shapes = primitive.outputs(inputs)
        except Refusal as refusal:
            raise ConfigError(f"layer {call.path}", refusal.what) from None
        if shapes != call.leaf.shapes:
            raise ConfigError(f"layer {call.path}", f"makes {shapes}, not {call.leaf.shapes} as written")
