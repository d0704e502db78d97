"""Building: modules under the names of the graph, values dropped behind their last reader, torch's tools at work."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archbuilder.api import build, expand
from archbuilder.assemble import Block, Join, assemble
from archbuilder.graph import walk
from tests.language.models import chain, conv, model
from tests.test_graph import NESTED

X = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def test_modules_lie_under_the_paths_of_the_graph() -> None:
    network = build(NESTED)
    for path, node in walk(network.graph):
        module = network.get_submodule(path)
        assert isinstance(module, Block) == hasattr(node, "nodes")
    assert [name for name, _ in network.named_children()] == ["stages"]


def test_repeated_layers_are_numbered_children() -> None:
    network = build(model({"a": conv(repeat=3), "b": conv(repeat=1), "c": conv()}))
    stages = network.get_submodule("stages")
    assert [name for name, _ in stages.named_children()] == ["a", "b", "c"]
    assert [name for name, _ in stages.get_submodule("a").named_children()] == ["0", "1", "2"]
    assert list(network.state_dict())[:2] == ["stages.a.0.conv.weight", "stages.a.0.conv.bias"]
    assert "stages.c.conv.weight" in network.state_dict()


def test_values_go_where_the_graph_says() -> None:
    layers = chain(
        parts={"block": "split", "parts": 2},
        swapped={"block": "concat", "from": ["parts.1", "parts.0"]},
        sum={"block": "add", "from": ["swapped", "input", "input"]},
    )
    assert torch.equal(build(model(layers))(X), torch.cat([X[:, 2:], X[:, :2]], 1) + X + X)


def test_several_inputs_are_given_in_the_order_of_writing() -> None:
    source = {
        "inputs": {"b": [4, 8, 8], "a": [2, 8, 8]},
        "stages": {"join": {"block": "concat", "from": ["a", "b"]}},
    }
    network = build(source)
    assert isinstance(network, Join)
    assert torch.equal(network(X, X[:, :2]), torch.cat([X[:, :2], X], 1))


def test_a_block_with_several_outputs_returns_a_tuple() -> None:
    block = build(NESTED).get_submodule("stages.mix")
    left, right = X[:, :2], X[:, 2:]
    made = block(left, right)
    assert isinstance(made, tuple)
    assert torch.equal(made[0], left + right)
    assert torch.equal(made[1], left)


def test_an_empty_network_is_the_identity() -> None:
    network = build(model({"a": {"block": "identity", "when": False}}))
    assert torch.equal(network(X), X)


def test_building_a_graph_gives_fresh_weights_each_time() -> None:
    graph = expand(model({"a": conv()}))
    first, second = (next(assemble(graph).parameters()) for _ in range(2))
    assert not torch.equal(first, second)


def test_memory_is_released_behind_the_last_reader() -> None:
    network = build(model(chain("a", "b", "c", d={"block": "add", "from": ["b", "c"]})))
    made: dict[str, weakref.ref[Tensor]] = {}
    alive: dict[str, list[str]] = {}

    class Fresh(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, *inputs: Tensor) -> Tensor:
            gc.collect()
            alive[self.name] = [name for name, value in made.items() if value() is not None]
            result = inputs[0] + 1
            made[self.name] = weakref.ref(result)
            return result

    stages = network.get_submodule("stages")
    for name in "abcd":
        stages.add_module(name, Fresh(name))
    with torch.no_grad():
        network(X)
    assert alive == {"a": [], "b": ["a"], "c": ["b"], "d": ["b", "c"]}


def test_a_replaced_module_is_used() -> None:
    network = build(model(chain("a", "b")))
    network.get_submodule("stages").add_module("a", nn.ReLU())
    assert torch.equal(network(X), X.relu())


@pytest.mark.parametrize("act", ["relu", "silu", "hardswish", "elu", "mish", "gelu"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group"])
@pytest.mark.parametrize("order", ["conv_norm_act", "norm_act_conv"])
def test_what_is_done_in_place_disturbs_no_other_reader_and_no_gradient(order: str, norm: str, act: str) -> None:
    layers: dict[str, Any] = {
        "a": conv(),
        "same": {"block": "shortcut", "out": 4},
        "b": conv(**{"from": "same"}),
        "n": {"block": "norm", "act": "style", "from": "same"},
        "k": {"block": "act", "from": "same"},
        "sum": {"block": "add", "from": ["a", "same", "b", "n", "k"], "act": "style"},
        "last": {"block": "multiply", "from": ["sum", "a"], "act": "style"},
    }
    torch.manual_seed(0)
    network = build(model(layers, style={"norm": norm, "act": act, "order": order})).double()
    inputs = X.double().requires_grad_()
    made = network(inputs)
    made.square().mean().backward()
    assert inputs.grad is not None

    for module in network.modules():
        if hasattr(module, "inplace"):
            setattr(module, "inplace", False)  # noqa: B010
    with_copies = X.double().requires_grad_()
    expected = network(with_copies)
    expected.square().mean().backward()
    torch.testing.assert_close(made, expected)
    torch.testing.assert_close(inputs.grad, with_copies.grad)
