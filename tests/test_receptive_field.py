"""The theoretical receptive field, against the pixels that gradients from a few output values reach."""

from __future__ import annotations

import time
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from archbuilder.api import build, describe, expand
from archbuilder.graph import Graph
from archbuilder.primitives import REGISTRY, Primitive, Window, primitive

Layers = dict[str, Any]
Pair = tuple[int, int]


def net(layers: Layers, side: int | Pair = 97, **keys: Any) -> Graph:
    """Return a network of one channel over a picture large enough that no window meets its edge."""
    high, wide = (side, side) if isinstance(side, int) else side
    return expand({"input": [1, high, wide], "stages": layers, **keys})


def _numbered(layers: list[Layers]) -> Layers:
    return {f"l{index}": layer for index, layer in enumerate(layers)}


def told(graph: Graph) -> Pair:
    """Return the field of the last layer as described, which has to be known."""
    field = describe(graph).layers[-1].receptive_field
    assert field is not None
    return field


def measured(graph: Graph, around: int = 0) -> Pair:
    """Return the most pixels along each side that have a gradient from one output value.

    Asked are the value in the middle and those on the diagonal through it, `around` on either side: along each side
    it does not matter where on the other side a value lies.
    """
    module = build(graph).double()
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.ones_(part.weight)
    picture = torch.ones(1, *graph.inputs["input"], dtype=torch.double, requires_grad=True)
    out = module(picture)
    out = out.sum(1)[0] if out.dim() == 4 else out.sum().view(1, 1)
    steps = range(-around, around + 1)
    reached = [_extent(out[_within(out.shape[0], i), _within(out.shape[1], i)], picture) for i in steps]
    return max(high for high, _ in reached), max(wide for _, wide in reached)


