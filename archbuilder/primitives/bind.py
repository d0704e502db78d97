"""From a leaf of the Graph back to its primitive, checked."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Graph, Leaf, flatten
from archbuilder.language.params import read
from archbuilder.primitives import answers
from archbuilder.primitives.base import REGISTRY, Primitive, Refusal, params_of
from archbuilder.primitives.plugins import find, names


def bind(leaf: Leaf, path: str = "") -> Primitive:
    """Return the primitive that a leaf names, with the leaf's attributes.

    Raises ConfigError, naming the `path`, where the leaf names no known primitive or its attributes are not
    exactly its parameters.
    """
    where = f"layer {path or leaf.name}"
    cls = find(leaf.op)
    if cls is None:
        what = f"there is no primitive '{leaf.op}': install the package that brings it, if one does"
        raise ConfigError(where, f"{what}; {suggestion(leaf.op, names(), 'primitives')}")
    # With types, since 1 == True == 1.0, but not for a primitive.
    typed = tuple([(name, type(value), value) for name, value in leaf.attributes.items()])
    try:
        return _bound(leaf.op, id(cls), typed)
    except ConfigError as error:
        raise ConfigError(f"{where}{error.where}", error.what) from None


@lru_cache(maxsize=4096)
def _bound(op: str, version: int, attributes: tuple[tuple[str, type, Any], ...]) -> Primitive:
    """Return the primitive with these attributes, checked; networks repeat themselves, so most are met again."""
    del version  # part of the cache's key alone: in a notebook a class may be defined anew
    cls = REGISTRY[op]
    declared = params_of(cls)
    given = {name: value for name, _, value in attributes}
    if set(given) != set(declared):
        odd = sorted(set(given) ^ set(declared))
        raise ConfigError("", f"{cls.name} has the attributes {', '.join(declared)}; odd here: {', '.join(odd)}")
    values: dict[str, Any] = {}
    for name, value in given.items():
        # A word may be a string; a number may not, since a Graph holds values, never expressions.
        if isinstance(value, str) and declared[name].type not in ("word", "block"):
            raise ConfigError(f".{name}", f"'{value}' is a string")
        values[name] = read(value, declared[name], {}, f".{name}")
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
            shapes = answers.outputs(primitive, inputs, f"layer {call.path}")
        except Refusal as refusal:
            raise ConfigError(f"layer {call.path}", refusal.what) from None
        if shapes != call.leaf.shapes:
            raise ConfigError(f"layer {call.path}", f"makes {shapes}, not {call.leaf.shapes} as written")
