"""The Graph as JSON, there and back, and its hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archbuilder.errors import ConfigError
from archbuilder.graph import Attribute, Graph, Leaf, Shape, reference
from archbuilder.language.expressions import LARGEST
from archbuilder.language.limits import DEEPEST, MOST_LAYERS
from archbuilder.language.names import check_layer_name
from archbuilder.record import content_hash

SCHEMA = 1
LONGEST_NAME = 1_000
"""Characters of a name, and of the names around a node together with its own: each leaf is called by all of them."""
MOST_PARTS = 3
"""Of a node's dotted name: section, layer, copy. Each is a module inside another, and torch walks them recursively."""


def to_json(graph: Graph) -> dict[str, Any]:
    """Return a graph as plain JSON data with its schema version."""
    return {"schema": SCHEMA, **_node_to_json(graph)}


def graph_hash(graph: Graph) -> str:
    """Return the sha256 of the structure: equal for equal networks, whatever they are called."""
    return content_hash(_structure(graph))


def _node_to_json(node: Leaf | Graph) -> dict[str, Any]:
    content: dict[str, Any] = {"name": node.name}
    if isinstance(node, Leaf):
        content |= {"op": node.op, "reads": list(node.reads), "attributes": _plain(node.attributes)}
        content |= {"shapes": [list(shape) for shape in node.shapes]}
    else:
        content |= {"block": node.block, "reads": list(node.reads), "inputs": _plain(node.inputs)}
        content |= {"nodes": [_node_to_json(inner) for inner in node.nodes], "outputs": dict(node.outputs)}
        content |= {"auxiliary": dict(node.auxiliary)} if node.auxiliary else {}
    return content | ({"doc": node.doc} if node.doc else {})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def _structure(node: Leaf | Graph) -> Any:
    """What makes two networks the same: everything but docs, block names and the network's own name."""
    if isinstance(node, Leaf):
        return [node.name, node.op, list(node.reads), _plain(node.attributes), [list(s) for s in node.shapes]]
    inner = [[part.name, _structure(part)] for part in node.nodes]
    return [
        list(node.reads),
        [[k, list(v)] for k, v in node.inputs.items()],
        inner,
        list(node.outputs.items()),
        *([list(node.auxiliary.items())] if node.auxiliary else []),
    ]


def from_json(content: Any) -> Graph:
    """Return the graph that `to_json` wrote, names and shapes checked as far as plain data goes.

    Raises ConfigError naming the place for an unknown schema version and for anything malformed. What the
    primitives say to it is checked by `archbuilder.primitives.check`.
    """
    if not isinstance(content, dict):
        raise ConfigError("architecture", "is not a mapping")
    if type(content.get("schema")) is not int or content["schema"] != SCHEMA:
        raise ConfigError(
            "architecture.schema", f"version {content.get('schema')!r:.60} is not known here, only {SCHEMA}"
        )
    graph = _graph({key: value for key, value in content.items() if key != "schema"}, "architecture", 0, LONGEST_NAME)
    if graph.reads:
        raise ConfigError("architecture.reads", "a whole network reads nothing")
    return graph


_LEAF_KEYS = {"name", "op", "reads", "attributes", "shapes"}
_GRAPH_KEYS = {"name", "block", "reads", "inputs", "nodes", "outputs"}
_OPTIONAL = {"doc", "auxiliary"}


def _graph(content: dict[str, Any], where: str, depth: int, room: int) -> Graph:
    """Return a graph; `room` is how many characters the names inside it may have."""
    if depth > DEEPEST:
        raise ConfigError(where, f"blocks are nested deeper than {DEEPEST}")
    _check_keys(content, _GRAPH_KEYS, where)
    inputs = {_text(k, where): _shape(v, f"{where}.inputs.{k}") for k, v in _mapping(content, "inputs", where).items()}
    known = dict(inputs)
    if len(_list(content, "nodes", where)) > MOST_LAYERS:
        raise ConfigError(f"{where}.nodes", f"there are more than {MOST_LAYERS:,} layers")
    nodes: list[Leaf | Graph] = []
    for index, inner in enumerate(_list(content, "nodes", where)):
        nodes.append(_node(inner, f"{where}.nodes[{index}]", depth + 1, room, known))
    _check_paths({node.name for node in nodes}, where)
    outputs = {_text(k, where): _text(v, where) for k, v in _mapping(content, "outputs", where).items()}
    unknown = [value for value in outputs.values() if value not in known]
    if unknown or not outputs:
        raise ConfigError(f"{where}.outputs", f"'{unknown[0]}' is not made here" if unknown else "there are none")
    reads = tuple(_text(name, where) for name in _list(content, "reads", where))
    if reads and len(reads) != len(inputs):
        raise ConfigError(f"{where}.reads", f"{len(reads)} values for {len(inputs)} inputs")
    name, block = _text(content["name"], where), _text(content["block"], where)
    doc, auxiliary = _doc(content, where), _auxiliary(content, outputs, depth, where)
    return Graph(name, block, inputs, tuple(nodes), outputs, reads, doc, auxiliary)


