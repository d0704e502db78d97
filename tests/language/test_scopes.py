"""Scopes are closed: a block sees its own parameters and where it stands, nothing else of its caller."""

from __future__ import annotations

import pytest

from tests.language.models import attribute, chain, conv, leaves, model, nodes, refused, with_block

INSIDE = "model.stages.use -> model.blocks.mine.layers.a"


def test_the_callers_parameters_are_invisible() -> None:
    refused(with_block({"layers": {"a": conv("growth")}}, params={"growth": 12}), f"{INSIDE}.out", "'growth' is not")
    refused(with_block({"layers": {"a": conv("classes")}}, classes=10), f"{INSIDE}.out", "'classes' is not")


def test_so_are_those_of_a_block_around() -> None:
    blocks = {
        "outer": {"params": {"width": 6}, "layers": {"deep": {"block": "inner"}}},
        "inner": {"layers": {"a": conv("width")}},
    }
    where = "model.stages.use -> model.blocks.outer.layers.deep -> model.blocks.inner.layers.a.out"
    refused(model({"use": {"block": "outer"}}, blocks=blocks), where, "'width' is not defined here")


def test_but_they_can_be_passed_also_under_the_same_name() -> None:
    block = {"params": {"classes": "integer", "growth": "integer"}, "layers": {"a": conv("classes + growth")}}
    source = with_block(block, {"classes": "classes", "growth": "2 * growth"}, classes=10, params={"growth": 12})
    assert attribute(source, "use.a", "out") == 34


def test_a_models_layers_see_classes_only_where_it_says_how_many() -> None:
    assert attribute(model({"a": conv("classes")}, classes=7), "a", "out") == 7
    refused(model({"a": conv("classes")}), "model.stages.a.out", "'classes' is not defined here")
    refused(model({"a": conv("classes")}, classes=None), "model.stages.a.out", "'classes' is not defined here")


def test_block_in_is_what_enters_the_block_and_in_channels_what_enters_the_layer() -> None:
    block = {
        "layers": {
            "a": conv("block_in + in_channels + 1"),
            "b": conv("block_in + in_channels"),
            "c": conv("in_channels * 2", **{"from": "a"}),
        }
    }
    found = leaves(with_block(block))
    assert [found[f"use.{name}"].attributes["out"] for name in "abc"] == [9, 13, 18]


def test_in_the_model_block_in_is_the_channels_of_its_first_input() -> None:
    found = leaves(model({"a": conv(6), "b": conv("block_in + in_channels")}))
    assert found["b"].attributes["out"] == 10


def test_with_several_inputs_both_are_the_firsts() -> None:
    block = {
        "inputs": ["below", "skip"],
        "layers": {
            "join": {"block": "fuse", "from": ["skip", "below"], "out": "10 * block_in + in_channels"},
        },
    }
    source = model({"a": conv(3), "use": {"block": "mine", "from": ["a", "input"]}}, blocks={"mine": block})
    assert attribute(source, "use.join", "out") == 34


def test_an_argument_is_evaluated_with_the_callers_names_and_channels() -> None:
    block = {"params": {"out": "channels"}, "layers": {"a": conv("out"), "b": conv("out")}}
    source = model({"s": conv(6), "use": {"block": "mine", "out": "in_channels * 2"}}, blocks={"mine": block})
    assert attribute(source, "use.b", "out") == 12


def test_a_blocks_own_parameter_wins_over_what_surrounds_it() -> None:
    block = {"params": {"width": 6}, "layers": {"a": conv("width")}}
    assert attribute(with_block(block, params={"width": 9}), "use.a", "out") == 6


def test_several_inputs_of_a_block() -> None:
    block = {
        "inputs": ["below", "skip"],
        "layers": {"up": conv(4, **{"from": "below"}), "sum": {"block": "add", "from": ["up", "skip"]}},
    }
    layers = chain("a", "b", use={"block": "mine", "from": ["a", "b"]})
    found = nodes(model(layers, blocks={"mine": block}))
    assert found["stages.use"].reads == ("stages.a", "stages.b")
    assert (found["stages.use.up"].reads, found["stages.use.sum"].reads) == (("below",), ("up", "skip"))


@pytest.mark.parametrize("sources", [["a"], ["a", "b", "a"]])
def test_a_block_takes_as_many_inputs_as_it_names(sources: list[str]) -> None:
    block = {"inputs": ["below", "skip"], "layers": {"sum": {"block": "add", "from": ["below", "skip"]}}}
    source = model(chain("a", "b", use={"block": "mine", "from": sources}), blocks={"mine": block})
    telling = f"mine takes 2 input(s) (below, skip), not {len(sources)}"
    refused(source, "model.stages.use.from", telling)


