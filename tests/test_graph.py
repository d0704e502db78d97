"""The Graph as data: immutable, flattened in order of execution, walked by path."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from archbuilder.api import expand, models
from archbuilder.graph import Graph, Leaf, flatten, reference, walk

NESTED: dict[str, Any] = {
    "input": [4, 8, 8],
    "blocks": {
        "two": {
            "inputs": ["left", "right"],
            "outputs": ["sum", "left_again"],
            "layers": {
                "sum": {"block": "add", "from": ["left", "right"]},
                "left_again": {"block": "identity", "from": "left"},
            },
        },
        "skip": {"layers": {"gone": {"block": "identity", "when": False}}},
    },
    "stages": {
        "parts": {"block": "split", "parts": 2},
        "mix": {"block": "two", "from": ["parts.1", "parts.0"]},
        "nothing": {"block": "skip", "from": "mix.left_again"},
        "join": {"block": "concat", "from": ["mix.sum", "nothing", "parts.0"]},
    },
}


def test_a_reference_names_the_first_output_plainly() -> None:
    assert (reference("a"), reference("a", 0), reference("a", 2)) == ("a", "a", "a:2")


def test_shapes_of_a_graph_are_those_of_its_outputs() -> None:
    graph = expand(NESTED)
    assert graph.shapes == ((6, 8, 8),)
    nodes = dict(walk(graph))
    assert nodes["stages.mix"].shapes == ((2, 8, 8), (2, 8, 8))
    assert nodes["stages.nothing"].shapes == ((2, 8, 8),)


def test_a_graph_is_immutable() -> None:
    graph = expand(NESTED)
    for name in ("name", "nodes", "shapes"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(graph, name, None)
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(graph.nodes[0], name, None)


def test_walk_yields_outer_before_inner_with_full_paths() -> None:
    assert [path for path, _ in walk(expand(NESTED))] == [
        "stages.parts",
        "stages.mix",
        "stages.mix.sum",
        "stages.mix.left_again",
        "stages.nothing",
        "stages.join",
    ]


def test_flat_calls_are_the_leaves_in_order_over_numbered_values() -> None:
    flat = flatten(expand(NESTED))
    assert [(call.path, call.inputs, call.outputs) for call in flat.calls] == [
        ("stages.parts", (0,), (1, 2)),
        ("stages.mix.sum", (2, 1), (3,)),
        ("stages.mix.left_again", (2,), (4,)),
        # `nothing` is empty inside: its name stands for what it reads.
        ("stages.join", (3, 4, 1), (5,)),
    ]
    assert (flat.inputs, flat.outputs) == ((0,), (5,))
    assert flat.shapes == ((4, 8, 8), (2, 8, 8), (2, 8, 8), (2, 8, 8), (2, 8, 8), (6, 8, 8))


@pytest.mark.parametrize("name", models())
def test_flattening_a_model(name: str) -> None:
    graph = expand(name)
    flat = flatten(graph)
    assert [call.path for call in flat.calls] == [path for path, node in walk(graph) if isinstance(node, Leaf)]
    made = set(flat.inputs)
    for call in flat.calls:
        assert made.issuperset(call.inputs), f"{call.path} runs before what it reads"
        assert made.isdisjoint(call.outputs)
        assert tuple(flat.shapes[value] for value in call.outputs) == call.leaf.shapes
        made.update(call.outputs)
    assert made == set(range(len(flat.shapes)))
    assert tuple(flat.shapes[value] for value in flat.outputs) == graph.shapes


@pytest.mark.parametrize("name", models())
def test_every_node_reads_what_is_there_in_its_shape(name: str) -> None:
    def inspect(graph: Graph) -> None:
        shapes = dict(graph.inputs)
        for node in graph.nodes:
            if isinstance(node, Graph):
                assert tuple(node.inputs.values()) == tuple(shapes[read] for read in node.reads)
                inspect(node)
            assert set(node.reads) <= set(shapes)
            shapes |= {reference(node.name, index): shape for index, shape in enumerate(node.shapes)}

    inspect(expand(name))