def _within(side: int, step: int) -> int:
    return min(max(side // 2 + step, 0), side - 1)


def _extent(value: torch.Tensor, picture: torch.Tensor) -> Pair:
    [gradient] = torch.autograd.grad(value, picture, retain_graph=True)
    places = gradient[0].sum(0).nonzero()
    if not len(places):  # nothing is read here, as between the windows that a small transposed convolution paints
        return 0, 0
    high, wide = (places.max(0).values - places.min(0).values + 1).tolist()
    return high, wide


CONV: Layers = {"block": "conv", "out": 1, "bias": False}
TRANSPOSED: Layers = {"block": "transposed_conv", "out": 1, "bias": False}
LARGER: Layers = {"block": "upsample"}


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
        # Neighbours on an enlarged map may come from neighbours on the small one, a whole step apart.
        ([{**CONV, "stride": 3}, {**LARGER, "factor": 3}, {**CONV}], 6),
        ([{**CONV, "stride": 3}, {**LARGER, "factor": 3, "mode": "bilinear"}, {**CONV}], 9),
        ([{**CONV, "stride": 2}, {"block": "avg_pool", "kernel": 2}, *[{**LARGER, "factor": 2}] * 2, {**CONV}], 9),
        ([{**CONV, "stride": 4}, {**TRANSPOSED, "kernel": 4, "stride": 4}, {**CONV}], 7),
        ([{**CONV, "stride": 4}, *[{**LARGER, "factor": 2, "mode": "bilinear"}] * 2], 11),
        # Only every third position is painted.
        ([{**CONV}, {**TRANSPOSED, "kernel": 1, "stride": 3}, {**CONV}], 3),
    ],
)
def test_by_hand_and_by_gradients(layers: list[Layers], field: int) -> None:
    graph = net(_numbered(layers))
    assert told(graph) == (field, field)
    assert measured(graph, around=6) == (field, field)


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
SMALLER = st.one_of(
    st.builds(lambda k, s: {**CONV, "kernel": k, "stride": s}, ODD, st.sampled_from([2, 3, 4])),
    st.builds(lambda k: {"block": "avg_pool", "kernel": k}, st.sampled_from([2, 3])),
)
ENLARGED = st.one_of(
    st.builds(
        lambda f, mode: {**LARGER, "factor": f, "mode": mode},
        st.sampled_from([2, 3]),
        st.sampled_from(["nearest", "bilinear"]),
    ),
    st.builds(
        lambda k, s, more: {**TRANSPOSED, "kernel": k, "stride": s, "padding": (k - 1) // 2, "output_padding": more},
        st.sampled_from([1, 2, 3, 4, 5]),
        st.sampled_from([2, 3]),
        st.sampled_from([0, 1]),
    ),
)
SKIPS = st.fixed_dictionaries({"block": st.just("basic"), "out": st.just(1), "stride": st.sampled_from([1, 2])})


@given(st.lists(st.one_of(CONVS, POOLS, SKIPS), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_of_chains_and_residual_blocks_it_is_what_gradients_reach(layers: list[Layers]) -> None:
    graph = net(_numbered(layers), (321, 331))
    high, wide = told(graph)
    assert measured(graph) == (high, wide)


@given(SMALLER, st.lists(ENLARGED, min_size=1, max_size=2), CONVS)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_behind_an_enlarged_map_it_is_what_gradients_reach(first: Layers, larger: list[Layers], last: Layers) -> None:
    kernel = last["kernel"] if isinstance(last["kernel"], int) else max(last["kernel"])
    graph = net(_numbered([first, *larger, {**last, "kernel": kernel}]), 97)
    assert measured(graph, around=9) == told(graph)


def test_of_branches_that_do_not_lie_on_one_another_both_ends_count() -> None:
    layers = {
        "a": {**CONV, "kernel": 4, "stride": 4, "padding": 0},
        "b": {**CONV, "kernel": 3, "stride": 4, "padding": 1, "from": "input"},
        "join": {"block": "add", "from": ["a", "b"]},
    }
    graph = net(layers, 96)
    assert told(graph) == measured(graph) == (5, 5)


def test_branches_of_different_periods() -> None:
    layers = {
        "small": {**CONV, "kernel": 1, "stride": 6},
        "twice": {**LARGER, "factor": 2},
        "a": {**LARGER, "factor": 3, "mode": "bilinear"},
        "six": {**TRANSPOSED, "kernel": 6, "stride": 6, "from": "small"},
        "join": {"block": "add", "from": ["a", "six"]},
        "last": {**CONV},
    }
    graph = net(layers, 96)
    assert told(graph) == measured(graph, around=7)


def test_branches_that_drift_apart_are_unknown() -> None:
    layers = {
        "a": {**CONV, "padding": 0},
        "b": {"block": "adaptive_pool", "size": 30, "from": "input"},
        "join": {"block": "add", "from": ["a", "b"]},
        "pool": {"block": "global_pool"},
    }
    fields = [(layer.receptive_field, layer.sees_all) for layer in describe(net(layers, 32)).layers]
    assert fields[2:] == [(None, False), ((32, 32), True)]


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


def gated(side: int) -> Graph:
    """Return a network with a gate per channel between two convolutions."""
    layers = {
        "a": {**CONV, "stride": 2},
        "pool": {"block": "global_pool"},
        "gate": {"block": "multiply", "from": ["a", "pool"]},
        "b": {**CONV},
    }
    return net(layers, side)


def test_behind_a_gate_per_channel_the_whole_picture_is_seen() -> None:
    description = describe(gated(40))
    fields = {layer.path: (layer.receptive_field, layer.sees_all) for layer in description.layers}
    assert fields == {
        "stages.a": ((3, 3), False),
        "stages.pool": ((40, 40), True),
        "stages.gate": ((40, 40), True),
        "stages.b": ((40, 40), True),
    }
    assert measured(gated(40)) == (40, 40)


@pytest.mark.parametrize("side", [20, 40, 80])
def test_the_field_of_a_network_leaves_gates_out_and_is_that_of_any_picture(side: int) -> None:
    assert describe(gated(side)).receptive_field == (7, 7)


def test_a_shipped_network_with_gates_has_one_field_for_all_sizes() -> None:
    small, large = (describe("imagenet/efficientnet_b0", [f"model.input=[3,{side},{side}]"]) for side in (224, 448))
    assert small.receptive_field == large.receptive_field == (851, 851)


def test_of_a_gate_from_an_input_of_its_own_too() -> None:
    graph = expand(
        {
            "inputs": {"map": [1, 30, 30], "gate": [1, 1, 1]},
            "stages": {"a": {**CONV, "from": "map"}, "by": {"block": "multiply", "from": ["a", "gate"]}, "b": CONV},
        }
    )
    description = describe(graph)
    assert [layer.sees_all for layer in description.layers] == [False, True, True]
    assert description.receptive_field == (5, 5)


def test_each_input_is_seen_on_its_own() -> None:
    """The one is twice the other's size: a step is two pixels of it, and one of the other."""
    stages = {"a": {**CONV, "stride": 2, "from": "large"}, "by": {"block": "add", "from": ["a", "small"]}, "b": CONV}
    graph = expand({"inputs": {"large": [1, 40, 40], "small": [1, 20, 20]}, "stages": stages})
    assert [layer.receptive_field for layer in describe(graph).layers] == [(3, 3), (3, 3), (7, 7)]


def test_a_pool_along_one_side_sees_the_whole_of_that_side() -> None:
    graph = net({"a": CONV, "pool": {"block": "adaptive_pool", "size": [7, 1]}}, (14, 20))
    layer = describe(graph).layers[-1]
    assert (layer.receptive_field, layer.sees_all) == ((4, 20), False)
    assert measured(graph, around=3) == (4, 20)


def test_behind_a_primitive_that_does_not_say_what_it_reads_the_field_is_unknown() -> None:
    @primitive("murky")
    class Murky(Primitive):
        """Nobody knows."""

    try:
        description = describe(net({"a": CONV, "m": {"block": "murky"}, "b": CONV, "pool": {"block": "global_pool"}}))
    finally:
        REGISTRY.pop("murky")
    assert Murky.name == "murky"
    fields = [(layer.receptive_field, layer.sees_all) for layer in description.layers]
    assert fields == [((3, 3), False), (None, False), (None, False), ((97, 97), True)]
    assert description.receptive_field is None
    assert description.to_json()["receptive_field"] is None


def test_a_part_of_the_picture_that_strides_leave_out_is_not_seen() -> None:
    graph = net({"a": {**CONV, "kernel": 1, "stride": 4}, "b": {**CONV, "kernel": 2, "padding": 0}}, 8)
    assert told(graph) == measured(graph) == (5, 5)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 20])
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_windows_of_adaptive_pools(size: int, parts: int) -> None:
    graph = net({"a": {"block": "adaptive_pool", "size": parts}}, size)
    assert told(graph) == measured(graph, around=parts)


def test_many_strides_stay_bounded() -> None:
    graph = net(_numbered([{"block": "pointwise", "out": 1, "stride": 2}] * 3000), 8)
    assert told(graph) == (8, 8), "it cannot be more than the whole"
    assert told(net(_numbered([{**CONV, "stride": 2}] * 25), 8)) == (2**26 - 1,) * 2
    wide = net({"a": {"block": "conv", "out": 1, "stride": 2, "kernel": 3}, "b": {**CONV, "repeat": 3000}}, 8)
    assert told(wide) == (3 + 3000 * 4,) * 2


def test_more_positions_than_can_be_told_apart_are_unknown_at_once() -> None:
    chain = {f"l{i}": {**LARGER, "factor": 3} if i % 2 else {**CONV, "stride": 2} for i in range(16)}
    start = time.perf_counter()
    layers = describe(net(chain, 16)).layers
    assert time.perf_counter() - start < 2
    assert layers[11].receptive_field is not None
    assert layers[-1].receptive_field is None


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


def test_windows_by_hand() -> None:
    assert REGISTRY["identity"]().field(((4, 8, 8),)) == (Window(0, 0), Window(0, 0))
    assert Window.sliding(3, stride=2, padding=1, dilation=2) == Window(first=-1, last=3, step=2)
