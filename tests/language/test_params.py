"""Parameters: types, declarations, defaults, and values that are no such thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.api import expand
from archbuilder.errors import ConfigError
from archbuilder.language.expressions import LARGEST, Value
from archbuilder.language.names import RESERVED
from archbuilder.language.params import REQUIRED, TYPES, Argument, Param, declare, read
from tests.language.models import attribute, conv, leaves, model, out, refused, with_block

NAMES: Mapping[str, Value] = {"width": 12, "half": 0.5, "on": True, "act": "gelu", "kernel": (3, 5)}


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        ("channels", 3, 3),
        ("channels", 3.0, 3),
        ("channels", "width // 5", 2),
        ("channels", "width * half", 6),
        ("integer", 0, 0),
        ("integer", -3, -3),
        ("integer", 1e3, 1000),
        ("integer", "6 / 2", 3),
        ("number", 3, 3),
        ("number", 0.25, 0.25),
        ("number", "half * half", 0.25),
        ("number", "1e-3", 0.001),
        ("boolean", True, True),
        ("boolean", False, False),
        ("boolean", "on", True),
        ("boolean", "true", True),
        ("boolean", "width > 20", False),
        ("pair", 3, (3, 3)),
        ("pair", 3.0, (3, 3)),
        ("pair", [1, 3], (1, 3)),
        ("pair", (1, 3), (1, 3)),
        ("pair", ["width", "width // 2"], (12, 6)),
        ("pair", "width", (12, 12)),
        ("pair", "kernel", (3, 5)),
        ("integers", [1, 2.0, "width"], (1, 2, 12)),
        ("integers", "kernel", (3, 5)),
        ("word", "relu", "relu"),
        ("word", "act", "gelu"),
        ("word", "width", "width"),
        ("block", "conv", "conv"),
        ("block", "act", "gelu"),
    ],
)
def test_a_value_is_read_as_its_type(kind: str, value: Any, result: Argument) -> None:
    read_value = read(value, Param(kind), NAMES, "here")
    assert read_value == result
    assert type(read_value) is type(result)


@pytest.mark.parametrize(
    ("kind", "value", "telling"),
    [
        ("channels", 0, "0 is too small; at least 1 is needed"),
        ("channels", -4, "-4 is too small"),
        ("channels", 2.5, "2.5 is not a whole number"),
        ("channels", "width / 5", "'width / 5' is 2.4, not a whole number"),
        ("channels", 10**12, "is too large; at most 10,000,000 is allowed"),
        ("channels", "10**12", "beyond 10,000,000"),
        ("channels", True, "True is not a number of channels"),
        ("channels", "on", "'on' is not a number of channels"),
        ("channels", "act", "'act' is not a number of channels"),
        ("channels", [3], "[3] is not a number of channels"),
        ("channels", {"a": 1}, "{'a': 1} is not a number of channels"),
        ("channels", "widht", "did you mean 'width'?"),
        ("integer", True, "True is not a whole number"),
        ("integer", float("inf"), "not a whole number"),
        ("integer", float("nan"), "not a whole number"),
        ("integer", -(10**12), "is too small; at least -10,000,000 is needed"),
        ("number", True, "True is not a number"),
        ("number", "x y", "'x y' is not an expression"),
        ("number", float("nan"), "nan is too large"),
        ("number", float("inf"), "inf is too large"),
        ("number", float("-inf"), "-inf is too small"),
        ("number", -1e8, "is too small"),
        ("boolean", 1, "1 is not true or false"),
        ("boolean", 0, "0 is not true or false"),
        ("boolean", "width", "'width' is not true or false"),
        ("boolean", "yes", "'yes' is not defined here"),
        ("pair", [1, 2, 3], "has 3 entries; write k or [height, width]"),
        ("pair", [], "has 0 entries"),
        ("pair", [1, None], "None is not a whole number"),
        ("pair", True, "True is not a whole number or a pair of them"),
        ("integers", 3, "3 is not a list of whole numbers"),
        ("integers", [], "[] is not a list of whole numbers"),
        ("integers", "width", "12 is not a list of whole numbers"),
        ("integers", [1, "act"], "'act' is not a whole number"),
        ("word", 3, "3 is not a word"),
        ("word", False, "False is not a word"),
        ("block", ["conv"], "is not the name of a block"),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, value: Any, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(value, Param(kind), NAMES, "here")
    assert caught.value.where.startswith("here")
    assert telling in caught.value.what


@pytest.mark.parametrize("kind", TYPES)
def test_null_is_no_value_of_any_type(kind: str) -> None:
    with pytest.raises(ConfigError, match="here: null is not"):
        read(None, Param(kind), NAMES, "here")


def test_null_for_a_word_says_how_to_write_none() -> None:
    refused(model({"a": conv(act=None)}), "model.stages.a.act", "null is not one of none, relu", "write none")


def test_the_place_of_a_bad_entry_of_a_list_is_told() -> None:
    refused(model({"a": conv(kernel=[3, "x"])}), "model.stages.a.kernel[1]", "'x' is not defined here")


@given(st.integers(-(10**9), 10**9))
def test_whole_floats_are_integers(number: int) -> None:
    def result(value: float) -> Argument | str:
        try:
            return read(value, Param("integer"), {}, "here")
        except ConfigError:
            return "refused"

    assert result(float(number)) == result(number) == (number if abs(number) <= LARGEST else "refused")


def test_bounds_of_a_parameter() -> None:
    param = Param("number", minimum=0, maximum=1)
    assert [read(value, param, {}, "here") for value in (0, 1, 0.5)] == [0, 1, 0.5]
    refused(model({"a": {"block": "dropout", "rate": 1.5}}), "model.stages.a.rate", "1.5 is too large; at most 1")
    refused(model({"a": {"block": "dropout", "rate": -0.1}}), "model.stages.a.rate", "-0.1 is too small; at least 0")


@pytest.mark.parametrize(
    ("written", "param"),
    [
        ("channels", Param("channels")),
        ("integer", Param("integer")),
        ("word", Param("word")),
        ("block", Param("block")),
        (3, Param("integer", 3)),
        (3.0, Param("number", 3.0)),
        (0.5, Param("number", 0.5)),
        (True, Param("boolean", True)),
        ("relu", Param("word", "relu")),
        ([1, 2], Param("integers", [1, 2])),
        ({"type": "channels"}, Param("channels")),
        ({"type": "channels", "default": "out // 8"}, Param("channels", "out // 8")),
        ({"type": "number", "default": 3}, Param("number", 3)),
        ({"default": 4, "doc": "why"}, Param("integer", 4, doc="why")),
        ({"default": 1, "repeat": "first"}, Param("integer", 1, first=True)),
        ({"type": "block", "default": "conv"}, Param("block", "conv")),
    ],
)
def test_declarations_short_and_long(written: Any, param: Param) -> None:
    assert declare(written, "here") == param
    assert param.required == (param.default is REQUIRED)


@pytest.mark.parametrize(
    ("written", "where", "telling"),
    [
        ({"tpye": "channels"}, "here.tpye", "did you mean 'type'?"),
        ({"type": "chanels"}, "here.type", "'chanels' is no type; did you mean 'channels'?"),
        ({"default": 1, "repeat": "last"}, "here.repeat", "only 'first' can stand here"),
        ({"type": "integer", "repeat": "first"}, "here", "needs a default"),
        ({}, "here", "is neither a type"),
        (None, "here", "None is neither a type"),
        ("out // 2", "here", "write {type: channels, default: out // 2}"),
    ],
)
def test_a_declaration_that_says_nothing_useful_is_refused(written: Any, where: str, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        declare(written, where="here")
    assert caught.value.where == where
    assert telling in caught.value.what


@pytest.mark.parametrize(
    "name", ["copy", "block_in", "in_channels", "index", "count", "copies", "min", "fixed", "true"]
)
def test_a_parameter_cannot_take_a_name_that_expressions_know(name: str) -> None:
    block = {"params": {name: 3}, "layers": {"a": conv()}}
    refused(with_block(block), "model.blocks.mine.params", f"cannot be called '{name}'")


@pytest.mark.parametrize("name", sorted({*RESERVED} - {"from"}))
def test_a_parameter_cannot_take_the_name_of_a_key_of_layers(name: str) -> None:
    telling = (f"cannot be called '{name}'", "the key means something else in a layer")
    refused(with_block({"params": {name: 3}, "layers": {"a": conv()}}), "model.blocks.mine.params", *telling)


def test_defaults_see_the_parameters_before_them_and_the_surroundings() -> None:
    block = {
        "params": {
            "out": "channels",
            "half": {"type": "channels", "default": "out // 2"},
            "both": {"type": "channels", "default": "half + block_in"},
        },
        "layers": {"a": conv("both")},
    }
    assert attribute(with_block(block, {"out": 20}), "use.a", "out") == 14
    assert attribute(with_block(block, {"out": 20, "half": 1}), "use.a", "out") == 5


def test_a_default_does_not_see_the_parameters_behind_it() -> None:
    block = {"params": {"a": {"type": "integer", "default": "b"}, "b": 2}, "layers": {"a": conv("a")}}
    where = "model.stages.use -> model.blocks.mine.params.a"
    refused(with_block(block), where, "'b' is not defined here")


def test_a_missing_parameter_is_named_with_its_meaning() -> None:
    block = {"params": {"out": {"type": "channels", "doc": "how wide"}}, "layers": {"a": conv("out")}}
    refused(with_block(block), "model.stages.use", "the parameter 'out' is missing: how wide")
    refused(model({"a": {"block": "max_pool"}}), "model.stages.a", "the parameter 'kernel' of max_pool is missing")


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    refused(model({"a": conv(kernal=3)}), "model.stages.a.kernal", "conv has no such parameter; did you mean 'kernel'?")
    refused(model({"a": conv(repeats=3)}), "model.stages.a.repeats", "did you mean 'repeat'?")
    block = {"params": {"ratio": 2}, "layers": {"a": conv("8 // ratio")}}
    refused(with_block(block, {"rato": 4}), "model.stages.use.rato", "mine has no such parameter", "'ratio'")


def test_only_the_first_copy_gets_a_parameter_marked_so() -> None:
    found = leaves(model({"a": conv(stride=2, kernel=1, repeat=3)}))
    assert [leaf.attributes["stride"] for leaf in found.values()] == [2, 1, 1]
    block = {"params": {"step": {"default": 1, "repeat": "first"}}, "layers": {"a": conv(stride="step")}}
    found = leaves(with_block(block, {"step": 2, "repeat": 3}))
    assert [leaf.attributes["stride"] for leaf in found.values()] == [2, 1, 1]


def test_every_copy_gets_the_other_parameters() -> None:
    found = leaves(model({"a": conv(6, kernel=5, repeat=3)}))
    assert [(leaf.attributes["out"], leaf.attributes["kernel"]) for leaf in found.values()] == [(6, (5, 5))] * 3


def test_a_parameters_name_stands_for_its_word_or_block() -> None:
    block = {
        "params": {"gate": "word", "body": {"type": "block", "default": "conv"}},
        "layers": {"a": {"block": "body", "out": 4, "act": "gate"}},
    }
    found = leaves(with_block(block, {"gate": "gelu", "body": "pointwise"}))["use.a"]
    assert (found.op, found.attributes["act"]) == ("pointwise", "gelu")
    assert leaves(with_block(block, {"gate": "gelu"}))["use.a"].op == "conv"


def test_an_unknown_word_is_refused_with_the_nearest() -> None:
    refused(model({"a": conv(act="rellu")}), "model.stages.a.act", "'rellu' is not known; did you mean 'relu'?")
    refused(model({"a": conv(norm="qqq")}), "model.stages.a.norm", "known: batch, group, layer, none")


def test_a_model_has_parameters_too() -> None:
    assert out("2 * growth", params={"growth": 12}) == 24
    assert out("width", params={"growth": 12, "width": {"type": "channels", "default": "growth + 1"}}) == 13
    refused(model({"a": conv("growht")}, params={"growth": 12}), "model.stages.a.out", "did you mean 'growth'?")
    refused(model({"a": conv("growth")}, params={"growth": "channels"}), "model.params", "'growth' is missing")
    refused(model({"a": conv()}, params=[1]), "model.params", "a mapping from names to types or defaults")


def test_classes_is_a_name_of_its_own() -> None:
    refused(model({"a": conv("classes")}, classes=10, params={"classes": 5}), "model.params.classes", "say it once")


@pytest.mark.parametrize(
    ("word", "meant"), [("chanels", "channels"), ("Channels", "channels"), ("int", "integer"), ("bool", "boolean")]
)
def test_a_misspelt_type_is_no_default(word: str, meant: str) -> None:
    block = {"params": {"out": word}, "layers": {"a": conv(4)}}
    hint = f"'{word}' is no type; did you mean '{meant}'? a default that is a word is written {{type: word, default: "
    refused(with_block(block), "model.blocks.mine.params.out", hint)
    for fine in ("block2", "relu", {"type": "word", "default": word}, {"default": word}):
        expand(with_block({**block, "params": {"out": fine}}))
