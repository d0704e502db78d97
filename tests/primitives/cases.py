"""Configurations of every primitive, and models of one layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.api import build
from archbuilder.errors import ConfigError

MAP = (8, 9, 11)
"""Channels, height and width that nothing mistakes for one another."""

ONE: dict[str, list[dict[str, Any]]] = {
    "conv": [
        {"out": 6},
        {"out": 6, "kernel": 1},
        {"out": 6, "kernel": [3, 5]},
        {"out": 6, "kernel": [1, 7], "padding": [0, 3]},
        {"out": 6, "stride": 2},
        {"out": 6, "stride": 3, "kernel": 5, "padding": 1},
        {"out": 6, "kernel": 4, "stride": 4},
        {"out": 6, "kernel": 2, "padding": 0},
        {"out": 6, "kernel": 4, "padding": 2, "dilation": 2},
        {"out": 6, "dilation": 2},
        {"out": 6, "dilation": 3, "stride": 2},
        {"out": 12, "groups": 4},
        {"out": 8, "groups": 8},
        {"depthwise": True},
        {"depthwise": True, "out": 16, "kernel": 5, "stride": 2},
        {"out": 6, "norm": "batch", "act": "relu"},
        {"out": 6, "norm": "batch", "bias": True},
        {"out": 6, "norm": "layer", "act": "gelu"},
        {"out": 6, "norm": "group", "act": "silu"},
        {"out": 6, "norm": "batch", "act": "relu", "order": "norm_act_conv"},
        {"out": 6, "act": "relu", "order": "norm_act_conv"},
        {"out": 6, "norm": "layer", "order": "norm_act_conv"},
        {"out": 6, "bias": False},
        {"out": 6, "norm": "batch", "eps": 0.01, "momentum": 0.5},
    ],
    "pointwise": [
        {"out": 6},
        {"out": 12, "stride": 2},
        {"out": 12, "groups": 4, "bias": False},
        {"out": 6, "via": "linear"},
        {"out": 6, "via": "linear", "norm": "batch", "act": "relu"},
        {"out": 6, "via": "linear", "act": "relu", "order": "norm_act_conv"},
    ],
    "transposed_conv": [
        {"out": 6, "kernel": 2, "stride": 2},
        {"out": 6, "kernel": 4, "stride": 2, "padding": 1},
        {"out": 6, "kernel": [3, 2], "stride": 2, "padding": [1, 0], "output_padding": [1, 0]},
        {"out": 12, "kernel": 3, "groups": 4, "bias": False},
        {"out": 6, "kernel": 3, "norm": "batch", "act": "relu"},
        {"out": 6, "kernel": 2, "stride": 2, "norm": "batch", "act": "relu", "order": "norm_act_conv"},
    ],
    "reduce": [{"out": 3}, {"out": 8}, {"out": 3, "via": "linear", "bias": False}],
    "expand": [{"out": 8}, {"out": 20, "norm": "batch"}],
    "shortcut": [
        {"out": 8},
        {"out": 6},
        {"out": 8, "stride": 2},
        {"out": 8, "act": "relu"},
        {"out": 6, "stride": 2, "norm": "batch"},
        {"out": 12, "groups": 2},
    ],
    "linear": [{"out": 5}, {"out": 5, "bias": False}, {"out": 5, "act": "tanh"}],
    "max_pool": [
        {"kernel": 2},
        {"kernel": 3, "stride": 2},
        {"kernel": 3, "stride": 2, "padding": 1},
        {"kernel": 3, "stride": 2, "ceil": True},
        {"kernel": 2, "stride": 3, "ceil": True},
        {"kernel": 2, "stride": 3, "padding": 1, "ceil": True},
        {"kernel": 3, "stride": 1, "padding": 1},
    ],
    "avg_pool": [
        {"kernel": 2},
        {"kernel": 3, "stride": 2, "padding": 1},
        {"kernel": 3, "stride": 2, "padding": 1, "count_padding": False},
        {"kernel": 2, "stride": 3, "padding": 1, "ceil": True},
    ],
    "global_pool": [{}, {"mode": "max"}],
    "adaptive_pool": [{"size": 2}, {"size": [3, 1], "mode": "max"}, {"size": 20}],
    "norm": [{"norm": "batch"}, {"norm": "layer", "act": "relu"}, {"norm": "group"}, {}, {"act": "gelu"}],
    "act": [{"kind": kind} for kind in ("none", "relu", "leaky_relu", "gelu", "hardswish", "sigmoid", "mish")],
    "channel_shuffle": [{"groups": 1}, {"groups": 4}],
    "dropout": [{"rate": 0}, {"rate": 0.5}],
    "drop_path": [{"rate": 0}, {"rate": 0.5}, {"rate": 1}],
    "scale": [{}, {"init": 1e-6}, {"init": 0}],
    "upsample": [{"factor": 2}, {"factor": 3, "mode": "bilinear"}, {"factor": 1}],
    "pad": [{"size": 0}, {"size": 2}],
    "flatten": [{}],
    "identity": [{}],
    "zero": [{}],
    "split": [{"parts": 4}, {"parts": 1}, {"sizes": [1, 5, 2]}],
}
"""Arguments by primitive, for one input."""

SEVERAL: dict[str, list[tuple[dict[str, Any], list[tuple[int, int, int]]]]] = {
    "fuse": [
        ({"out": 6}, [MAP, (3, 9, 11)]),
        ({"out": 6, "mode": "sum", "norm": "batch", "act": "relu"}, [MAP, MAP, MAP]),
        ({"out": 6, "stride": 2}, [MAP, (2, 9, 11)]),
        ({"out": 6, "groups": 2, "order": "norm_act_conv", "norm": "batch"}, [MAP, (2, 9, 11)]),
        ({"out": 6}, [MAP]),
    ],
    "add": [({}, [MAP, MAP]), ({"act": "relu"}, [MAP] * 3), ({"act": "relu"}, [MAP])],
    "multiply": [
        ({}, [MAP, MAP]),
        ({}, [MAP, (8, 1, 1)]),
        ({"act": "sigmoid"}, [(8, 1, 1), MAP]),
        ({}, [(8, 1, 1)] * 2),
    ],
    "concat": [({}, [MAP, (3, 9, 11), (1, 9, 11)]), ({}, [MAP])],
    "softmax": [({}, [MAP, MAP]), ({}, [MAP] * 3), ({}, [MAP])],
}
"""Arguments and input shapes, for primitives of several inputs."""

CASES: list[tuple[str, dict[str, Any], list[tuple[int, int, int]]]] = [
    *((name, arguments, [MAP]) for name, every in ONE.items() for arguments in every),
    *((name, *case) for name, every in SEVERAL.items() for case in every),
]


def single(op: str, arguments: dict[str, Any], shapes: list[tuple[int, int, int]] | None = None) -> dict[str, Any]:
    """Return a model of one layer; several outputs are concatenated."""
    inputs = {f"in{i}": list(shape) for i, shape in enumerate(shapes or [MAP])}
    layers = {"layer": {"block": op, "from": list(inputs), **arguments}}
    if op in ("split", "softmax"):
        layers["join"] = {"block": "concat", "from": "layer.*"}
    return {"inputs": inputs, "stages": layers}


def behind_flatten(op: str, arguments: dict[str, Any]) -> str | None:
    """Return how a layer refuses a flattened input; None where it takes it, and gives the shape that it says."""
    layers = {"flat": {"block": "flatten"}, **single(op, arguments)["stages"]}
    layers["layer"]["from"] = "flat"
    try:
        network = build({"input": [8, 1, 1], "stages": layers})
    except ConfigError as refusal:
        return str(refusal)
    assert network(torch.randn(4, 8, 1, 1)).shape == (4, *network.graph.shapes[0])
    return None


def layer(op: str, arguments: dict[str, Any], shapes: list[tuple[int, int, int]] | None = None) -> nn.Module:
    """Return the module of one layer."""
    return build(single(op, arguments, shapes)).get_submodule("stages.layer")


def tensors(shapes: list[tuple[int, int, int]] | None = None, batch: int = 2, seed: int = 0) -> list[Tensor]:
    """Return random inputs."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, *shape, generator=generator) for shape in shapes or [MAP]]


def image(seed: int = 0) -> Tensor:
    """Return one random input."""
    return tensors(seed=seed)[0]
