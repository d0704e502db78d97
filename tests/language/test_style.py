"""Style: what conv-like layers use unless they, their call or their block's file say otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from tests.language.models import Layers, attribute, conv, leaves, model, refused, with_block


def acts(source: Any) -> list[Any]:
    return [leaf.attributes["act"] for leaf in leaves(source).values()]


def nested(own: Layers, call: Layers, file: Layers, around: Layers) -> dict[str, Any]:
    """Return a model of one convolution in one block; each place that may say the style says it."""
    block = {"layers": {"a": conv(**own)}, "style": file}
    return with_block(block, {"style": call}, style=around)


@pytest.mark.parametrize("missing", range(5))
def test_precedence_own_key_then_call_then_block_file_then_surroundings(missing: int) -> None:
    words = ["relu", "silu", "gelu", "tanh"]
    own, call, file, around = [{"act": word} if i >= missing else {} for i, word in enumerate(words)]
    expected = words[missing] if missing < len(words) else "none"
    assert acts(nested(own, call, file, around)) == [expected]


def test_a_layers_own_style_is_nearer_than_the_call() -> None:
    block = {"layers": {"a": conv(style={"act": "relu"})}}
    assert acts(with_block(block, {"style": {"act": "silu"}})) == ["relu"]
    own_key = {"layers": {"a": conv(style={"act": "relu"}, act="tanh")}}
    assert acts(with_block(own_key)) == ["tanh"]


def test_keys_are_inherited_one_by_one() -> None:
    source = nested({}, {"act": "silu"}, {"norm": "layer"}, {"norm": "batch", "eps": 0.001})
    found = leaves(source)["use.a"].attributes
    assert (found["act"], found["norm"], found["eps"]) == ("silu", "layer", 0.001)


def test_a_style_holds_for_all_inside_and_nothing_beside() -> None:
    blocks = {"outer": {"layers": {"x": {"block": "inner"}}}, "inner": {"layers": {"a": conv()}}}
    layers = {"use": {"block": "outer", "style": {"act": "silu"}}, "after": conv()}
    assert acts(model(layers, blocks=blocks, style={"act": "relu"})) == ["silu", "relu"]


def test_a_block_file_inside_is_nearer_than_a_call_further_out() -> None:
    blocks = {
        "outer": {"layers": {"x": {"block": "inner"}}},
        "inner": {"style": {"act": "gelu"}, "layers": {"a": conv()}},
    }
    assert acts(model({"use": {"block": "outer", "style": {"act": "silu"}}}, blocks=blocks)) == ["gelu"]


def test_which_primitives_obey() -> None:
    style = {"norm": "batch", "act": "relu", "eps": 0.001, "momentum": 0.2, "order": "norm_act_conv", "bias": True}
    obeying = {
        "conv": {"out": 4},
        "pointwise": {"out": 4},
        "reduce": {"out": 4},
        "expand": {"out": 4},
        "fuse": {"out": 4},
    }
    for name, arguments in obeying.items():
        found = leaves(model({"a": {"block": name, **arguments}}, style=style))["a"].attributes
        assert {key: found[key] for key in style} == style, name
    found = leaves(model({"a": {"block": "shortcut", "out": 8}}, style=style))["a"].attributes
    assert {key: found[key] for key in style} == style | {"act": "none"}
    found = leaves(model({"a": {"block": "norm"}}, style=style))["a"].attributes
    assert found == {"norm": "batch", "act": "none", "eps": 0.001, "momentum": 0.2}
    assert leaves(model({"a": {"block": "act"}}, style=style))["a"].attributes == {"kind": "relu"}


@pytest.mark.parametrize(
    "layer", [{"block": "linear", "out": 3}, {"block": "add"}, {"block": "multiply"}, {"block": "norm"}]
)
def test_some_have_no_activation_unless_they_say_act_style(layer: Layers) -> None:
    layer = {"from": ["input"], **layer}
    style = {"norm": "batch", "act": "gelu", "bias": False}
    assert acts(model({"a": layer}, style=style)) == ["none"]
    assert acts(model({"a": {**layer, "act": "style"}}, style=style)) == ["gelu"]
    assert acts(model({"a": {**layer, "act": "tanh"}}, style=style)) == ["tanh"]
    assert acts(model({"a": {**layer, "act": "style"}})) == ["none"]


def test_linear_has_its_own_bias() -> None:
    layer = {"block": "linear", "out": 3}
    assert attribute(model({"a": layer}, style={"bias": False}), "a", "bias") is True
    assert attribute(model({"a": {**layer, "bias": "style"}}, style={"bias": False}), "a", "bias") is False


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "group"])
def test_a_bias_stands_exactly_where_there_is_no_norm_unless_said(norm: str) -> None:
    assert attribute(model({"a": conv()}, style={"norm": norm}), "a", "bias") is (norm == "none")
    for said in (True, False):
        assert attribute(model({"a": conv(bias=said)}, style={"norm": norm}), "a", "bias") is said
        assert attribute(model({"a": conv()}, style={"norm": norm, "bias": said}), "a", "bias") is said


def test_what_only_a_norm_reads_does_not_tell_networks_without_norm_apart() -> None:
    with_eps = leaves(model({"a": conv()}, style={"eps": 0.01, "momentum": 0.9}))["a"]
    assert with_eps == leaves(model({"a": conv()}))["a"]


def test_a_style_may_use_parameters() -> None:
    assert acts(model({"a": conv()}, style={"act": "gate"}, params={"gate": "gelu"})) == ["gelu"]
    block = {"params": {"gate": "word"}, "style": {"act": "gate"}, "layers": {"a": conv()}}
    assert acts(with_block(block, {"gate": "silu"})) == ["silu"]
    block = {"layers": {"a": conv()}}
    assert acts(with_block(block, {"style": {"act": "gate"}}, params={"gate": "elu"})) == ["elu"]


def test_a_parameter_may_say_style() -> None:
    block = {"params": {"gate": {"type": "word", "default": "style"}}, "layers": {"a": conv(act="gate")}}
    assert acts(with_block(block, style={"act": "gelu"})) == ["gelu"]
    assert acts(with_block(block, {"gate": "none"}, style={"act": "gelu"})) == ["none"]


@pytest.mark.parametrize(
    ("style", "key", "telling"),
    [
        ({"activation": "relu"}, ".activation", "no such key of a style; keys: act, bias, eps, momentum, norm, order"),
        ({"atc": "relu"}, ".atc", "did you mean 'act'?"),
        ({"act": "rellu"}, ".act", "did you mean 'relu'?"),
        ({"act": None}, ".act", "write none"),
        ({"norm": None}, ".norm", "write none"),
        ({"bias": None}, ".bias", "null is not true or false"),
        ({"bias": 1}, ".bias", "1 is not true or false"),
        ({"eps": -1}, ".eps", "-1 is too small"),
        ({"eps": 2}, ".eps", "2 is too large; at most 1"),
        ({"momentum": "high"}, ".momentum", "'high' is not "),
        ({"order": "act_first"}, ".order", "known: conv_norm_act, norm_act_conv"),
        ({1: 2}, ".1", "no such key of a style"),
    ],
)
def test_a_style_that_says_nothing_known(style: Any, key: str, telling: str) -> None:
    refused(model({"a": conv()}, style=style), f"model.style{key}", telling)
    refused(model({"a": conv(style=style)}), f"model.stages.a.style{key}", telling)
    block = {"style": style, "layers": {"a": conv()}}
    refused(with_block(block), f"model.stages.use -> model.blocks.mine.style{key}", telling)


@pytest.mark.parametrize("style", ["relu", ["relu"], 3, True])
def test_a_style_is_a_mapping(style: Any) -> None:
    refused(model({"a": conv()}, style=style), "model.style", "a mapping is needed")
    refused(model({"a": conv(style=style)}), "model.stages.a.style", "a style is a mapping such as {act: relu}")
    refused(with_block({"style": style, "layers": {"a": conv()}}), "model.blocks.mine.style", "a style is a mapping")


def test_a_block_takes_act_in_its_style_not_as_an_argument() -> None:
    source = model({"a": {"block": "basic", "out": 4, "act": "relu"}})
    refused(source, "model.stages.a.act", "basic has no such parameter", "write style: {act: relu}")
