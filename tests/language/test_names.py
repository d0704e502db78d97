"""Names of layers, blocks, inputs and parameters."""

from __future__ import annotations

import keyword
from typing import Any

import pytest
import torch
from torch import nn

from archbuilder.api import build
from archbuilder.language.names import MODULE_ATTRIBUTES
from tests.language.models import chain, conv, leaves, model, refused, with_block


def test_every_attribute_of_torch_modules_is_known() -> None:
    public = {name for name in dir(nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES


def test_every_attribute_of_built_networks_is_known() -> None:
    network = build(model({"a": conv()}))
    public = {name for name in dir(network) if not name.startswith("_")} - {"stages"}
    assert public <= MODULE_ATTRIBUTES


@pytest.mark.parametrize("name", ["a", "Stage1", "conv_1x1", "x9", "match", "input1", "conv", "weight"])
def test_usable(name: str) -> None:
    assert list(leaves(model({name: conv()}))) == [name]


BAD = ["_a", "__init__", "1a", "a-b", "a b", "a.b", "", "größe", "*", "if", "None", "lambda", "from"]


@pytest.mark.parametrize("name", BAD)
def test_no_identifier(name: str) -> None:
    refused(model({name: conv()}), "model.stages", f"'{name}' is no name for a layer")
    refused(model({"a": conv()}, params={name: 3}), "model.params", f"'{name}' is no name for a parameter")
    refused(model({"a": conv()}, blocks={name: {"layers": chain("a")}}), "model.blocks", f"'{name}' is no name")
    refused({"inputs": {name: [1, 2, 2]}, "stages": {"a": conv()}}, "model.inputs", f"'{name}' is no name")


@pytest.mark.parametrize("name", ["forward", "training", "parameters", "to", "type", "half", "graph", "preprocess"])
def test_an_attribute_of_modules(name: str) -> None:
    assert hasattr(nn.Module(), name) or name in ("graph", "preprocess")
    refused(model({name: conv()}), "model.stages", f"a layer cannot be called '{name}'")
    inner = "model.stages.use -> model.blocks.mine.layers"
    refused(with_block({"layers": {name: conv()}}), inner.partition(" -> ")[2], f"cannot be called '{name}'")


def test_a_parameter_may_be_called_like_an_attribute_of_modules() -> None:
    assert leaves(model({"a": conv("half")}, params={"half": 3}))["a"].attributes["out"] == 3


def test_keywords_of_python_are_no_names() -> None:
    for name in keyword.kwlist:
        refused(model({name: conv()}), "model.stages", "no keyword of Python")


@pytest.mark.parametrize("key", [1, 1.5, True])
def test_keys_that_yaml_reads_as_something_else_than_a_string(key: Any) -> None:
    refused(model({key: conv()}), "model.stages", f"the key {key!r} is not a string")
    refused(model({"a": {**conv(), key: 1}}), "model.stages.a", f"the key {key!r} is not a string")
    refused(model({"a": conv()}, params={key: 1}), "model.params", f"the key {key!r} is not a string")
    refused({key: 1}, f"model.{key}", "no such key of a model")


def test_a_layer_and_a_parameter_may_share_a_name() -> None:
    block = {"params": {"squeeze": 2}, "layers": {"squeeze": conv("squeeze"), "last": conv(from_="squeeze")}}
    block["layers"] = {"squeeze": conv("squeeze"), "last": {**conv(), "from": "squeeze"}}
    assert leaves(with_block(block))["use.last"].reads == ("squeeze",)


def test_a_layer_may_have_a_primitives_name() -> None:
    network = build(model({"conv": conv(), "add": {"block": "add", "from": ["conv", "conv"]}}))
    assert network(torch.zeros(2, 4, 8, 8)).shape == (2, 4, 8, 8)


@pytest.mark.parametrize("section", ["stem", "stages", "head"])
def test_a_layer_cannot_have_the_name_of_a_section(section: str) -> None:
    refused(model({section: conv()}), f"model.stages.{section}", "the name of a section")


def test_a_layer_cannot_have_the_name_of_an_input() -> None:
    refused(model({"input": conv()}), "model.stages.input", "this is the name of an input")
    where = "model.stages.use -> model.blocks.mine.layers.input"
    refused(with_block({"layers": {"input": conv()}}), where, "this is the name of an input")
