"""From a leaf of a Graph back to its primitive, and checking graphs that somebody else wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from archbuilder.api import expand, models
from archbuilder.errors import ConfigError
from archbuilder.graph import Attribute, Graph, Leaf
from archbuilder.primitives import bind, check
from tests.primitives.cases import CASES, single


def first(graph: Graph) -> Leaf:
    leaf = graph.nodes[0]
    assert isinstance(leaf, Leaf)
    return leaf


CONV = first(expand(single("conv", {"out": 6})))


def with_leaf(leaf: Leaf) -> Graph:
    return Graph("mine", "model", {"in0": (8, 9, 11)}, (leaf,), {"output": leaf.name})


def attributes(**changes: Attribute) -> Mapping[str, Attribute]:
    return {**CONV.attributes, **changes}


def told(leaf: Leaf) -> str:
    with pytest.raises(ConfigError) as caught:
        check(with_leaf(leaf))
    return str(caught.value)


def test_every_leaf_is_bound_to_what_made_it() -> None:
    for op, arguments, shapes in CASES:
        leaf = first(expand(single(op, arguments, shapes)))
        primitive = bind(leaf)
        assert primitive.name == op
        assert {key: getattr(primitive, key) for key in leaf.attributes} == leaf.attributes
        assert primitive.outputs(tuple(shapes)) == leaf.shapes


@pytest.mark.parametrize("name", models())
def test_whatever_expand_made_passes(name: str) -> None:
    check(expand(name))


def test_an_unknown_primitive() -> None:
    reason = told(replace(CONV, op="conw"))
    assert (
        "there is no primitive 'conw': install the package that brings it, if one does; did you mean 'conv'?" in reason
    )


def test_attributes_that_are_missing_or_too_many() -> None:
    missing = {key: value for key, value in CONV.attributes.items() if key != "groups"}
    assert "odd here: groups" in told(replace(CONV, attributes=missing))
    assert "odd here: colour" in told(replace(CONV, attributes=attributes(colour="red")))


@pytest.mark.parametrize(
    ("changes", "telling"),
    [
        ({"out": "6"}, "layer stages.layer.out: '6' is a string"),
        ({"padding": "auto"}, "layer stages.layer.padding: 'auto' is a string"),
        ({"bias": "true"}, "layer stages.layer.bias: 'true' is a string"),
        ({"bias": 1}, "1 is not true or false"),
        ({"out": 0}, "0 is too small"),
        ({"out": 10**8}, "is too large"),
        ({"kernel": (3, 3, 3)}, "has 3 entries"),
        ({"act": "softplus"}, "'softplus' is not known"),
        ({"eps": float("nan")}, "nan is too large"),
        ({"out": 7}, "makes ((7, 9, 11),), not ((6, 9, 11),) as written"),
        ({"stride": 2}, "makes ((6, 5, 6),), not ((6, 9, 11),) as written"),
        ({"groups": 4}, "6 channels cannot be split into 4 groups"),
        ({"kernel": (99, 99)}, "does not fit"),
    ],
)
def test_attributes_that_are_wrong(changes: dict[str, Attribute], telling: str) -> None:
    assert telling in told(replace(CONV, attributes=attributes(**changes)))


def test_shapes_that_are_not_the_primitives() -> None:
    assert "not ((6, 9, 12),) as written" in told(replace(CONV, shapes=((6, 9, 12),)))
    assert "as written" in told(replace(CONV, shapes=((6, 9, 11), (6, 9, 11))))


def test_the_number_of_inputs() -> None:
    assert "conv takes 1 input(s), not 2" in told(replace(CONV, reads=("in0", "in0")))


def test_a_fully_connected_layer_without_stride_though_written_so() -> None:
    leaf = first(expand(single("pointwise", {"out": 6, "stride": 2})))
    assert "neither stride nor groups" in told(replace(leaf, attributes={**leaf.attributes, "via": "linear"}))


def test_the_full_path_of_a_layer_inside_is_told() -> None:
    for wrong in (replace(CONV, name="a", shapes=((6, 9, 12),)), replace(CONV, name="a", op="conw")):
        block = Graph("stages.b", "mine", {"in0": (8, 9, 11)}, (wrong,), {"output": "a"}, ("in0",))
        graph = Graph("mine", "model", {"in0": (8, 9, 11)}, (block,), {"output": "stages.b"})
        with pytest.raises(ConfigError, match=r"^layer stages\.b\.a: "):
            check(graph)
