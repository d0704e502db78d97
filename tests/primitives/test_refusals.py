"""What primitives cannot do, and how each says so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.language.models import refused
from tests.primitives.cases import MAP, single

HERE = "model.stages.layer"
OTHER = (8, 9, 10)


@pytest.mark.parametrize(
    ("op", "arguments", "key", "telling"),
    [
        ("conv", {}, "", "the parameter 'out' is missing: say how many channels come out"),
        ("conv", {"out": 12, "groups": 3}, "groups", "8 channels cannot be split into 3 groups; use a divisor of 8"),
        ("conv", {"out": 6, "groups": 4}, "groups", "6 channels cannot be split into 4 groups; use a divisor of 6"),
        ("conv", {"out": 6, "groups": 0}, "groups", "0 is too small"),
        ("conv", {"depthwise": True, "groups": 4}, "groups", "a depthwise convolution of 8 channels has 8 groups"),
        ("conv", {"depthwise": True, "out": 12}, "out", "12 is no multiple of the 8 channels that enter a depthwise"),
        ("conv", {"depthwise": True, "out": 12}, "out", "use a multiple of 8, or leave it out"),
        ("conv", {"out": 6, "kernel": 2}, "padding", "no padding keeps the size under a kernel of 2"),
        (
            "conv",
            {"out": 6, "kernel": [3, 4], "stride": 2},
            "padding",
            "a kernel of 4: use an odd kernel, make it equal to the stride (2)",
        ),
        ("conv", {"out": 6, "kernel": 12, "padding": 0}, "", "a window of 12 does not fit the feature map of 9"),
        ("conv", {"out": 6, "kernel": 5, "padding": 0, "dilation": 3}, "", "below 1x1"),
        ("conv", {"out": 6, "kernel": 0}, "kernel", "0 is too small"),
        ("conv", {"out": 6, "stride": 0}, "stride", "0 is too small"),
        ("conv", {"out": 6, "padding": -1}, "padding", "-1 is too small"),
        ("conv", {"out": 6, "padding": "same"}, "padding", "'same' is not defined here"),
        ("conv", {"out": 6, "dilation": 0}, "dilation", "0 is too small"),
        ("pointwise", {}, "", "the parameter 'out' of pointwise is missing"),
        ("transposed_conv", {"out": 6, "kernel": 3, "groups": 5}, "groups", "8 channels cannot be split into 5 groups"),
        (
            "transposed_conv",
            {"out": 6, "kernel": 3, "stride": 2, "output_padding": 2},
            "output_padding",
            "has to be less than the stride of 2",
        ),
        ("transposed_conv", {"out": 6, "kernel": 3, "padding": 9}, "padding", "would leave -7x-5; cut off less"),
        ("pointwise", {"out": 6, "via": "conf"}, "via", "did you mean 'conv'?"),
        ("pointwise", {"out": 6, "via": "linear", "stride": 2}, "via", "has neither stride nor groups"),
        ("pointwise", {"out": 8, "via": "linear", "groups": 2}, "via", "has neither stride nor groups"),
        ("pointwise", {"out": 6, "kernel": 3}, "kernel", "pointwise has no such parameter"),
        ("reduce", {"out": 9}, "out", "reduce would widen 8 channels to 9; use expand or pointwise"),
        ("expand", {"out": 7}, "out", "expand would narrow 8 channels to 7; use reduce or pointwise"),
        ("shortcut", {"out": 6, "groups": 4}, "groups", "6 channels cannot be split into 4 groups"),
        ("linear", {}, "", "the parameter 'out' of linear is missing"),
        ("max_pool", {"kernel": 12}, "", "a window of 12 does not fit the feature map of 9 with padding 0"),
        ("max_pool", {"kernel": 3, "padding": 2}, "padding", "2 is more than half the kernel of 3"),
        ("avg_pool", {"kernel": 1, "padding": 1}, "padding", "1 is more than half the kernel of 1"),
        ("max_pool", {"kernel": 2, "count_padding": True}, "count_padding", "max_pool has no such parameter"),
        ("global_pool", {"mode": "mean"}, "mode", "'mean' is not known; known: avg, max"),
        ("adaptive_pool", {}, "", "the parameter 'size' of adaptive_pool is missing"),
        ("adaptive_pool", {"size": 0}, "size", "0 is too small"),
        ("adaptive_pool", {"size": 10**6}, "size", "is too large; at most 4,096"),
        ("channel_shuffle", {"groups": 3}, "groups", "8 channels cannot be dealt out across 3 groups"),
        ("dropout", {"rate": 1.1}, "rate", "1.1 is too large; at most 1"),
        ("drop_path", {"rate": -0.1}, "rate", "-0.1 is too small"),
        ("split", {}, "", "say either parts, how many, or sizes"),
        ("split", {"parts": 2, "sizes": [4, 4]}, "", "say either parts, how many, or sizes"),
        ("split", {"parts": 3}, "parts", "8 channels cannot be split into 3 equal parts"),
        ("split", {"sizes": [4, 5]}, "sizes", "the sizes [4, 5] add up to 9, not to 8 channels"),
        ("split", {"sizes": [8, 0]}, "sizes", "0 is too small"),
        ("upsample", {"factor": 0}, "factor", "0 is too small"),
        ("upsample", {"factor": 2, "mode": "cubic"}, "mode", "known: bilinear, nearest"),
        ("pad", {"size": -1}, "size", "-1 is too small"),
        ("act", {"kind": "swish"}, "kind", "did you mean 'silu'?"),
        ("act", {"kind": "h_swish"}, "kind", "did you mean 'hardswish'?"),
        ("act", {"kind": "ReLU"}, "kind", "did you mean 'relu'?"),
        ("act", {"kind": "GELU"}, "kind", "did you mean 'gelu'?"),
        ("norm", {"norm": "BN"}, "norm", "did you mean 'batch'?"),
        ("norm", {"norm": "off"}, "norm", "did you mean 'none'?"),
        ("norm", {"norm": False}, "norm", "YAML reads on, off, yes and no as true or false; write none"),
        ("conv", {"out": 2.5}, "out", "2.5 is not a whole number"),
        ("conv", {"out": "5 / 2"}, "out", "'5 / 2' is 2.5, not a whole number"),
        ("norm", {"norm": "batch", "eps": 0}, "eps", "0 is too small"),  # torch refuses it, but only in training
        ("norm", {"norm": "instance"}, "norm", "known: batch, group, layer, none"),
        ("identity", {"out": 8}, "out", "identity has no such parameter"),
        ("linear", {"out": 8, "norm": "batch"}, "norm", "put a layer behind it: {block: norm, norm: batch}"),
        ("max_pool", {"kernel": 2, "act": "relu"}, "act", "put a layer behind it: {block: act, kind: relu}"),
        ("max_pool", {"kernel": 2, "eps": 0.1}, "eps", "max_pool has no such parameter; parameters:"),
        ("act", {"act": "relu"}, "act", "it takes that from the style: write style: {act: relu}"),
    ],
)
def test_one_input(op: str, arguments: dict[str, Any], key: str, telling: str) -> None:
    refused(single(op, arguments), f"{HERE}.{key}".rstrip("."), telling)


@pytest.mark.parametrize(
    ("op", "shapes", "telling"),
    [
        ("add", [MAP, OTHER], "different shapes: [8, 9, 11] and [8, 9, 10]; make them equal"),
        ("add", [MAP, (7, 9, 11)], "different shapes: [8, 9, 11] and [7, 9, 11]"),
        ("add", [MAP, (8, 1, 1)], "different shapes"),
        ("multiply", [MAP, OTHER], "different shapes"),
        ("multiply", [MAP, (7, 1, 1)], "different shapes"),
        ("multiply", [MAP, (1, 9, 11)], "different shapes"),
        ("softmax", [MAP, OTHER], "different shapes"),
        ("concat", [MAP, OTHER], "different sizes: [8, 9, 11] and [8, 9, 10]; only their channels may differ"),
        ("fuse", [MAP, OTHER], "different sizes"),
    ],
)
def test_inputs_that_do_not_go_together(op: str, shapes: list[tuple[int, int, int]], telling: str) -> None:
    arguments = {"out": 4} if op == "fuse" else {}
    refused(single(op, arguments, shapes), HERE, telling)


def test_fuse_by_sum_needs_equal_shapes() -> None:
    refused(single("fuse", {"out": 4, "mode": "sum"}, [MAP, (7, 9, 11)]), HERE, "different shapes")


@pytest.mark.parametrize("op", ["conv", "pointwise", "global_pool", "max_pool", "upsample", "pad", "channel_shuffle"])
def test_a_feature_map_is_needed(op: str) -> None:
    arguments = {
        "conv": {"out": 3},
        "pointwise": {"out": 3},
        "max_pool": {"kernel": 2},
        "upsample": {"factor": 2},
        "pad": {"size": 1},
        "channel_shuffle": {"groups": 2},
    }
    layers = {"flat": {"block": "flatten"}, "layer": {"block": op, **arguments.get(op, {})}}
    source = {"input": [8, 2, 2], "stages": layers}
    refused(source, HERE, "the input is flattened to [32], but a feature map [C, H, W] is needed")


def test_add_and_concat_of_flattened_and_not() -> None:
    for op, telling in (("add", "different shapes: [8] and [8, 1, 1]"), ("concat", "different sizes")):
        layers = {"flat": {"block": "flatten"}, "layer": {"block": op, "from": ["flat", "input"]}}
        refused({"input": [8, 1, 1], "stages": layers}, HERE, telling)
