"""Two packages side by side: what their metadata, costs, layers and weights do not share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archbuilder.compare.labels import differences
from archbuilder.description import describe_graph
from archbuilder.errors import ArchbuilderError, PackageError
from archbuilder.graph import Graph, flatten
from archbuilder.graph_json import from_json, graph_hash
from archbuilder.primitives import check
from archbuilder.record import ARCHITECTURE_FILE, WEIGHTS_FILE
from archbuilder.show.table import Line, Page
from archbuilder.show.text import count_of, shape_text
from archbuilder.zoo.facts import Facts, read_facts, results
from archbuilder.zoo.files import check_files, read_json
from archbuilder.zoo.summary import cut

MOST_LAYERS = 100
"""Shown in a terminal; JSON has all."""
LONGEST = 48
COSTS = ("params", "macs", "activations", "peak_activations", "depth")


@dataclass(frozen=True)
class Layer:
    """One layer: what it does, its attributes and output as text, and its cost for one image."""

    op: str
    attributes: str
    shape: str
    params: int
    macs: int


@dataclass(frozen=True)
class Diff:
    """What two packages do not share: by key, both values; None where one has none.

    `same_network` tells that layers and their connections are equal, whatever they are called, `same_weights` that the
    files of weights are equal to the byte.
    """

    names: tuple[str, str]
    metadata: dict[str, list[str]]
    cost: dict[str, tuple[int, int]]
    layers: dict[str, tuple[Layer | None, Layer | None]]
    same_network: bool
    same_weights: bool

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return asdict(self)


def diff(first: Path, second: Path) -> Diff:
    """Compare two packages, every file of which is what its manifest says. Raises PackageError."""
    weights = [check_files(path)[WEIGHTS_FILE] for path in (first, second)]
    facts = [read_facts(path) for path in (first, second)]
    graphs = [read_graph(path) for path in (first, second)]
    layers = [dict(_layers(graph)) for graph in graphs]
    costs = [describe_graph(graph) for graph in graphs]
    pairs = {name: (getattr(costs[0], name), getattr(costs[1], name)) for name in COSTS}
    return Diff(
        names=(str(first), str(second)),
        metadata=differences([_comparable(each) for each in facts]),
        cost={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        layers={
            path: (layers[0].get(path), layers[1].get(path))
            for path in [*layers[0], *(path for path in layers[1] if path not in layers[0])]
            if layers[0].get(path) != layers[1].get(path)
        },
        same_network=graph_hash(graphs[0]) == graph_hash(graphs[1]),
        same_weights=weights[0] == weights[1],
    )


def read_graph(package: Path) -> Graph:
    """Return the network of a package, checked but without its weights. Raises PackageError."""
    path = package / ARCHITECTURE_FILE
    try:
        graph = from_json(read_json(path))
        check(graph)
    except ArchbuilderError as error:
        raise error if isinstance(error, PackageError) else PackageError(f"{path}: {error}") from None
    return graph


def diff_pages(found: Diff) -> list[Page]:
    """Return the differences as tables for a terminal."""
    pages = [
        Page(title, (what, "A", "B"), lines, (), (), (what, "A", "B"))
        for title, what, lines in (
            ("metadata", "what", [Line((key, *(cut(word, LONGEST) for word in both))) for key, both in _told(found)]),
            ("cost", "cost", [Line((_word(key), f"{a:,}", f"{b:,}")) for key, (a, b) in found.cost.items()]),
            ("layers", "layer", _layer_lines(found)),
        )
        if lines
    ]
    hidden = len(found.layers) - MOST_LAYERS
    notes = [
        f"A: {found.names[0]}, B: {found.names[1]}",
        *([f"{count_of(hidden, 'layer')} more; --json tells all"] if hidden > 0 else []),
        "the same network" if found.same_network else "different networks",
        f"the weights are {'equal to the byte' if found.same_weights else 'different'}",
    ]
    return [*pages, Page("", ("",), (), (), notes)]


def _told(found: Diff) -> Iterator[tuple[str, list[str]]]:
    yield from found.metadata.items()


def _comparable(facts: Facts) -> dict[str, Any]:
    """Return the metadata with results by split and weights; without costs, which are recomputed."""
    told = {key: value for key, value in facts.metadata.items() if key not in ("results", "cost")}
    evaluated = {f"{each.split} {each.weights}": vars(each) for each in results(facts.metadata)}
    return {**told, "labels": ", ".join(told["labels"]), "results": _figures(evaluated)}


def _figures(evaluated: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {key: {name: each[name] for name in ("accuracy", "loss", "n")} for key, each in evaluated.items()}


def _layers(graph: Graph) -> Iterator[tuple[str, Layer]]:
    costs = {layer.path: layer for layer in describe_graph(graph).layers}
    for call in flatten(graph).calls:
        attributes = ", ".join(f"{key} {value}" for key, value in call.leaf.attributes.items())
        cost = costs[call.path]
        yield call.path, Layer(call.leaf.op, attributes, shape_text(cost.shape), cost.params, cost.macs)


def _layer_lines(found: Diff) -> list[Line]:
    return [Line((path, *_sides(first, second))) for path, (first, second) in list(found.layers.items())[:MOST_LAYERS]]


def _sides(first: Layer | None, second: Layer | None) -> tuple[str, str]:
    """Return both layers in words: where both are there, what differs alone."""
    told = [vars(each) if each else None for each in (first, second)]
    if told[0] is None or told[1] is None:
        a, b = (f"{t['op']} {t['shape']}, {t['params']:,} params" if t else "-" for t in told)
        return a, b
    keys = [key for key in told[0] if told[0][key] != told[1][key]]
    a, b = (cut(", ".join(_fact(key, t[key]) for key in keys), LONGEST) for t in told if t)
    return a, b


def _fact(key: str, value: Any) -> str:
    return f"{value:,} {_word(key)}" if isinstance(value, int) else str(value)


def _word(key: str) -> str:
    return {"macs": "MACs"}.get(key, key.replace("_", " "))
