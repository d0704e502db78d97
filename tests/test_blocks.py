"""The shipped blocks compute what their papers draw: against torch functions written by hand, with ReLU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archbuilder.api import build

Conv = Callable[..., Tensor]
Reference = Callable[[Conv, Tensor], Tensor]


def relu(x: Tensor) -> Tensor:
    return x.clamp(min=0)


def bottleneck(conv: Conv, x: Tensor) -> Tensor:
    inner = relu(conv("spatial", relu(conv("reduce", x)), stride=2, padding=1))
    return relu(conv("expand", inner) + conv("shortcut", x, stride=2))


def plain_bottleneck(conv: Conv, x: Tensor) -> Tensor:
    inner = relu(conv("spatial", relu(conv("reduce", x)), padding=2, groups=2))
    return relu(conv("expand", inner) + x)


def basic(conv: Conv, x: Tensor) -> Tensor:
    inner = relu(conv("conv1", x, stride=2, padding=1))
    return relu(conv("conv2", inner, padding=1) + conv("shortcut", x, stride=2))


def plain_basic(conv: Conv, x: Tensor) -> Tensor:
    return relu(conv("conv2", relu(conv("conv1", x, padding=1)), padding=1) + x)


def inverted_residual(conv: Conv, x: Tensor) -> Tensor:
    return conv("reduce", relu(conv("spatial", relu(conv("expand", x)), padding=1, groups=16))) + x


def without_expansion(conv: Conv, x: Tensor) -> Tensor:
    return conv("reduce", relu(conv("spatial", x, stride=2, padding=1, groups=8)))


def fire(conv: Conv, x: Tensor) -> Tensor:
    squeezed = relu(conv("squeeze", x))
    return torch.cat([relu(conv("expand1x1", squeezed)), relu(conv("expand3x3", squeezed, padding=1))], 1)


def fire_dilated(conv: Conv, x: Tensor) -> Tensor:
    reduced = conv("reduce", x)
    near, far = conv("expand3x3", reduced, padding=1), conv("dilated", reduced, padding=2, dilation=2)
    return relu(torch.cat([conv("expand1x1", reduced), near, far], 1) + conv("shortcut", x))


def inception(conv: Conv, x: Tensor) -> Tensor:
    branches = [
        conv("one", x),
        conv("three", relu(conv("reduce3", x)), padding=1),
        conv("five", relu(conv("reduce5", x)), padding=2),
        conv("project", functional.max_pool2d(x, 3, 1, 1)),
    ]
    return relu(torch.cat(branches, 1))


def dense_layer(conv: Conv, x: Tensor) -> Tensor:
    return torch.cat([x, conv("spatial", relu(conv("reduce", relu(x))), padding=1)], 1)


def mlpconv(conv: Conv, x: Tensor) -> Tensor:
    return relu(conv("fuse", relu(conv("mix", relu(conv("spatial", x, padding=2))))))


def transition(conv: Conv, x: Tensor) -> Tensor:
    return functional.avg_pool2d(conv("reduce", relu(x)), 2)


@pytest.mark.parametrize(
    ("block", "arguments", "reference"),
    [
        ("bottleneck", {"out": 16, "stride": 2}, bottleneck),
        ("bottleneck", {"out": 8, "ratio": 2, "kernel": 5, "groups": 2}, plain_bottleneck),
        ("basic", {"out": 16, "stride": 2}, basic),
        ("basic", {"out": 8}, plain_basic),
        ("inverted_residual", {"out": 8, "ratio": 2}, inverted_residual),
        ("inverted_residual", {"out": 8, "ratio": 1, "stride": 2}, without_expansion),
        ("fire", {"out": 18}, fire),
        ("fire_dilated", {"out": 18}, fire_dilated),
        ("inception", {"one": 1, "reduce3": 2, "three": 3, "reduce5": 4, "five": 5, "project": 6}, inception),
        ("dense_layer", {"growth": 3}, dense_layer),
        ("mlpconv", {"out": 6, "hidden": 7, "middle": 5, "kernel": 5}, mlpconv),
        ("transition", {}, transition),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_values(block: str, arguments: dict[str, Any], reference: Reference) -> None:
    source = {"input": [8, 6, 6], "style": {"act": "relu"}, "stages": {"use": {"block": block, **arguments}}}
    torch.manual_seed(0)
    network = build(source)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0, 0.3)
    state = network.state_dict()
    used: set[str] = set()

    def conv(name: str, x: Tensor, **options: int) -> Tensor:
        path = f"stages.use.{name}.conv"
        used.update({f"{path}.weight", f"{path}.bias"})
        return functional.conv2d(x, state[f"{path}.weight"], state[f"{path}.bias"], **options)

    x = torch.randn(2, 8, 6, 6)
    torch.testing.assert_close(network(x), reference(conv, x))
    assert used == set(state), "every weight has its place in the paper's block"
