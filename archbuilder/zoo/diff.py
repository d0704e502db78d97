"""Two packages side by side: what their metadata, costs, layers and weights do not share."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archbuilder.compare.labels import dotted
from archbuilder.description import describe_graph
from archbuilder.graph import Graph, flatten
from archbuilder.graph_json import graph_hash
from archbuilder.record import WEIGHTS_FILE
from archbuilder.show.table import Line, Page
from archbuilder.show.text import count_of, printable, shape_text
from archbuilder.zoo.architecture import read_graph
from archbuilder.zoo.facts import Facts, read_facts, results
from archbuilder.zoo.files import check_files
from archbuilder.zoo.summary import cut, short

MOST_LAYERS = 100
"""Shown in a terminal; JSON has all."""
LONGEST = 500
"""Characters of a cell."""
ABSENT = "-"
_DERIVED = ("results", "results_of_other_weights", "reevaluation", "cost", "onnx", "name", "created")
COSTS = {
    "params": "params",
    "macs": "MACs",
    "activations": "activations",
    "peak_activations": "peak activations",
    "depth": "depth",
}
"""How each is called in a terminal."""


@dataclass(frozen=True)
class Layer:
    """One layer: its primitive, attributes, output shape as text, and cost for one image."""

    op: str
    attributes: Mapping[str, Any]
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
    metadata: dict[str, tuple[Any, Any]]
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
        metadata=_differences(*(dict(dotted(_comparable(each))) for each in facts)),
        cost={name: pair for name, pair in pairs.items() if pair[0] != pair[1]},
        layers={
            path: (layers[0].get(path), layers[1].get(path))
            for path in [*layers[0], *(path for path in layers[1] if path not in layers[0])]
            if layers[0].get(path) != layers[1].get(path)
        },
        same_network=graph_hash(graphs[0]) == graph_hash(graphs[1]),
        same_weights=weights[0] == weights[1],
    )


def diff_pages(found: Diff) -> list[Page]:
    """Return the differences as tables for a terminal."""
    metadata = [Line((key, *_values(*both))) for key, both in found.metadata.items()]
    cost = [Line((COSTS[key], *(f"{count:,}" for count in both))) for key, both in found.cost.items()]
    layers = [Line((path, *_sides(*both))) for path, both in list(found.layers.items())[:MOST_LAYERS]]
    tables = (("metadata", "what", metadata), ("cost", "cost", cost), ("layers", "layer", layers))
    columns = ((title, (what, "A", "B"), lines) for title, what, lines in tables if lines)
    return [Page(title, headings, lines, (), (), headings, folded=headings) for title, headings, lines in columns]


def _values(*both: Any) -> list[str]:
    """Return two values in words that tell them apart, however late they differ."""
    told = [ABSENT if value is None else short(value) for value in both]
    if told[0] == told[1]:
        told = [str(value) for value in both]
    shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(*told, strict=False)))
    if shared > LONGEST // 2:
        told = [f"... {words[shared - LONGEST // 10 :]}" for words in told]
    return [cut(words, LONGEST) for words in told]


def diff_notes(found: Diff) -> list[str]:
    """Return what the tables do not tell."""
    hidden = len(found.layers) - MOST_LAYERS
    return [
        *([f"{count_of(hidden, 'layer')} more differ; --json tells all"] if hidden > 0 else []),
        f"A: {printable(found.names[0])}, B: {printable(found.names[1])}",
        "the same network" if found.same_network else "different networks",
        f"the weights are {'equal to the byte' if found.same_weights else 'different'}",
    ]


def _differences(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    pairs = {key: (first.get(key), second.get(key)) for key in sorted({*first, *second})}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def _comparable(facts: Facts) -> dict[str, Any]:
    """Return the metadata with results by split and weights; without what is worked out or made anew each time."""
    told = {key: value for key, value in facts.metadata.items() if key not in _DERIVED}
    evaluated = {f"{each.split} {each.weights}": vars(each) for each in results(facts.metadata)}
    return {**told, "labels": ", ".join(told["labels"]), "results": _figures(evaluated)}


def _figures(evaluated: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {key: {name: each[name] for name in ("accuracy", "loss", "n")} for key, each in evaluated.items()}


def _layers(graph: Graph) -> Iterator[tuple[str, Layer]]:
    costs = {layer.path: layer for layer in describe_graph(graph).layers}
    for call in flatten(graph).calls:
        cost = costs[call.path]
        yield call.path, Layer(call.leaf.op, call.leaf.attributes, shape_text(cost.shape), cost.params, cost.macs)


def _sides(first: Layer | None, second: Layer | None) -> tuple[str, str]:
    """Return both layers in words: where both are there, what differs alone."""
    if first and second:
        told, other = _facts(first), _facts(second)
        keys = [key for key in {**told, **other} if told.get(key) != other.get(key)]
        return _words(told, keys), _words(other, keys)
    return _summary(first), _summary(second)


def _facts(layer: Layer) -> dict[str, Any]:
    costs = {"params": f"{layer.params:,}", "MACs": f"{layer.macs:,}"}
    return {"block": layer.op, **layer.attributes, "output": layer.shape, **costs}


def _words(told: Mapping[str, Any], keys: Iterable[str]) -> str:
    return cut(", ".join(f"{key} {told[key]}" for key in keys if key in told) or ABSENT, LONGEST)


def _summary(layer: Layer | None) -> str:
    return f"{layer.op} {layer.shape}, {layer.params:,} params" if layer else ABSENT
