"""What the modules compute, against torch written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from archbuilder.primitives.base import REGISTRY
from archbuilder.primitives.style import ACTS
from tests.primitives.cases import MAP, image, layer, tensors


def weights(module: nn.Module, name: str) -> Tensor:
    """Return one tensor of a module's state."""
    found: Tensor = module.state_dict()[name]
    return found


@pytest.mark.parametrize("via", ["conv", "linear"])
def test_pointwise_is_one_fully_connected_layer_at_every_pixel(via: str) -> None:
    pointwise = layer("pointwise", {"out": 5, "via": via})
    weight, bias = (tensor.flatten(1) if tensor.dim() > 1 else tensor for tensor in pointwise.state_dict().values())
    linear = nn.Linear(8, 5)
    linear.load_state_dict({"weight": weight, "bias": bias + 1})
    nn.init.constant_(next(p for name, p in pointwise.named_parameters() if name.endswith("bias")), 1.0)
    x = image()
    made = pointwise(x)
    for row in range(MAP[1]):
        for column in range(MAP[2]):
            torch.testing.assert_close(made[:, :, row, column], linear(x[:, :, row, column]))


def test_via_linear_and_via_conv_are_the_same_function() -> None:
    linear, conv = (layer("pointwise", {"out": 5, "act": "relu", "via": via}) for via in ("linear", "conv"))
    conv.load_state_dict(
        {"conv.weight": weights(linear, "conv.linear.weight")[:, :, None, None], "conv.bias": torch.zeros(5)}
    )
    torch.testing.assert_close(linear(image()), conv(image()))


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"kernel": [3, 5], "stride": 2}, {"stride": 2, "padding": (1, 2)}),
        ({"kernel": 3, "dilation": 2}, {"padding": 2, "dilation": 2}),
        ({"kernel": 3, "groups": 4}, {"padding": 1, "groups": 4}),
        ({"kernel": 2, "stride": 2}, {"stride": 2}),
        ({"depthwise": True}, {"padding": 1, "groups": 8}),
    ],
)
def test_conv(arguments: dict[str, Any], options: dict[str, Any]) -> None:
    conv = layer("conv", {"out": 8, **arguments})
    expected = functional.conv2d(image(), weights(conv, "conv.weight"), weights(conv, "conv.bias"), **options)
    assert torch.equal(conv(image()), expected)


@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 1, "output_padding": 1}, {"stride": 3, "output_padding": 2, "groups": 4}]
)
def test_transposed_conv(options: dict[str, Any]) -> None:
    conv = layer("transposed_conv", {"out": 8, "kernel": 3, **options})
    expected = functional.conv_transpose2d(image(), weights(conv, "conv.weight"), weights(conv, "conv.bias"), **options)
    assert torch.equal(conv(image()), expected)


@pytest.mark.parametrize("order", ["conv_norm_act", "norm_act_conv"])
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group"])
def test_order_of_norm_activation_and_weights(norm: str, order: str) -> None:
    module = layer("conv", {"out": 6, "norm": norm, "act": "gelu", "order": order, "eps": 0.1, "bias": True}).eval()
    width = 6 if order == "conv_norm_act" else 8
    for parameter in module.parameters():
        nn.init.normal_(parameter)

    def normalised(x: Tensor) -> Any:
        if norm == "none":
            return x
        scale, shift = (weights(module, f"norm.{key}")[:, None, None] for key in ("weight", "bias"))
        if norm == "batch":
            return x / 1.1**0.5 * scale + shift
        # 8 and 6 channels share the divisors 8 and 2 with 32.
        groups = width if norm == "layer" else {8: 8, 6: 2}[width]
        if norm == "layer":
            mean, variance = x.mean(1, keepdim=True), x.var(1, unbiased=False, keepdim=True)
            return (x - mean) / (variance + 0.1).sqrt() * scale + shift
        parts = x.reshape(2, groups, -1)
        mean, variance = parts.mean(2, keepdim=True), parts.var(2, unbiased=False, keepdim=True)
        return ((parts - mean) / (variance + 0.1).sqrt()).reshape(x.shape) * scale + shift

    def convolved(x: Tensor) -> Tensor:
        return functional.conv2d(x, weights(module, "conv.weight"), weights(module, "conv.bias"), padding=1)

    if order == "conv_norm_act":
        expected = functional.gelu(normalised(convolved(image())))
    else:
        expected = convolved(functional.gelu(normalised(image())))
    torch.testing.assert_close(module(image()), expected, rtol=1e-4, atol=1e-4)


