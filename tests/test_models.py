"""The shipped models and blocks: built as predicted, trainable, callable in parts, and known to torch's tools."""

from __future__ import annotations

import copy
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from archbuilder.api import build, describe, expand, models
from archbuilder.assemble import Block
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, Leaf, walk
from archbuilder.language.source import library

BLOCKS: dict[str, list[dict[str, Any]]] = {
    "basic": [{"out": 8}, {"out": 12, "stride": 2}],
    "bottleneck": [{"out": 16}, {"out": 16, "ratio": 2, "kernel": 5, "groups": 2, "stride": 2}],
    "auxiliary_head": [{"classes": 3}],
    "bneck": [
        {"out": 8, "hidden": 16},
        {"out": 8, "hidden": 8, "se": True},
        {"out": 9, "hidden": 12, "kernel": 5, "stride": 2},
    ],
    "convmixer": [{}, {"kernel": 7}],
    "convnext_block": [{}, {"ratio": 2, "drop": 0.1}],
    "dense_layer": [{"growth": 4}, {"growth": 4, "ratio": 2}],
    "depthwise_separable": [{"out": 6}, {"out": 6, "kernel": 5, "stride": 2}],
    "effective_squeeze_excite": [{}],
    "fire": [{"out": 16}, {"out": 17, "squeeze": 3}],
    "fire_dilated": [{"out": 16}, {"out": 17, "ratio": 4, "dilation": 3}],
    "fourway": [{"out": 8}, {"out": 14}],
    "fused_mbconv": [{"out": 8}, {"out": 8, "ratio": 1, "drop": 0.1}, {"out": 12, "stride": 2}],
    "ghost": [{"out": 6}, {"out": 8, "kernel": 5}],
    "ghost_bottleneck": [
        {"out": 8, "hidden": 16},
        {"out": 6, "hidden": 16, "se": True},
        {"out": 8, "hidden": 12, "kernel": 5, "stride": 2},
    ],
    "inception": [{"one": 2, "reduce3": 3, "three": 4, "reduce5": 5, "five": 6, "project": 7}],
    "inception_a": [{"project": 4}],
    "inception_b": [{}],
    "inception_c": [{"hidden": 4}],
    "inception_d": [{}],
    "inception_e": [{}],
    "inception_auxiliary": [{"classes": 3}],
    "inverted_kernel7": [{}, {"ratio": 2}],
    "inverted_residual": [{"out": 8}, {"out": 12, "ratio": 1}, {"out": 8, "stride": 2, "kernel": 5}],
    "mbconv": [{"out": 8}, {"out": 8, "ratio": 1, "drop": 0.1}, {"out": 12, "kernel": 5, "stride": 2}],
    "mlpconv": [{"out": 6, "hidden": 8}, {"out": 6, "hidden": 8, "middle": 4, "kernel": 5}],
    "osa": [{"out": 6, "hidden": 4}, {"out": 6, "hidden": 8, "convs": 2}],
    "preact": [{"out": 16}, {"out": 12, "ratio": 2, "kernel": 5, "stride": 2}],
    "regnet_bottleneck": [{"out": 16, "group_width": 4}, {"out": 16, "group_width": 8, "squeeze": 0.25, "stride": 2}],
    "separable": [{"out": 6}, {"out": 6, "kernel": 5, "stride": 2}],
    "shuffle_down": [{"out": 12}],
    "shuffle_unit": [{}],
    "squeeze_excite": [{"squeeze": 2}, {"squeeze": 3, "act": "silu", "gate": "hardsigmoid"}],
    "transition": [{}, {"keep": 0.3}],
}


# The ImageNet networks have tests of their own, against torchvision's.
SMALL = [name for name in models() if not name.startswith("imagenet/")]


def test_every_block_has_arguments_here() -> None:
    names = set(library().names())
    missing, gone = sorted(names - set(BLOCKS)), sorted(set(BLOCKS) - names)
    assert not missing, f'conf/block: give each of {missing} arguments in BLOCKS of {__file__}: "name": [{{"out": 8}}]'
    assert not gone, f"there is no conf/block/NAME.yaml for {gone}: take them out of BLOCKS of {__file__}"


def inputs(graph: Graph, batch: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(batch, *shape, generator=generator) for shape in graph.inputs.values()]


def small(name: str) -> list[str]:
    """Return overrides for the smallest images that a network of 32x32 takes, which change no parameter."""
    if expand(name).inputs == {"input": (3, 32, 32)}:
        for side in (8, 16):
            overrides = [f"model.input=[3,{side},{side}]"]
            with suppress(ConfigError):
                expand(name, overrides)
                return overrides
    return []


@lru_cache
def built(name: str) -> Block:
    torch.manual_seed(0)
    return build(name, small(name))


@pytest.mark.parametrize(("pools", "side"), [(3, 8), (4, 16)])
def test_images_get_as_small_as_a_network_takes_them(tmp_path: Path, pools: int, side: int) -> None:
    path = tmp_path / "pools.yaml"
    path.write_text(f"input: [3, 32, 32]\nstages:\n  pool: {{block: max_pool, kernel: 2, repeat: {pools}}}\n")
    assert small(str(path)) == [f"model.input=[3,{side},{side}]"]


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def assert_as_predicted(network: Block, params: int) -> None:
    assert parameters(network) == params
    shapes: dict[str, list[tuple[int, ...]]] = {}

    def remember(path: str) -> Any:
        def hook(_module: nn.Module, _args: Any, made: Any) -> None:
            made = (made,) if isinstance(made, Tensor) else made
            shapes[path] = [tuple(tensor.shape) for tensor in made]

        return hook

    nodes = dict(walk(network.graph))
    handles = [network.get_submodule(path).register_forward_hook(remember(path)) for path in nodes]
    for training in (True, False):
        made = network.train(training)(*inputs(network.graph))
        assert tuple(made.shape) == (2, *network.graph.shapes[0])
        assert shapes == {path: [(2, *shape) for shape in node.shapes] for path, node in nodes.items()}
    for handle in handles:
        handle.remove()


