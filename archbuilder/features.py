"""The values inside a network as its outputs. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from archbuilder.errors import ConfigError, suggestion
from archbuilder.graph import Graph, Leaf, keep_outputs, reference, walk


def keep_features(graph: Graph, names: Iterable[str]) -> Graph:
    """Return `graph` with the outputs of the named layers as its own, in that order, and nothing behind them.

    A name is a layer's full path: `stages.stage2` (of a repeated one, its last copy), `stages.stage2.0.reduce`; or
    an input. Raises ConfigError for a name that is not there.
    """
    outputs: dict[str, str] = {}
    known = graph
    for name in names:
        if name in outputs:
            raise ConfigError("features", f"'{name}' is named twice; once is enough")
        found = _expose(known, name)
        if found is None:
            paths = [path for path, _ in walk(graph)]
            paths += [*graph.inputs, *(path.rpartition(".")[0] for path in paths if _is_copy(path))]
            raise ConfigError("features", f"there is no layer '{name}'; {suggestion(name, paths, 'layers')}")
        known, outputs[name] = found
    if not outputs:
        raise ConfigError("features", "there are none; name one layer at least")
    return keep_outputs(known, outputs)


def _expose(graph: Graph, path: str) -> tuple[Graph, str] | None:
    """Return the graph with one more output where the path leads inside a node, and the reference to its value."""
    if path in graph.inputs:
        return graph, path
    copies = [node.name for node in graph.nodes if node.name.rpartition(".")[0] == path and _is_copy(node.name)]
    for node in graph.nodes:
        if node.name == (copies[-1] if copies else path):
            return graph, _only(node)
        if isinstance(node, Graph) and path.startswith(f"{node.name}."):
            found = _expose(node, path.removeprefix(f"{node.name}."))
            if found:
                return _with_output(graph, node, *found)
    return None


def _with_output(graph: Graph, node: Graph, inner: Graph, ref: str) -> tuple[Graph, str]:
    """Return the graph in which `inner` stands for `node`, with one more output, and the reference to that."""
    # No layer has a colon in its name, so this is told apart from the block's own outputs.
    more = replace(inner, outputs={**inner.outputs, f":{len(inner.outputs)}": ref})
    nodes = tuple(more if other is node else other for other in graph.nodes)
    return replace(graph, nodes=nodes), reference(node.name, len(inner.outputs))


def _is_copy(name: str) -> bool:
    return name.rpartition(".")[2].isdigit()


def _only(node: Leaf | Graph) -> str:
    own = [name for name in node.outputs if ":" not in name] if isinstance(node, Graph) else node.shapes
    if len(own) > 1:
        raise ConfigError("features", f"'{node.name}' has several outputs; name the layers behind it")
    return node.name