def test_with_several_inputs_the_first_layer_must_say_from() -> None:
    block = {"inputs": ["below", "skip"], "layers": {"up": conv()}}
    refused(with_block(block), "model.blocks.mine.layers.up", "must say from which: below, skip")
    source = {"inputs": {"left": [2, 4, 4], "right": [3, 4, 4]}, "stages": {"a": conv()}}
    refused(source, "model.stages.a", "must say from which: left, right")


def test_several_inputs_of_a_model() -> None:
    inputs = {"left": [2, 4, 4], "right": [3, 4, 4]}
    layers = {"a": {"block": "fuse", "from": ["left", "right"], "out": 5}, "b": conv(**{"from": "right"})}
    found = leaves({"inputs": inputs, "stages": layers})
    assert (found["a"].reads, found["b"].reads) == (("left", "right"), ("right",))


def test_a_models_own_block_wins_over_a_shipped_one() -> None:
    own = {"basic": {"params": {"out": "channels"}, "layers": {"only": conv("out", kernel=1)}}}
    assert list(leaves(model({"use": {"block": "basic", "out": 8}}, blocks=own))) == ["use.only"]
    assert "use.conv2" in leaves(model({"use": {"block": "basic", "out": 8}}))


def test_blocks_of_a_model_may_use_one_another_and_the_shipped_ones() -> None:
    blocks = {
        "one": {"layers": {"a": {"block": "two"}}},
        "two": {"layers": {"b": {"block": "basic", "out": "block_in"}}},
    }
    assert "use.a.b.conv1" in leaves(model({"use": {"block": "one"}}, blocks=blocks))


def test_no_block_may_take_a_primitives_name() -> None:
    source = model({"use": {"block": "conv"}}, blocks={"conv": {"layers": chain("a")}})
    refused(source, "model.blocks.conv", "'conv' is a primitive")


def test_a_parameter_that_is_a_block() -> None:
    block = {
        "params": {"body": "block", "out": "channels"},
        "layers": {"a": {"block": "body", "out": "out"}, "b": {"block": "body", "out": "2 * out"}},
    }
    assert leaves(with_block(block, {"body": "pointwise", "out": 3}))["use.b"].op == "pointwise"
    assert "use.b.conv1" in leaves(with_block(block, {"body": "basic", "out": 3}))
    refused(with_block(block, {"body": "pointwize", "out": 3}), f"{INSIDE}.block", "did you mean 'pointwise'?")
    refused(with_block(block, {"body": 3, "out": 3}), "model.stages.use.body", "3 is not the name of a block")


def test_a_block_passed_through_two_levels() -> None:
    blocks = {
        "outer": {"params": {"body": "block"}, "layers": {"x": {"block": "inner", "body": "body"}}},
        "inner": {"params": {"body": "block"}, "layers": {"y": {"block": "body", "kind": "gelu"}}},
    }
    source = model({"use": {"block": "outer", "body": "act"}}, blocks=blocks)
    assert leaves(source)["use.x.y"].attributes["kind"] == "gelu"


def test_several_outputs_of_a_block() -> None:
    block = {"outputs": ["b", "a"], "layers": {"a": conv(2), "b": conv(6)}}
    layers = {"use": {"block": "mine"}, "join": {"block": "concat", "from": "use.*"}}
    found = nodes(model(layers, blocks={"mine": block}))
    assert found["stages.use"].shapes == ((6, 8, 8), (2, 8, 8))
    assert found["stages.join"].shapes == ((8, 8, 8),)


def test_one_named_output_need_not_be_the_last_layer() -> None:
    block = {"outputs": ["a"], "layers": {"a": conv(2), "b": conv(6)}}
    assert nodes(with_block(block))["stages.use"].shapes == ((2, 8, 8),)


def test_outputs_that_are_no_layers() -> None:
    where = "model.stages.use -> model.blocks.mine.outputs"
    refused(with_block({"outputs": ["aa"], "layers": chain("a")}), where, "no layer 'aa'", "did you mean 'a'?")
    parts = {"a": {"block": "split", "parts": 2}, "b": {"block": "concat", "from": "a.*"}}
    refused(with_block({"outputs": ["a"], "layers": parts}), where, "'a' has several outputs itself")
