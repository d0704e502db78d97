"""The theoretical receptive field, against the pixels that gradients from a few output values reach."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from archbuilder.api import build, describe, expand
from archbuilder.graph import Graph
from archbuilder.primitives import REGISTRY, Window

Layers = dict[str, Any]
Pair = tuple[int, int]


def net(layers: Layers, side: int | Pair = 97, **keys: Any) -> Graph:
    """Return a network of one channel over a picture large enough that no window meets its edge."""
    high, wide = (side, side) if isinstance(side, int) else side
    return expand({"input": [1, high, wide], "stages": layers, **keys})


def _numbered(layers: list[Layers]) -> Layers:
    return {f"l{index}": layer for index, layer in enumerate(layers)}


def told(graph: Graph) -> Pair:
    """Return the field of the last layer as described."""
    return describe(graph).layers[-1].receptive_field


def measured(graph: Graph, around: int = 0) -> Pair:
    """Return the most pixels along each side that have a gradient from one output value.

    Asked are the values in the middle, and `around` of their neighbours on either side.
    """
    module = build(graph).double()
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.ones_(part.weight)
    picture = torch.ones(1, *graph.inputs["input"], dtype=torch.double, requires_grad=True)
    out = module(picture)
    out = out.sum(1)[0] if out.dim() == 4 else out.sum().view(1, 1)
    rows, columns = (range(max(side // 2 - around, 0), min(side // 2 + around + 1, side)) for side in out.shape)
    reached = [_extent(out[i, j], picture) for i in rows for j in columns]
    return max(high for high, _ in reached), max(wide for _, wide in reached)


def _extent(value: torch.Tensor, picture: torch.Tensor) -> Pair:
    [gradient] = torch.autograd.grad(value, picture, retain_graph=True)
    places = gradient[0].sum(0).nonzero()
    high, wide = (places.max(0).values - places.min(0).values + 1).tolist()
    return high, wide


CONV: Layers = {"block": "conv", "out": 1, "bias": False}


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([{**CONV}], 3),
        ([{**CONV, "kernel": 1}], 1),
        ([{**CONV, "kernel": 5}, {**CONV}], 7),
        ([{**CONV, "stride": 2}, {**CONV}], 7),
        ([{**CONV, "kernel": 7, "stride": 2}, {"block": "avg_pool", "kernel": 3, "stride": 2, "padding": 1}], 11),
        ([{**CONV, "dilation": 4}, {**CONV, "dilation": 2}], 13),
        ([{"block": "avg_pool", "kernel": 2}, {**CONV}], 6),
        ([{"block": "pad", "size": 2}, {**CONV, "padding": 0}], 3),
        ([{"block": "pointwise", "out": 1, "stride": 3}, {**CONV}], 7),
        ([{**CONV, "stride": 2}, {"block": "upsample", "factor": 2}, {**CONV}], 5),
        ([{"block": "upsample", "factor": 4}, {**CONV}], 2),
        ([{"block": "upsample", "factor": 3}, {**CONV}, {**CONV}, {**CONV}], 3),
        ([{"block": "upsample", "factor": 2, "mode": "bilinear"}], 2),
        ([{"block": "transposed_conv", "out": 1, "kernel": 2, "stride": 2}, {**CONV}], 2),
        ([{"block": "transposed_conv", "out": 1, "kernel": 4, "stride": 2, "padding": 1}], 2),
        ([{**CONV, "stride": 2}, {"block": "transposed_conv", "out": 1, "kernel": 5, "stride": 2}], 7),
        ([{"block": "upsample", "factor": 2, "mode": "bilinear"}, {**CONV}], 3),
        ([{**CONV}, {"block": "basic", "out": 1, "stride": 2}, {"block": "basic", "out": 1}], 17),
    ],
)
def test_by_hand_and_by_gradients(layers: list[Layers], field: int) -> None:
    graph = net(_numbered(layers))
    assert told(graph) == (field, field)
    assert measured(graph, around=2) == (field, field)


def test_height_and_width_are_told_apart() -> None:
    graph = net({"a": {**CONV, "kernel": [1, 7]}, "b": {**CONV, "kernel": [3, 1], "stride": 2}, "c": CONV}, (60, 80))
    assert told(graph) == measured(graph) == (7, 11)


ODD = st.sampled_from([1, 3, 5])
CONVS = st.fixed_dictionaries(
    {
        "block": st.just("conv"),
        "out": st.just(1),
        "bias": st.just(False),
        "kernel": st.one_of(ODD, st.lists(ODD, min_size=2, max_size=2)),
    },
    optional={"stride": st.sampled_from([1, 2, 3]), "dilation": st.sampled_from([1, 2])},
)
POOLS = st.fixed_dictionaries(
    {"block": st.just("avg_pool"), "kernel": st.sampled_from([1, 2, 3, 4]), "stride": st.sampled_from([1, 2])}
)
ENLARGED = st.fixed_dictionaries(
    {"block": st.just("upsample"), "factor": st.sampled_from([2, 3]), "mode": st.sampled_from(["nearest", "bilinear"])}
)
SKIPS = st.fixed_dictionaries({"block": st.just("basic"), "out": st.just(1), "stride": st.sampled_from([1, 2])})


@given(st.lists(st.one_of(CONVS, POOLS, SKIPS), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_of_chains_and_residual_blocks_it_is_what_gradients_reach(layers: list[Layers]) -> None:
    graph = net(_numbered(layers), (321, 331))
    high, wide = told(graph)
    assert measured(graph) == (high, wide)


@given(st.lists(st.one_of(CONVS, ENLARGED), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_behind_an_enlarged_map_no_gradient_reaches_further(layers: list[Layers]) -> None:
    graph = net(_numbered(layers), 61)
    reached, field = measured(graph, around=3), told(graph)
    assert all(got <= said for got, said in zip(reached, field, strict=True))


@given(first=ODD, second=ODD, mode=st.sampled_from(["add", "concat"]))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_of_branches_the_widest_counts(first: int, second: int, mode: str) -> None:
    layers = {
        "a": {**CONV, "kernel": first},
        "b": {**CONV, "kernel": second, "from": "input"},
        "join": {"block": mode, "from": ["a", "b"]},
    }
    graph = net(layers, 31)
    assert told(graph) == measured(graph) == (max(first, second),) * 2


@pytest.mark.parametrize(
    "last",
    [
        {"block": "global_pool"},
        {"block": "linear", "out": 1},
        {"block": "flatten"},
        {"block": "adaptive_pool", "size": 1},
    ],
)
def test_behind_a_global_layer_the_whole_picture_counts(last: Layers) -> None:
    graph = net({"a": {**CONV, "kernel": 5}, "last": last}, (18, 22))
    assert told(graph) == (18, 22)
    if last["block"] != "flatten":  # single values of it see only a part, but nobody reads single values
        assert measured(graph) == (18, 22)


def test_a_gate_per_channel_sees_the_whole_picture_and_keeps_the_step() -> None:
    layers = {
        "a": {**CONV, "stride": 2},
        "pool": {"block": "global_pool"},
        "gate": {"block": "multiply", "from": ["a", "pool"]},
        "b": {**CONV},
    }
    fields = {layer.path: layer.receptive_field for layer in describe(net(layers, 40)).layers}
    assert fields["stages.pool"] == (40, 40)
    assert fields["stages.gate"] == (40, 40)
    assert fields["stages.b"] == (44, 44)


def test_a_part_of_the_picture_that_strides_leave_out_is_not_seen() -> None:
    graph = net({"a": {**CONV, "kernel": 1, "stride": 4}, "b": {**CONV, "kernel": 2, "padding": 0}}, 8)
    assert told(graph) == measured(graph) == (5, 5)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 20])
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_windows_of_adaptive_pools(size: int, parts: int) -> None:
    graph = net({"a": {"block": "adaptive_pool", "size": parts}}, size)
    assert told(graph) == measured(graph, around=parts)


def test_many_strides_on_one_position_stay_bounded() -> None:
    graph = net({"a": {"block": "pointwise", "out": 1, "stride": 2, "repeat": 3000}}, 8)
    assert told(graph) == (1, 1)
    wide = net({"a": {"block": "conv", "out": 1, "stride": 2, "kernel": 3}, "b": {**CONV, "repeat": 3000}}, 8)
    assert told(wide)[0] < 8 + 3000 * 2 * 8


@pytest.mark.parametrize(
    ("name", "field", "depth"),
    [
        # Araujo, Norris and Sim 2019, appendix, where the networks are the same.
        ("imagenet/alexnet", 195, 8),
        ("imagenet/vgg16", 212, 16),
        ("imagenet/inception_v3", 1311, 48),
        ("imagenet/resnet50", 427, 50),
        ("resnet20", 81, 20),
        ("imagenet/densenet121", 2071, 121),
    ],
)
def test_known_networks(name: str, field: int, depth: int) -> None:
    description = describe(name)
    assert description.receptive_field == (field, field)
    assert description.depth == depth
    assert description.layers[-1].receptive_field == next(iter(description.inputs.values()))[1:]


def test_every_primitive_says_its_window() -> None:
    assert all(callable(primitive.field) for primitive in REGISTRY.values())
    assert REGISTRY["identity"]().field(((4, 8, 8),)) == Window((1, 1), (1, 1), 1)
