"""A network as a tree of costs: every node once, sums that agree, folding."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from archbuilder.api import expand, models
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, walk
from archbuilder.show.tree import Node, folded, levels, network, readable_depth, rows
from tests.language.models import conv, model
from tests.language.random_models import models as random_models
from tests.show.networks import HEADS, UNET, made, nodes

SMALL = [name for name in models() if not name.startswith("imagenet/")]
SUMS = ("params", "macs", "activations", "layers")


def check_sums(node: Node) -> None:
    """Check that every inner node costs what its children cost together."""
    if node.children:
        for name in SUMS:
            assert getattr(node, name) == sum(getattr(child, name) for child in node.children), (node.path, name)
    for child in node.children:
        check_sums(child)


@pytest.mark.parametrize("name", [*SMALL, "imagenet/googlenet", "imagenet/mobilenet_v3_small"])
def test_every_layer_and_block_is_there_with_its_cost(name: str) -> None:
    shown = made(name)
    found = nodes(shown.root)
    for layer in shown.cost.layers:
        node = found[layer.path]
        assert (node.kind, node.shape, node.params, node.macs) == (layer.op, layer.shape, layer.params, layer.macs)
        assert (node.activations, node.receptive_field) == (layer.activations, layer.receptive_field)
        assert (node.auxiliary, node.children, node.layers) == (layer.auxiliary, (), 1)
    for path, block in walk(shown.graph):
        if isinstance(block, Graph):
            assert (found[path].kind, found[path].shape) == (block.block, block.shapes[0])
    assert (shown.root.params, shown.root.macs) == (shown.cost.params, shown.cost.macs)
    check_sums(shown.root)


@given(random_models())
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_of_random_models_too(source: dict[str, Any]) -> None:
    try:
        graph = expand(source)
    except ConfigError:
        return
    shown = network(graph)
    check_sums(shown.root)
    assert shown.root.layers == len(shown.cost.layers)
    assert levels(shown.root)[-1:] == [len(list(rows(shown.root)))] if shown.cost.layers else not shown.root.children


def test_repeated_copies_are_visible_under_their_layer() -> None:
    paths = list(nodes(made("resnet20").root))
    assert paths[:6] == ["stem", "stem.conv", "stages", "stages.stage1", "stages.stage1.0", "stages.stage1.0.conv1"]
    assert {"stages.stage1.1", "stages.stage1.2", "stages.stage3.2.sum"} < set(paths)


def test_a_block_has_the_field_and_shape_of_its_first_output_not_of_its_last_layer() -> None:
    both = nodes(made(UNET).root)["stages.both"]
    assert (both.receptive_field, both.shape) == ((3, 3), (4, 16, 16))


def test_a_block_that_hands_on_its_input() -> None:
    empty = {"outputs": ["here"], "layers": {"lost": conv(4), "here": conv(4, when=False, **{"from": "input"})}}
    shown = made(model({"use": {"block": "mine"}, "b": conv(4)}, blocks={"mine": empty}))
    assert nodes(shown.root)["stages.use"].layers == 1


def test_auxiliary_heads_are_marked_and_stand_last() -> None:
    shown = made(model({"a": conv(4), "b": conv(4)}, outputs=HEADS))
    assert [(node.path, node.auxiliary) for node in shown.root.children] == [("stages", False), ("outputs", True)]


def test_folding_keeps_the_totals() -> None:
    root = made("resnet20").root
    for depth in (1, 2, 3, 4, 9):
        less = folded(root, depth)
        assert {name: getattr(less, name) for name in SUMS} == {name: getattr(root, name) for name in SUMS}
        assert max(path.count(".") for path in nodes(less)) == min(depth, 4) - 1
    assert folded(root, 9) == root


def test_lines_of_the_tree() -> None:
    shown = made(model({"a": conv(4), "b": {"block": "conv", "out": 4, "repeat": 2}, "c": conv(4)}))
    assert [row.lead + row.node.name for row in rows(shown.root)] == [
        "└─ stages",
        "   ├─ a",
        "   ├─ b",
        "   │  ├─ 0",
        "   │  └─ 1",
        "   └─ c",
    ]


def test_the_readable_depth_is_the_deepest_that_fits() -> None:
    root = made("resnet20").root
    counts = levels(root)
    assert counts == [3, 9, 18, 54]
    assert [readable_depth(root, most) for most in (1, 3, 8, 9, 53, 54, 999)] == [1, 1, 1, 2, 3, 4, 4]