def _auxiliary(content: dict[str, Any], outputs: Mapping[str, str], depth: int, where: str) -> dict[str, float]:
    """Return the weights of the auxiliary outputs, which only a whole network has, beside an output of its own."""
    if "auxiliary" not in content:
        return {}
    weights = _mapping(content, "auxiliary", where)
    sound = all(type(weight) in (int, float) and 0 <= weight <= LARGEST for weight in weights.values())
    if depth or not weights or not set(weights) < set(outputs) or next(iter(outputs)) in weights or not sound:
        raise ConfigError(f"{where}.auxiliary", "is no mapping from outputs behind the first one to weights")
    return {name: float(weight) for name, weight in weights.items()}


def _check_paths(names: set[str], where: str) -> None:
    """Refuse names under which the modules could not be kept: `a.b` beside `a`, or an attribute of torch modules."""
    for name in names:
        parts = name.split(".", MOST_PARTS)
        if len(parts) > MOST_PARTS:
            raise ConfigError(where, f"'{name}' has more than {MOST_PARTS} parts")
        for part in parts:
            if not (part.isascii() and part.isdigit()):
                check_layer_name(part, where)
        for length in range(1, len(parts)):
            if ".".join(parts[:length]) in names:
                raise ConfigError(where, f"'{name}' lies inside another node")


def _node(content: Any, where: str, depth: int, room: int, known: dict[str, Shape]) -> Leaf | Graph:
    """Return a node and add its outputs to what is known, the shapes of all values made so far."""
    if not isinstance(content, dict):
        raise ConfigError(where, "is not a mapping")
    room -= len(_text(content.get("name", ""), where)) + 1
    if room < 0:
        raise ConfigError(where, f"its name and those around it have more than {LONGEST_NAME:,} characters")
    node = _leaf(content, where) if "op" in content else _graph(content, where, depth, room)
    for name in node.reads:
        if name not in known:
            raise ConfigError(f"{where}.reads", f"'{name}' is not made before this node")
    if isinstance(node, Graph):
        for (key, shape), name in zip(node.inputs.items(), node.reads, strict=False):
            if shape != known[name]:
                raise ConfigError(f"{where}.inputs.{key}", f"{list(shape)} is not the shape of '{name}'")
    made = {reference(node.name, index): shape for index, shape in enumerate(node.shapes)}
    if made.keys() & known.keys():
        raise ConfigError(where, f"the name '{node.name}' stands twice")
    if not node.reads:
        raise ConfigError(where, "the node reads nothing")
    known |= made
    return node


def _leaf(content: dict[str, Any], where: str) -> Leaf:
    _check_keys(content, _LEAF_KEYS, where)
    attributes = {_text(k, where): _attribute(v, where) for k, v in _mapping(content, "attributes", where).items()}
    shapes = tuple(_shape(shape, f"{where}.shapes") for shape in _list(content, "shapes", where))
    reads = tuple(_text(name, where) for name in _list(content, "reads", where))
    name, op = _text(content["name"], where), _text(content["op"], where)
    return Leaf(name, op, reads, attributes, shapes, _doc(content, where))


def _check_keys(content: dict[str, Any], keys: set[str], where: str) -> None:
    for key in content:
        if key not in keys | _OPTIONAL:
            raise ConfigError(where, f"unknown key '{key}'")
    for key in sorted(keys - set(content)):
        raise ConfigError(where, f"the key '{key}' is missing")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(where, f"{value!r:.60} is not a string")
    if len(value) > LONGEST_NAME:
        raise ConfigError(where, f"'{value:.60}...' is longer than {LONGEST_NAME:,} characters")
    return value


def _doc(content: dict[str, Any], where: str) -> str:
    doc = content.get("doc", "")
    if not isinstance(doc, str):
        raise ConfigError(where, f"{doc!r:.60} is not a string")
    return doc


def _list(content: dict[str, Any], key: str, where: str) -> list[Any]:
    if not isinstance(content[key], list):
        raise ConfigError(f"{where}.{key}", "is not a list")
    return list(content[key])


def _mapping(content: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    if not isinstance(content[key], dict):
        raise ConfigError(f"{where}.{key}", "is not a mapping")
    return dict(content[key])


def _shape(value: Any, where: str) -> Shape:
    if not isinstance(value, list) or len(value) not in (1, 3) or any(type(v) is not int for v in value):
        raise ConfigError(where, f"{value!r:.60} is no shape: [C] or [C, H, W]")
    if min(value) < 1 or max(value) > LARGEST:
        raise ConfigError(where, f"{value!r:.60} is no shape: its sides are from 1 to {LARGEST:,}")
    return tuple(value)


def _attribute(value: Any, where: str) -> Attribute:
    if isinstance(value, list) and all(type(item) is int for item in value):
        return tuple(value)
    if isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(where, f"{value!r:.60} is no attribute")