@pytest.mark.parametrize("name", SMALL)
def test_a_model_is_built_as_predicted(name: str) -> None:
    assert_as_predicted(built(name), describe(name).params)


@pytest.mark.parametrize("style", [{}, {"norm": "batch", "act": "relu"}, {"norm": "group", "act": "gelu"}], ids=str)
@pytest.mark.parametrize(("block", "arguments"), [(name, case) for name, every in BLOCKS.items() for case in every])
def test_a_block_is_built_as_predicted(block: str, arguments: dict[str, Any], style: dict[str, Any]) -> None:
    for repeat in ({},) if "classes" in arguments else ({}, {"repeat": 2}):
        layer = {"block": block, **arguments, **repeat}
        source = {"input": [8, 18, 18], "style": style, "stages": {"use": layer}}
        assert_as_predicted(build(source), describe(source).params)


@pytest.mark.parametrize(("name", "params"), [("resnet20", 272_474), ("resnet56", 855_770)])
def test_published_parameter_counts(name: str, params: int) -> None:
    # He et al. 2015, table 6, gives 0.27M and 0.85M; the exact numbers are those of the public implementations
    # with 1x1 projections (0.2725M, 0.8558M).
    assert describe(name).params == params


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = copy.deepcopy(built(name)).train()
    network(*inputs(network.graph, batch=4)).square().mean().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path
        # What a batch norm follows is not moved by a bias, and a dead ReLU passes nothing; weights are reached.
        if parameter.dim() > 1:
            assert parameter.grad.any(), path


@pytest.mark.parametrize("name", SMALL)
def test_every_image_of_a_batch_is_computed_on_its_own(name: str) -> None:
    network = built(name).eval()
    batch = inputs(network.graph, batch=3)
    with torch.no_grad():
        whole, one = network(*batch), network(*(value[1:2] for value in batch))
    torch.testing.assert_close(whole[1:2], one, rtol=1e-4, atol=1e-5)


def test_names_of_weights_mirror_the_yaml() -> None:
    names = set(built("resnet_bottleneck").state_dict())
    assert {
        "stem.conv.conv.weight",
        "stem.conv.norm.running_mean",
        "stages.stage1.0.reduce.conv.weight",
        "stages.stage1.1.spatial.norm.bias",
        "stages.stage2.0.shortcut.conv.weight",
        "head.classifier.linear.bias",
    } <= names
    assert "stages.stage2.1.shortcut.conv.weight" not in names
    assert "stages.stage3.2.reduce.conv.weight" not in names


@pytest.mark.parametrize("name", SMALL)
def test_every_weight_lies_below_a_leaf_of_the_graph(name: str) -> None:
    leaves = [path for path, node in walk(expand(name)) if isinstance(node, Leaf)]
    for weight in built(name).state_dict():
        assert any(weight.startswith(f"{path}.") for path in leaves), weight


def test_a_block_is_callable_by_itself_and_can_be_hooked() -> None:
    network = built("resnet20").eval()
    block = network.get_submodule("stages.stage2.0")
    assert isinstance(block, Block)
    assert block.graph.block == "basic"
    seen: list[tuple[Tensor, Tensor]] = []
    handle = block.register_forward_hook(lambda _module, args, made: seen.append((args[0], made)))
    with torch.no_grad():
        network(*inputs(network.graph))
        handle.remove()
        [(given, made)] = seen
        assert torch.equal(block(given), made)
    assert made.shape == (2, 32, 4, 4)


def test_a_network_knows_its_graph() -> None:
    assert build("resnet20").graph == expand("resnet20")


def assert_same(network: nn.Module, other: Any) -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(network(x), other(x))


def test_torch_fx_traces_it() -> None:
    network = built("resnet20").eval()
    assert_same(network, torch.fx.symbolic_trace(network))


def test_torch_fx_traces_several_outputs_and_inputs_inside() -> None:
    gate = {"block": "softmax", "from": ["left", "right"]}
    mix = {"block": "multiply", "from": ["gate.1", "right"]}
    inside = {"gate": gate, "mix": mix, "x": {"block": "identity", "from": "left"}}
    blocks = {"mine": {"inputs": ["left", "right"], "outputs": ["x", "mix"], "layers": inside}}
    layers = {
        "parts": {"block": "split", "parts": 2},
        "mine": {"block": "mine", "from": "parts.*"},
        "sum": {"block": "add", "from": "mine.*"},
    }
    network = build({"input": [4, 3, 3], "blocks": blocks, "stages": layers})
    values = inputs(network.graph)
    assert torch.equal(torch.fx.symbolic_trace(network)(*values), network(*values))


def test_torch_export_takes_it_with_any_batch() -> None:
    network = built("resnet20").eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(network, (torch.randn(3, 3, 8, 8),), dynamic_shapes=({0: batch},))
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(exported.module()(x), network(x))


def test_a_deep_copy_computes_the_same_and_shares_nothing() -> None:
    network = built("resnet20").eval()
    copied = copy.deepcopy(network)
    assert_same(network, copied)
    with torch.no_grad():
        next(copied.parameters()).zero_()
    assert next(network.parameters()).any()


def test_weights_go_from_one_network_into_another() -> None:
    network, other = built("resnet20").eval(), build("resnet20").eval()
    other.load_state_dict(network.state_dict())
    assert_same(network, other)
