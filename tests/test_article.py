"""The source article's three uses of 1x1 convolutions, value for value against plain torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from archbuilder.api import build, describe
from archbuilder.assemble import Block


def maps(channels: int, seed: int = 0) -> Tensor:
    return torch.randn(2, channels, 28, 28, generator=torch.Generator().manual_seed(seed))


def with_weights_of(network: Block, plain: nn.Module) -> nn.Module:
    """Give `plain` the weights of `network`, drawn anew so that no bias is zero; both list them in one order."""
    torch.manual_seed(1)
    state = {}
    with torch.no_grad():
        for parameter, name in zip(network.parameters(), plain.state_dict(), strict=True):
            parameter.normal_(0, 0.1)
            state[name] = parameter.detach().clone()
    plain.load_state_dict(state)
    return plain


@pytest.mark.parametrize(
    ("name", "params", "inputs", "output"),
    [
        ("reduce", 2_080, [(64, 28, 28)], (32, 28, 28)),
        ("fuse", 6_208, [(32, 28, 28), (64, 28, 28)], (64, 28, 28)),
        ("bottleneck", 13_440, [(64, 28, 28)], (64, 28, 28)),
    ],
)
def test_shapes_and_parameters(name: str, params: int, inputs: list[tuple[int, ...]], output: tuple[int, ...]) -> None:
    description = describe(f"article/{name}")
    assert description.params == params
    assert list(description.inputs.values()) == inputs
    assert description.outputs == (output,)


def test_parameters_are_those_of_the_formula() -> None:
    assert 64 * 32 + 32 == 2_080
    assert (32 + 64) * 64 + 64 == 6_208
    assert (64 * 32 + 32) + (32 * 32 * 9 + 32) + (32 * 64 + 64) == 13_440


def test_reduce() -> None:
    network = build("article/reduce")
    plain = with_weights_of(network, nn.Sequential(nn.Conv2d(64, 32, kernel_size=1), nn.ReLU()))
    assert torch.equal(network(maps(64)), plain(maps(64)))


class PlainFuse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(96, 64, kernel_size=1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.relu(self.conv(torch.cat([left, right], dim=1)))


def test_fuse() -> None:
    network = build("article/fuse")
    plain = with_weights_of(network, PlainFuse())
    left, right = maps(32), maps(64, seed=1)
    assert torch.equal(network(left, right), plain(left, right))


def test_bottleneck() -> None:
    network = build("article/bottleneck")
    plain = with_weights_of(
        network,
        nn.Sequential(
            nn.Conv2d(64, 32, kernel_size=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=3, padding="same"),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=1),
            nn.ReLU(),
        ),
    )
    assert torch.equal(network(maps(64)), plain(maps(64)))


def test_a_1x1_convolution_is_one_fully_connected_layer_at_every_pixel() -> None:
    network = build("article/reduce")
    linear = nn.Linear(64, 32)
    x = maps(64)
    weight, bias = with_weights_of(network, nn.Conv2d(64, 32, kernel_size=1)).parameters()
    linear.load_state_dict({"weight": weight.detach()[:, :, 0, 0], "bias": bias.detach()})
    pixels = x.permute(0, 2, 3, 1).reshape(-1, 64)
    expected = torch.relu(linear(pixels)).reshape(2, 28, 28, 32).permute(0, 3, 1, 2)
    torch.testing.assert_close(network(x), expected)


def test_and_can_be_computed_as_one() -> None:
    as_conv = build("article/reduce")
    as_linear = build("article/reduce", ["model.stages.reduce.via=linear"])
    state = {"stages.reduce.conv.linear.weight": as_conv.state_dict()["stages.reduce.conv.weight"][:, :, 0, 0]}
    state["stages.reduce.conv.linear.bias"] = as_conv.state_dict()["stages.reduce.conv.bias"]
    as_linear.load_state_dict(state)
    assert describe("article/reduce", ["model.stages.reduce.via=linear"]).params == 2_080
    torch.testing.assert_close(as_linear(maps(64)), as_conv(maps(64)))
