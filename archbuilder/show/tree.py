"""A network as a tree of costs: sections, repeated copies and blocks, down to the layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from archbuilder.description import Description, LayerCost, describe_graph
from archbuilder.graph import Graph, Leaf, Shape, walk


@dataclass(frozen=True)
class Node:
    """One node: its last name, dotted path, the block or primitive that it is, output shape, and costs.

    `kind` is empty for what only groups others: a section, or the copies of a repeated layer. Costs of an inner node
    are sums over the leaves in it; shape and receptive field are those of its output. `layers` counts leaves.
    """

    name: str
    path: str
    kind: str
    shape: Shape
    params: int
    macs: int
    activations: int
    receptive_field: tuple[int, int] | None
    sees_all: bool = False
    layers: int = 1
    auxiliary: bool = False
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Network:
    """A network to be shown: its Graph, what it costs, and the tree of that."""

    graph: Graph
    cost: Description
    root: Node


def network(graph: Graph) -> Network:
    """Return a Graph with its costs as a tree."""
    cost = describe_graph(graph)
    leaves = {layer.path: layer for layer in cost.layers}
    blocks = {path: _block(path, node, leaves) for path, node in walk(graph) if isinstance(node, Graph)}
    inside = _children("", [(path.split("."), layer) for path, layer in leaves.items()], 0, blocks)
    return Network(graph, cost, _sum(graph.name, "", _Block("", graph.shapes[0], None), inside))


class _Block(NamedTuple):
    """What the leaves inside do not tell of a block: its name, and what comes out first."""

    kind: str
    shape: Shape
    maker: LayerCost | Node | None
    """What makes that output and so has its field; None for a block that hands on its input."""


_Leaves = list[tuple[list[str], LayerCost]]


def _block(path: str, block: Graph, leaves: Mapping[str, LayerCost]) -> _Block:
    """Return a block's name and its first output, and the leaf that makes that."""
    kind, shape = block.block, block.shapes[0]
    node: Leaf | Graph | None = block
    while isinstance(node, Graph):
        name = next(iter(node.outputs.values())).partition(":")[0]
        node = next((inner for inner in node.nodes if inner.name == name), None)
        path = f"{path}.{name}"
    return _Block(kind, shape, leaves[path] if node else None)


def _children(path: str, leaves: _Leaves, level: int, blocks: Mapping[str, _Block]) -> tuple[Node, ...]:
    """Return the nodes right below a path, of the leaves that lie there."""
    groups: dict[str, _Leaves] = {}
    for leaf in leaves:
        groups.setdefault(leaf[0][level], []).append(leaf)
    nodes = [_node(f"{path}.{name}".lstrip("."), name, group, level, blocks) for name, group in groups.items()]
    # Auxiliary heads run in between, but a reader looks for them at the end.
    return tuple(sorted(nodes, key=lambda node: node.auxiliary and level == 0))


def _node(path: str, name: str, leaves: _Leaves, level: int, blocks: Mapping[str, _Block]) -> Node:
    parts, leaf = leaves[0]
    if len(parts) == level + 1:
        costs = (leaf.params, leaf.macs, leaf.activations, leaf.receptive_field, leaf.sees_all)
        return Node(name, path, leaf.op, leaf.shape, *costs, auxiliary=leaf.auxiliary)
    children = _children(path, leaves, level + 1, blocks)
    last = next((node for node in reversed(children) if not node.auxiliary), children[-1])
    return _sum(name, path, blocks.get(path, _Block("", last.shape, last)), children)


def _sum(name: str, path: str, block: _Block, children: tuple[Node, ...]) -> Node:
    maker = block.maker or (children[-1] if children else None)
    return Node(
        name,
        path,
        block.kind,
        block.shape,
        params=sum(node.params for node in children),
        macs=sum(node.macs for node in children),
        activations=sum(node.activations for node in children),
        receptive_field=maker.receptive_field if maker else None,
        sees_all=bool(maker and maker.sees_all),
        layers=sum(node.layers for node in children),
        auxiliary=bool(children) and all(node.auxiliary for node in children),
        children=children,
    )


def folded(node: Node, depth: int) -> Node:
    """Return the tree with nothing deeper than `depth` levels below `node`: what lies deeper is in the totals."""
    inner = tuple(folded(child, depth - 1) for child in node.children) if depth > 0 else ()
    return replace(node, children=inner)


class Row(NamedTuple):
    """One line of a printed tree: the lines that lead to the node, the node, and the one around it."""

    lead: str
    node: Node
    parent: Node


def rows(root: Node) -> Iterator[Row]:
    """Yield every node below `root`, outer before inner."""
    for index, child in enumerate(root.children):
        last = index == len(root.children) - 1
        yield Row("└─ " if last else "├─ ", child, root)
        for lead, node, parent in rows(child):
            yield Row(("   " if last else "│  ") + lead, node, parent)


def levels(node: Node) -> list[int]:
    """Return how many nodes the tree below `node` has when folded at depth 1, 2, and so on to the deepest."""
    counts: list[int] = []
    wave = node.children
    while wave:
        counts.append(len(wave) + (counts[-1] if counts else 0))
        wave = tuple(child for parent in wave for child in parent.children)
    return counts


def readable_depth(node: Node, most: int) -> int:
    """Return the deepest depth at which the tree has no more than `most` nodes, at least 1."""
    return max((depth for depth, count in enumerate(levels(node), 1) if count <= most), default=1)
