"""The Graph: a network as plain, immutable data, from which everything else reads. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

Shape = tuple[int, ...]
"""Of one image: [C, H, W], or [C] after flattening."""

Attribute = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class Leaf:
    """One primitive: its name in the graph around it, what it reads there, its attributes, its output shapes."""

    name: str
    op: str
    reads: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    shapes: tuple[Shape, ...]
    doc: str = ""


@dataclass(frozen=True)
class Graph:
    """A network, or one block inside it: named inputs, nodes in order of execution, named outputs.

    `reads` says what the inputs are bound to in the graph around it (empty for a whole network). A
    reference is the name of an input or of an earlier node; `name:1` is the second of several outputs.
    Node names may be dotted (`stages.stage1.0`): they are the module's path. `auxiliary` names the outputs that
    exist for training alone, with the weights of their losses.
    """

    name: str
    block: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Leaf | Graph, ...]
    outputs: Mapping[str, str]
    reads: tuple[str, ...] = ()
    doc: str = ""
    auxiliary: Mapping[str, float] = field(default_factory=dict)
    shapes: tuple[Shape, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        shapes = dict(self.inputs)
        for node in self.nodes:
            for index, shape in enumerate(node.shapes):
                shapes[reference(node.name, index)] = shape
        object.__setattr__(self, "shapes", tuple(shapes[name] for name in self.outputs.values()))


def reference(name: str, index: int = 0) -> str:
    """Return how other nodes refer to output `index` of the node or input `name`."""
    return f"{name}:{index}" if index else name


@dataclass(frozen=True)
class Call:
    """One execution of a leaf in the flattened graph: full dotted path, and numbered values in and out."""

    path: str
    leaf: Leaf
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Flat:
    """The leaves of a graph in order of execution, over numbered values and their shapes."""

    calls: tuple[Call, ...]
    shapes: tuple[Shape, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def flatten(graph: Graph) -> Flat:
    """Return every leaf of `graph` in order of execution; values are numbered from the inputs on."""
    shapes: list[Shape] = list(graph.inputs.values())
    calls: list[Call] = []
    inputs = tuple(range(len(shapes)))
    outputs = _flatten_into(graph, "", inputs, calls, shapes)
    return Flat(tuple(calls), tuple(shapes), inputs, outputs)


def _flatten_into(
    graph: Graph, prefix: str, inputs: tuple[int, ...], calls: list[Call], shapes: list[Shape]
) -> tuple[int, ...]:
    values = dict(zip(graph.inputs, inputs, strict=True))
    for node in graph.nodes:
        path = prefix + node.name
        reads = tuple(values[name] for name in node.reads)
        if isinstance(node, Graph):
            made = _flatten_into(node, f"{path}.", reads, calls, shapes)
        else:
            made = tuple(range(len(shapes), len(shapes) + len(node.shapes)))
            shapes.extend(node.shapes)
            calls.append(Call(path, node, reads, made))
        for index, value in enumerate(made):
            values[reference(node.name, index)] = value
    return tuple(values[name] for name in graph.outputs.values())


def walk(graph: Graph, prefix: str = "") -> Iterator[tuple[str, Leaf | Graph]]:
    """Yield every node below `graph` with its full dotted path, outer before inner."""
    for node in graph.nodes:
        yield prefix + node.name, node
        if isinstance(node, Graph):
            yield from walk(node, f"{prefix}{node.name}.")


def without_auxiliary(graph: Graph) -> Graph:
    """Return the network as it is used after training: its auxiliary outputs, and nodes that only they need, left out.

    Nodes stay whole, as their modules do: what is made of one once reads and returns the same in training and in use.
    """
    if not graph.auxiliary:
        return graph
    outputs = {name: ref for name, ref in graph.outputs.items() if name not in graph.auxiliary}
    needed, nodes = set(outputs.values()), []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(reference(node.name, index) for index in range(len(node.shapes))):
            needed |= set(node.reads)
            nodes.append(node)
    return replace(graph, nodes=tuple(nodes[::-1]), outputs=outputs, auxiliary={})


def keep_outputs(graph: Graph, outputs: Mapping[str, str]) -> Graph:
    """Return `graph` with these outputs instead of its own, without the nodes, and parts of nodes, that none needs."""
    needed = set(outputs.values())
    nodes: list[Leaf | Graph] = []
    # Where outputs of a block are left out, those behind them move up.
    moved: dict[str, str] = {}
    for node in reversed(graph.nodes):
        made = [reference(node.name, index) for index in range(len(node.shapes))]
        wanted = [index for index, name in enumerate(made) if name in needed]
        if not wanted:
            continue
        if isinstance(node, Graph):
            names = list(node.outputs)
            node = _without_unread(keep_outputs(node, {names[i]: node.outputs[names[i]] for i in wanted}))
            moved |= {made[index]: reference(node.name, place) for place, index in enumerate(wanted)}
        needed |= set(node.reads)
        nodes.append(node)
    return replace(
        graph,
        nodes=tuple(replace(node, reads=tuple(moved.get(name, name) for name in node.reads)) for node in nodes[::-1]),
        outputs={name: moved.get(ref, ref) for name, ref in outputs.items()},
        auxiliary={},
    )


def _without_unread(node: Graph) -> Graph:
    """Return a block without the inputs that nothing inside it reads any more."""
    used = {name for inner in node.nodes for name in inner.reads} | set(node.outputs.values())
    kept = [(name, read) for name, read in zip(node.inputs, node.reads, strict=True) if name in used]
    return replace(node, inputs={name: node.inputs[name] for name, _ in kept}, reads=tuple(read for _, read in kept))
