"""What a diagram of a network shows, before anyone says where: parts, boxes of parts, and what flows between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from archbuilder.graph import flatten
from archbuilder.show.text import count_of, count_text, field_text, shape_text
from archbuilder.show.tree import Network, Node, folded, readable_depth

READABLE = 60
"""So many nodes of a network are drawn unless a depth is asked for."""


@dataclass(frozen=True)
class Part:
    """One drawn thing: an input, which is of no kind, a layer or folded block, or a box around other parts.

    `heat` is its share of all MACs, from 0 to 1, and `facts` what there is to know about it, by name.
    """

    path: str
    name: str
    kind: str
    shape: str
    facts: dict[str, str]
    heat: float = 0.0
    folded: bool = False
    auxiliary: bool = False
    parts: tuple[Part, ...] = ()


FACTS = ("path", "block", "output", "params", "MACs", "activations", "field", "layers")
"""What there is to know about every layer and block."""


def label(part: Part, separator: str) -> list[str]:
    """Return the lines of a node: its name, primitive or block, and output shape with parameters, if it has any."""
    params = part.facts.get("params", "0")
    cost = "" if params == "0" else f"{separator}{params} params"
    return [text for text in (part.name, part.kind, part.shape + cost) if text]


@dataclass(frozen=True)
class Diagram:
    """The parts of a network, and its edges: paths of the innermost drawn parts that a value leaves and enters."""

    title: str
    notes: tuple[str, ...]
    parts: tuple[Part, ...]
    edges: tuple[tuple[str, str], ...]
    depth: int
    deeper: bool
    """Whether blocks are folded that could be drawn open."""


def diagram(network: Network, depth: int | None = None) -> Diagram:
    """Return what to draw of a network, folded below `depth` levels; by default as deep as can still be read."""
    deepest = readable_depth(network.root, READABLE) if depth is None else depth
    tree = folded(network.root, deepest)
    owner: dict[str, str] = {}
    parts = tuple(_part(node, network, owner) for section in tree.children for node in _opened(section))
    inputs = tuple(
        Part(_input(name), name, "", shape_text(shape), {"input": shape_text(shape)})
        for name, shape in network.graph.inputs.items()
    )
    cost = network.cost
    notes = (f"{cost.params:,} params", f"{cost.macs:,} MACs", f"depth {cost.depth:,}")
    return Diagram(
        network.graph.name,
        notes,
        inputs + parts,
        _edges(network, owner),
        deepest,
        any(not node.children and node.layers > 1 for node in _all(tree)),
    )


def _input(name: str) -> str:
    """Return the path of an input, which no layer can have."""
    return f"{name}:"


def _all(node: Node) -> list[Node]:
    return [node, *(inner for child in node.children for inner in _all(child))]


def _opened(section: Node) -> tuple[Node, ...]:
    """Return what a section (stem, stages, head) holds, which needs no box around it: its name is kept as a prefix."""
    if not section.children or section.kind:
        return (section,)
    return tuple(replace(node, name=f"{section.name}.{node.name}") for node in section.children)


def _part(node: Node, network: Network, owner: dict[str, str]) -> Part:
    """Return a node as it is drawn, and note in `owner` that it is drawn there."""
    parts = tuple(_part(child, network, owner) for child in node.children)
    if not parts:
        owner[node.path] = node.path
    many = count_of(node.layers, "layer")
    known = (
        node.path,
        node.kind or many,
        shape_text(node.shape),
        count_text(node.params) or "0",
        count_text(node.macs) or "0",
        count_text(node.activations),
        field_text(node.receptive_field, node.sees_all),
        f"{node.layers:,}",
    )
    facts = dict(zip(FACTS, known, strict=True))
    heat = math.sqrt(node.macs / network.root.macs) if node.macs else 0.0
    folded_here = not parts and node.layers > 1
    kind = node.kind or many
    return Part(node.path, node.name, kind, facts["output"], facts, heat, folded_here, node.auxiliary, parts)


def _edges(network: Network, owner: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the edges between drawn parts, each once, in order of execution."""
    flat = flatten(network.graph)
    source = dict(zip(flat.inputs, map(_input, network.graph.inputs), strict=True))
    edges: dict[tuple[str, str], None] = {}
    for call in flat.calls:
        here = _drawn(call.path, owner)
        for value in call.inputs:
            if source[value] != here:
                edges[(source[value], here)] = None
        source.update(dict.fromkeys(call.outputs, here))
    return tuple(edges)


def _drawn(path: str, owner: dict[str, str]) -> str:
    """Return the path of the part in which a leaf is drawn: itself, or the block that is folded around it."""
    inside = path
    while inside not in owner:
        inside = inside.rpartition(".")[0]
    owner[path] = owner[inside]
    return owner[inside]
