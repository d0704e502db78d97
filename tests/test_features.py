"""The values inside a network as its outputs: the same values, and nothing made behind them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import archbuilder
from archbuilder.errors import ConfigError
from archbuilder.features import keep_features
from archbuilder.graph import walk
from archbuilder.graph_json import from_json, to_json

MODELS = ("fire_small", "resnet20", "densenet_small", "mobilenet_small", "inception_small")
NETS = {name: archbuilder.build(name).eval() for name in MODELS}
# A value of every layer with one output, by hooks on the whole network.
IMAGES = torch.rand(2, 3, 32, 32)


def values(name: str) -> dict[str, Tensor]:
    """Return what every layer with one output makes of IMAGES."""
    net, made = NETS[name], {}
    hooks = []
    for path, node in walk(net.graph):
        if len(node.shapes) == 1:

            def keep(*args: Any, path: str = path) -> None:
                made[path] = args[2].clone()

            hooks.append(net.get_submodule(path).register_forward_hook(keep))
    net(IMAGES)
    for hook in hooks:
        hook.remove()
    return made


@given(data=st.data(), name=st.sampled_from(MODELS))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_features_are_the_values_inside_the_whole_network(data: st.DataObject, name: str) -> None:
    net, made = NETS[name], values(name)
    chosen = data.draw(st.lists(st.sampled_from(sorted(made)), min_size=2, max_size=4, unique=True))
    part = archbuilder.build(name, features=chosen).eval()
    whole = net.state_dict()
    assert set(part.state_dict()) <= set(whole)
    part.load_state_dict({key: whole[key] for key in part.state_dict()})
    for feature, path in zip(part(IMAGES), chosen, strict=True):
        assert torch.equal(feature, made[path]), path
    assert from_json(to_json(part.graph)) == part.graph


def test_what_lies_behind_is_not_made() -> None:
    part = archbuilder.build("resnet20", features=["stages.stage2"])
    assert [name for name, _ in part.named_children()] == ["stem", "stages"]
    assert [name for name, _ in part.get_submodule("stages").named_children()] == ["stage1", "stage2"]
    assert part(IMAGES).shape == (2, 32, 16, 16)
    inner = archbuilder.build("resnet20", features=["stages.stage1.0.conv1"])
    assert archbuilder.describe(inner.graph).params < archbuilder.describe(part.graph).params
    assert [path for path, _ in walk(inner.graph)] == ["stem.conv", "stages.stage1.0", "stages.stage1.0.conv1"]


def test_what_only_the_left_out_part_of_a_block_reads_is_not_made() -> None:
    both = {
        "inputs": ["high", "low"],
        "layers": {
            "up": {"block": "conv", "from": "high", "out": 2},
            "sum": {"block": "concat", "from": ["up", "low"]},
        },
    }
    model = {
        "input": [3, 8, 8],
        "blocks": {"both": both},
        "stages": {
            "small": {"block": "conv", "out": 2},
            "huge": {"block": "conv", "from": "input", "out": 512},
            "join": {"block": "both", "from": ["small", "huge"]},
        },
    }
    part = archbuilder.build(model, features=["stages.join.up"])
    assert [path for path, _ in walk(part.graph)] == ["stages.small", "stages.join", "stages.join.up"]
    assert part(torch.rand(1, 3, 8, 8)).shape == (1, 2, 8, 8)


def test_a_repeated_layer_stands_for_its_last_copy() -> None:
    graph = archbuilder.expand("resnet20")
    assert keep_features(graph, ["stages.stage3"]).shapes == keep_features(graph, ["stages.stage3.2"]).shapes
    assert keep_features(graph, ["stages.stage3"]).nodes == keep_features(graph, ["stages.stage3.2"]).nodes


def test_one_name_may_stand_alone_and_the_input_is_a_value_too() -> None:
    assert isinstance(archbuilder.build("resnet20", features="stem.conv")(IMAGES), Tensor)
    image, _ = archbuilder.build("resnet20", features=["input", "stem.conv"])(IMAGES)
    assert image is IMAGES


def test_auxiliary_heads_can_be_asked_for_and_are_left_out_otherwise() -> None:
    part = archbuilder.build("imagenet/googlenet", features=["stages.inception4a"])
    assert not any(path.startswith("outputs") for path, _ in part.named_modules())
    assert archbuilder.expand("imagenet/googlenet").auxiliary
    assert not part.graph.auxiliary
    assert keep_features(archbuilder.expand("imagenet/googlenet"), ["outputs.aux1"]).shapes == ((1000,),)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["stages.stage9"], "features: there is no layer 'stages.stage9'; did you mean 'stages.stage3'?"),
        (["stage1"], "there is no layer 'stage1'; did you mean 'stages.stage1'?"),
        (["stages.stage1.0.reduce.conv"], "there is no layer 'stages.stage1.0.reduce.conv'"),
        ([], "features: there are none; name one layer at least"),
        (["stem.conv", "stem.conv"], "features: 'stem.conv' is named twice"),
    ],
)
def test_a_name_that_is_not_there(names: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        keep_features(archbuilder.expand("resnet20"), names)


def test_a_layer_with_several_outputs_is_refused() -> None:
    model = {
        "input": [4, 8, 8],
        "stages": {"parts": {"block": "split", "parts": 2}, "sum": {"block": "add", "from": "parts.*"}},
    }
    with pytest.raises(ConfigError, match=r"'stages\.parts' has several outputs; name the layers behind it"):
        archbuilder.build(model, features=["stages.parts"])
