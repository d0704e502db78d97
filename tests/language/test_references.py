"""`from`: one name or several, sections as prefixes, copies and named outputs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.language.models import chain, conv, leaves, model, nodes, reads, refused, with_block

PARTS = {"block": "split", "parts": 2}
TWO = {"outputs": ["low", "high"], "layers": {"low": conv(2), "high": conv(6, **{"from": "input"})}}


def add(*sources: str) -> dict[str, Any]:
    return {"block": "add", "from": list(sources)}


def concat(*sources: str) -> dict[str, Any]:
    return {"block": "concat", "from": list(sources)}


def test_one_name_or_a_list() -> None:
    found = reads(model(chain("a", "b", c=conv(**{"from": "a"}), d=conv(**{"from": ["b"]}), e=add("a", "b", "input"))))
    assert (found["c"], found["d"], found["e"]) == (("a",), ("b",), ("a", "b", "input"))


def test_one_layer_may_be_read_twice() -> None:
    assert reads(model(chain("a", b=add("a", "a"))))["b"] == ("a", "a")


def test_input_is_what_enters_the_model_or_the_block() -> None:
    assert reads(model(chain("a", b=conv(**{"from": "input"}))))["b"] == ("input",)
    found = nodes(with_block({"layers": chain("a", b=add("a", "input"))}, stem=chain("s")))
    assert found["stages.use"].reads == ("stem.s",)
    assert found["stages.use.b"].reads == ("a", "input")


def test_the_full_name_is_known_everywhere_and_the_plain_one_inside_its_section() -> None:
    source = model(chain("a", b=add("a", "stages.a", "stem.s")), stem=chain("s"), head={"h": add("stages.a", "stem.s")})
    assert nodes(source)["stages.b"].reads == ("stages.a", "stages.a", "stem.s")
    assert nodes(source)["head.h"].reads == ("stages.a", "stem.s")


def test_the_plain_name_of_another_section_is_unknown() -> None:
    source = model(chain("a"), head={"h": add("a")})
    refused(source, "model.head.h.from", "there is no layer 'a' before this one", "did you mean 'stages.a'?")


def test_a_plain_name_means_the_layer_of_ones_own_section() -> None:
    source = model(chain("a", b=add("a")), stem=chain("a"))
    assert nodes(source)["stages.b"].reads == ("stages.a",)


def test_inside_a_block_the_models_layers_are_unknown() -> None:
    where = "model.stages.use -> model.blocks.mine.layers.b.from"
    refused(with_block({"layers": chain("a", b=add("stem.s"))}, stem=chain("s")), where, "no layer 'stem.s'")


def test_a_misspelt_name() -> None:
    refused(model(chain("stage1", b=add("stag1"))), "model.stages.b.from", "did you mean 'stage1'?")


def test_a_later_layer_and_the_layer_itself() -> None:
    refused(model({"b": add("z"), "z": conv()}), "model.stages.b.from", "'z' comes later", "top to bottom")
    refused(model({"b": add("stages.z"), "z": conv()}), "model.stages.b.from", "'stages.z' comes later")
    refused(model({"b": add("head.z")}, head=chain("z")), "model.stages.b.from", "'head.z' comes later")
    refused(model({"b": add("b")}), "model.stages.b.from", "'b' is this layer itself")
    refused(model({"b": add("stages.b")}), "model.stages.b.from", "'stages.b' is this layer itself")


@pytest.mark.parametrize("source", [3, True, {"a": 1}, ["a", 3], [None], [["a"]]])
def test_a_reference_is_a_string(source: Any) -> None:
    refused(model(chain("a", b={"block": "add", "from": source})), "model.stages.b.from", "is not the name of a layer")


def test_an_empty_list() -> None:
    refused(model(chain("a", b=add())), "model.stages.b.from", "the list is empty")


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "*", "a.1", "a.x", "input.0", "input.*", "stages", "stages.*", "a..b", "a:0"]
)
def test_what_looks_like_a_reference_and_is_none(name: str) -> None:
    telling = "'a' has no" if name in ("a.1", "a.x", "a.") else f"there is no layer '{name}'"
    refused(model(chain("a", b=add(name))), "model.stages.b.from", telling)


def test_one_copy_or_all() -> None:
    copies = {"a": {"block": "identity", "repeat": 3}}
    found = reads(model(copies | {"b": add("a.1"), "c": add("a.*"), "d": add("a"), "e": add("stages.a.0")}))
    assert found["b"] == ("a.1",)
    assert found["c"] == ("a.0", "a.1", "a.2")
    assert found["d"] == ("a.2",)
    assert found["e"] == ("a.0",)


def test_a_copy_that_is_not_there() -> None:
    copies = {"a": {"block": "identity", "repeat": 2}}
    refused(model(copies | {"b": add("a.2")}), "model.stages.b.from", "'a' has no '2'; there are a.0, a.1, a.*")
    refused(model(copies | {"b": add("a.-1")}), "model.stages.b.from", "'a' has no '-1'")


def test_a_layer_with_one_output_is_all_of_them() -> None:
    assert reads(model(chain("a", b=add("a.*", "a.0"))))["b"] == ("a", "a")
    assert reads(model({"a": PARTS | {"parts": 1}, "b": add("a.*", "a.0")}))["b"] == ("a", "a")
    block = {"outputs": ["low"], "layers": {"low": conv(2), "high": conv(6)}}
    found = reads(model({"a": {"block": "mine"}, "b": add("a.*", "a.low")}, blocks={"mine": block}))
    assert found["b"] == ("a", "a")


def test_one_of_several_outputs_by_number() -> None:
    found = leaves(model({"a": PARTS, "b": add("a.0", "a.1"), "c": concat("a.*"), "d": conv(**{"from": "a.1"})}))
    assert found["b"].reads == ("stages.a", "stages.a:1")
    assert found["c"].reads == ("stages.a", "stages.a:1")
    assert found["d"].reads == ("stages.a:1",)
    assert found["a"].shapes == ((2, 8, 8), (2, 8, 8))


def test_one_of_several_outputs_by_name() -> None:
    layers = {"a": {"block": "two"}, "b": conv(**{"from": "a.high"}), "c": conv(**{"from": "a.low"})}
    found = leaves(model(layers, blocks={"two": TWO}))
    assert (found["b"].reads, found["c"].reads) == (("stages.a:1",), ("stages.a",))
    joined = leaves(model({"a": {"block": "two"}, "b": concat("a.*")}, blocks={"two": TWO}))["b"]
    assert joined.reads == ("stages.a", "stages.a:1")
    assert joined.shapes == ((8, 8, 8),)


def test_several_outputs_must_be_told_apart() -> None:
    telling = ("'a' has several outputs; say which", "a.0, a.1, a.*")
    refused(model({"a": PARTS, "b": add("a")}), "model.stages.b.from", *telling)
    refused(model({"a": PARTS, "b": conv()}), "model.stages.b.from", "several outputs; say which")
    blocks = {"two": TWO}
    refused(
        model({"a": {"block": "two"}, "b": conv()}, blocks=blocks),
        "model.stages.b.from",
        "a.low, stages.a.high, stages.a.*",
    )
    refused(
        model({"a": {"block": "two"}, "b": add("a.mid")}, blocks=blocks),
        "model.stages.b.from",
        "'a' has no 'mid'; there are a.low, a.high",
    )


def test_a_model_or_block_ends_with_one_output() -> None:
    refused(model({"a": PARTS}), "model.stages.a", "the last layer has several outputs")
    where = "model.stages.use -> model.blocks.mine.layers.a"
    refused(with_block({"layers": {"a": PARTS}}), where, "the last layer has several outputs")


def test_how_many_inputs_a_primitive_takes() -> None:
    refused(model(chain("a", "b", c=conv(**{"from": ["a", "b"]}))), "model.stages.c.from", "conv takes 1 input, not 2")
    assert reads(model({"a": add("input")}))["a"] == ("input",)