def test_eps_and_momentum_reach_the_norm() -> None:
    norm = layer("conv", {"out": 6, "norm": "batch", "eps": 0.25, "momentum": 0.5}).get_submodule("norm")
    assert isinstance(norm, nn.BatchNorm2d)
    assert (norm.eps, norm.momentum) == (0.25, 0.5)


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "relu": lambda x: x.clamp(min=0),
    "relu6": lambda x: x.clamp(0, 6),
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "silu": lambda x: x * torch.sigmoid(x),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "tanh": torch.tanh,
    "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "mish": lambda x: x * torch.tanh(torch.log(1 + torch.exp(x))),
}


@pytest.mark.parametrize("kind", ACTS)
def test_activations(kind: str) -> None:
    x = 3 * image()
    expected = FUNCTIONS[kind](x)
    given = x.clone()
    torch.testing.assert_close(layer("act", {"kind": kind})(given), expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(given, x), "an activation on its own leaves its input as it was"
    added = layer("add", {"act": kind}, [MAP, MAP])(x, torch.zeros_like(x))
    torch.testing.assert_close(added, expected, rtol=1e-5, atol=1e-5)
    identity = layer("conv", {"depthwise": True, "kernel": 1, "act": kind})
    nn.init.ones_(next(iter(identity.parameters())))
    torch.testing.assert_close(identity(given), expected, rtol=1e-5, atol=1e-5)


def test_no_layer_overwrites_its_input() -> None:
    from tests.primitives.cases import CASES

    for op, arguments, shapes in CASES:
        inputs, kept = tensors(shapes), tensors(shapes)
        layer(op, arguments, shapes)(*inputs)
        for value, before in zip(inputs, kept, strict=True):
            assert torch.equal(value, before), (op, arguments)


def test_shortcut_is_the_identity_where_shapes_agree() -> None:
    x = image()
    assert layer("shortcut", {"out": 8})(x) is x
    assert not layer("shortcut", {"out": 8, "norm": "batch"}).state_dict()


def test_shortcut_is_a_strided_1x1_elsewhere() -> None:
    shortcut = layer("shortcut", {"out": 6, "stride": 2})
    expected = functional.conv2d(image(), weights(shortcut, "conv.weight"), stride=2)
    torch.testing.assert_close(shortcut(image()), expected)


def test_a_shortcut_with_an_activation_applies_it() -> None:
    assert (layer("shortcut", {"out": 8, "act": "relu"})(image()) >= 0).all()


def test_fuse_concatenates_or_sums_and_mixes() -> None:
    shapes = [MAP, (3, 9, 11)]
    fuse = layer("fuse", {"out": 5}, shapes)
    joined = torch.cat(tensors(shapes), 1)
    torch.testing.assert_close(fuse(*tensors(shapes)), functional.conv2d(joined, weights(fuse, "then.conv.weight")))
    fuse = layer("fuse", {"out": 5, "mode": "sum"}, [MAP, MAP])
    left, right = tensors([MAP, MAP])
    expected = functional.conv2d(left + right, weights(fuse, "then.conv.weight"))
    torch.testing.assert_close(fuse(left, right), expected)


def test_add_and_multiply() -> None:
    inputs = tensors([MAP] * 3)
    assert torch.equal(layer("add", {}, [MAP] * 3)(*inputs), inputs[0] + inputs[1] + inputs[2])
    assert torch.equal(layer("multiply", {}, [MAP] * 3)(*inputs), inputs[0] * inputs[1] * inputs[2])
    x, gate = tensors([MAP, (8, 1, 1)])
    assert torch.equal(layer("multiply", {}, [MAP, (8, 1, 1)])(x, gate), x * gate.expand_as(x))


def test_concat_and_split_undo_one_another() -> None:
    x = image()
    parts = layer("split", {"sizes": [1, 5, 2]})(x)
    assert [part.shape[1] for part in parts] == [1, 5, 2]
    joined = layer("concat", {}, [(1, 9, 11), (5, 9, 11), (2, 9, 11)])(*parts)
    assert torch.equal(joined, x)
    assert [part.shape[1] for part in layer("split", {"parts": 4})(x)] == [2] * 4


def test_softmax_normalises_the_inputs_against_one_another() -> None:
    inputs = tensors([MAP] * 3)
    made = layer("softmax", {}, [MAP] * 3)(*inputs)
    torch.testing.assert_close(sum(made), torch.ones(2, *MAP))
    torch.testing.assert_close(made[1] / made[0], torch.exp(inputs[1] - inputs[0]))


def test_channel_shuffle_deals_out_across_groups() -> None:
    x = torch.arange(8.0)[None, :, None, None].expand(2, 8, 3, 3)
    made = layer("channel_shuffle", {"groups": 2}, [(8, 3, 3)])(x)
    assert made[0, :, 0, 0].tolist() == [0, 4, 1, 5, 2, 6, 3, 7]


def test_pools() -> None:
    x = image()
    assert torch.equal(layer("global_pool", {})(x), x.mean((2, 3), keepdim=True))
    assert torch.equal(layer("global_pool", {"mode": "max"})(x), x.amax((2, 3), keepdim=True))
    assert torch.equal(layer("max_pool", {"kernel": 9})(x)[:, :, 0, 0], x[:, :, :, :9].amax((2, 3)))
    expected = x[:, :, :3, :3].mean((2, 3))
    torch.testing.assert_close(layer("avg_pool", {"kernel": 3})(x)[:, :, 0, 0], expected)
    ones = torch.ones(2, *MAP)
    corner = {
        counted: float(layer("avg_pool", {"kernel": 3, "padding": 1, "count_padding": counted})(ones)[0, 0, 0, 0])
        for counted in (True, False)
    }
    assert corner == {True: pytest.approx(4 / 9), False: 1.0}


def test_pad_upsample_flatten_identity_and_zero() -> None:
    x = image()
    padded = layer("pad", {"size": 2})(x)
    assert torch.equal(padded[:, :, 2:-2, 2:-2], x)
    torch.testing.assert_close(padded.sum(), x.sum())
    assert torch.equal(layer("upsample", {"factor": 2})(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert torch.equal(layer("flatten", {})(x), x.reshape(2, -1))
    assert torch.equal(layer("identity", {})(x), x)
    assert torch.equal(layer("zero", {})(x), torch.zeros_like(x))


def test_scale_is_a_factor_per_channel() -> None:
    scale = layer("scale", {"init": 0.5})
    assert torch.equal(scale(image()), image() / 2)
    nn.init.normal_(next(scale.parameters()))
    assert torch.equal(scale(image()), image() * weights(scale, "weight").reshape(1, 8, 1, 1))


def test_linear_flattens_first() -> None:
    linear = layer("linear", {"out": 5, "act": "relu"})
    expected = functional.linear(image().flatten(1), weights(linear, "linear.weight")).clamp(min=0)
    torch.testing.assert_close(linear(image()), expected)


def test_drop_path_drops_whole_images_and_keeps_the_mean() -> None:
    drop = layer("drop_path", {"rate": 0.25}, [(2, 3, 3)])
    x = torch.ones(4000, 2, 3, 3)
    torch.manual_seed(0)
    made = drop.train()(x)
    per_image = made.flatten(1)
    assert torch.equal(per_image.amin(1), per_image.amax(1)), "an image is dropped as a whole"
    assert made.unique().tolist() == pytest.approx([0, 1 / 0.75])
    # The share that is kept is 0.75 within four standard deviations.
    assert abs(float(made[:, 0, 0, 0].count_nonzero()) / 4000 - 0.75) < 4 * (0.75 * 0.25 / 4000) ** 0.5
    assert torch.equal(drop.eval()(x), x)
    assert not layer("drop_path", {"rate": 1}).train()(image()).any()
    assert torch.equal(layer("drop_path", {"rate": 0}).train()(image()), image())


def test_dropout_drops_values_while_training() -> None:
    drop = layer("dropout", {"rate": 0.5})
    torch.manual_seed(0)
    assert 0.4 < float((drop.train()(image()) == 0).float().mean()) < 0.6
    assert torch.equal(drop.eval()(image()), image())


def test_weights_are_he_normal_over_the_outgoing_connections() -> None:
    torch.manual_seed(0)
    conv = layer("conv", {"out": 256, "kernel": 3}, [(64, 4, 4)])
    assert float(weights(conv, "conv.weight").std()) == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.02)
    assert not weights(conv, "conv.bias").any()
    linear = layer("linear", {"out": 256}, [(64, 4, 4)])
    assert float(weights(linear, "linear.weight").std()) == pytest.approx(1024**-0.5, rel=0.02)


@pytest.mark.parametrize("op", sorted(REGISTRY))
def test_every_primitive_says_what_it_is(op: str) -> None:
    assert REGISTRY[op].name == op
    assert REGISTRY[op].__doc__
