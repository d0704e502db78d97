"""`when`: a layer that is absent stands for its first input, and nothing of it is made or evaluated."""

from __future__ import annotations

from typing import Any

import pytest

from tests.language.models import chain, conv, leaves, model, reads, refused, with_block


def sometimes(when: Any, **more: Any) -> dict[str, Any]:
    return {"block": "identity", "when": when, **more}


@pytest.mark.parametrize("when", [True, "true", "in_channels == 4", "not false", "1 < 2 and wide"])
def test_present(when: Any) -> None:
    assert list(reads(model({"a": sometimes(when)}, params={"wide": True}))) == ["a"]


@pytest.mark.parametrize("when", [False, "false", "in_channels == 5", "copy > 0", "wide and 1 > 2"])
def test_absent(when: Any) -> None:
    found = reads(model(chain("a", b=sometimes(when), c={"block": "identity"}), params={"wide": True}))
    assert found == {"a": ("input",), "c": ("a",)}


@pytest.mark.parametrize(
    ("when", "telling"),
    [
        (1, "1 is not true or false"),
        (None, "null is not true or false"),
        ("in_channels", "is not true or false"),
        ([], "[] is not true or false"),
        ("yes", "'yes' is not defined here"),
        ("1 +", "is not an expression"),
    ],
)
def test_what_is_neither_true_nor_false(when: Any, telling: str) -> None:
    refused(model({"a": sometimes(when)}), "model.stages.a.when", telling)


def test_the_name_of_an_absent_layer_stands_for_its_first_input() -> None:
    layers = chain(
        "a",
        "b",
        gone={"block": "add", "from": ["a", "b"], "when": False},
        c=conv(**{"from": "gone"}),
        d=conv(**{"from": "gone.0"}),
        e={"block": "add", "from": ["gone.*", "gone"]},
    )
    found = reads(model(layers))
    assert (found["c"], found["d"], found["e"]) == (("a",), ("a",), ("a", "a"))


def test_of_the_outputs_of_an_absent_block_as_well() -> None:
    layers = chain("a", gone={"block": "two", "when": False}, b={"block": "add", "from": ["gone.high", "gone.low"]})
    blocks = {"two": {"layers": chain("high", "low"), "outputs": ["high", "low"]}}
    assert reads(model(layers, blocks=blocks))["b"] == ("a", "a")


@pytest.mark.parametrize(
    ("gone", "member", "telling"),
    [
        ({"block": "identity"}, "high", "'gone' has no 'high'; there are gone.0, gone.*"),
        ({"block": "identity"}, "01x", "'gone' has no '01x'"),
        ({"block": "identity", "repeat": 3}, "3", "'gone' has no '3'; there are gone.0, gone.1, gone.2, gone.*"),
        ({"block": "identity", "repeat": 30}, "x", "there are gone.0, gone.1, gone.2, ..., gone.29, gone.*"),
        ({"block": "two"}, "hihg", "'gone' has no 'hihg'; there are gone.high, gone.low, gone.*"),
        ({"block": "basic", "out": 4}, "sum", "'gone' has no 'sum'; there are gone.output, gone.*"),
    ],
)
def test_an_absent_layer_has_no_other_members_than_a_present_one(
    gone: dict[str, Any], member: str, telling: str
) -> None:
    layers = chain("a", gone={**gone, "when": False}, b={"block": "identity", "from": f"gone.{member}"})
    blocks = {"two": {"layers": chain("high", "low"), "outputs": ["high", "low"]}}
    refused(model(layers, blocks=blocks), "model.stages.b.from", telling)


def test_of_absent_copies_as_well() -> None:
    found = reads(model(chain("a", gone=sometimes(False, repeat=3), b={"block": "add", "from": ["gone.2", "gone.*"]})))
    assert found["b"] == ("a", "a")


def test_an_absent_last_layer_ends_the_model_with_its_input() -> None:
    assert list(reads(model(chain("a", b=sometimes(False))))) == ["a"]
    assert list(reads(model({"a": sometimes(False)}))) == []


def test_arguments_of_an_absent_layer_are_not_evaluated() -> None:
    layers = {"a": conv("1 / 0", when=False), "b": {"block": "nothing_like_that", "when": False}}
    assert reads(model(layers)) == {}


def test_but_its_references_must_be_right() -> None:
    refused(model({"a": conv(when=False, **{"from": "nowhere"})}), "model.stages.a.from", "no layer 'nowhere'")


def test_it_is_evaluated_for_every_copy() -> None:
    found = reads(model({"a": sometimes("copy != 1", repeat=4), "b": {"block": "add", "from": "a.*"}}))
    assert found == {"a.0": ("input",), "a.2": ("a.0",), "a.3": ("a.2",), "b": ("a.0", "a.0", "a.2", "a.3")}


def test_a_copy_sees_the_channels_that_enter_it() -> None:
    # The first copy widens 4 to 6, so that the second, which wants 4 channels, is left out.
    assert list(leaves(model({"a": conv(6, when="in_channels == 4", repeat=2)}))) == ["a.0"]


def test_the_shortcut_of_an_inverted_residual() -> None:
    block = {
        "params": {"out": "channels"},
        "layers": {
            "expand": conv("block_in * 2"),
            "reduce": conv("out"),
            "sum": {"block": "add", "from": ["reduce", "input"], "when": "out == block_in"},
        },
    }
    assert list(leaves(with_block(block, {"out": 4}))) == ["use.expand", "use.reduce", "use.sum"]
    assert list(leaves(with_block(block, {"out": 8}))) == ["use.expand", "use.reduce"]
