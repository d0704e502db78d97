"""`repeat`: copies in a row, their names, and where each knows to stand."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.api import expand
from archbuilder.graph import Graph
from tests.language.models import chain, conv, leaves, model, nodes, reads, refused, with_block


def test_copies_are_numbered_and_run_in_a_row() -> None:
    found = reads(model({"a": {"block": "identity", "repeat": 3}, "b": {"block": "identity"}}))
    assert found == {"a.0": ("input",), "a.1": ("a.0",), "a.2": ("a.1",), "b": ("a.2",)}


def test_an_explicit_1_keeps_the_level() -> None:
    assert list(reads(model({"a": {"block": "identity", "repeat": 1}}))) == ["a.0"]
    assert list(reads(model({"a": {"block": "identity"}}))) == ["a"]
    assert list(reads(model({"a": {"block": "identity", "repeat": None}}))) == ["a"]


@pytest.mark.parametrize(("repeat", "copies"), [("2 * depth", 6), (2.0, 2), ("depth", 3)])
def test_an_expression_of_parameters(repeat: Any, copies: int) -> None:
    assert len(reads(model({"a": {"block": "identity", "repeat": repeat}}, params={"depth": 3}))) == copies


@pytest.mark.parametrize(
    ("repeat", "telling"),
    [
        (0, "0 is too small; at least 1"),
        (-1, "-1 is too small"),
        (1.5, "not a whole number"),
        (True, "True is not a whole number"),
        ([2], "[2] is not a whole number"),
        ("many", "'many' is not defined here"),
        (10**9, "is too large; at most 100,000"),
    ],
)
def test_no_number_of_copies(repeat: Any, telling: str) -> None:
    refused(model({"a": {"block": "identity", "repeat": repeat}}), "model.stages.a.repeat", telling)


def test_one_input_and_one_output() -> None:
    several = {"block": "add", "from": ["a", "b"], "repeat": 2}
    refused(model(chain("a", "b", c=several)), "model.stages.c.repeat", "takes one input, not 2")
    parts = {"block": "split", "parts": 1, "repeat": 2}
    assert len(reads(model({"a": parts}))) == 2
    refused(model({"a": parts | {"parts": 2}}), "model.stages.a.repeat", "has one output, not several")


def spy(**out: str) -> dict[str, Any]:
    """Return a block whose layers have as many channels as expressions say, plus 100."""
    return {"layers": {name: conv(f"100 + {text}") for name, text in out.items()}}


def widths(source: Any) -> dict[str, int]:
    """Return what the expressions of a spy were."""
    return {path: int(str(leaf.attributes["out"])) - 100 for path, leaf in leaves(source).items()}


def test_copy_and_copies_are_those_of_the_nearest_repeat() -> None:
    block = spy(a="10 * copies + copy")
    assert widths(with_block(block, {"repeat": 2})) == {"use.0.a": 20, "use.1.a": 21}
    assert widths(with_block(block)) == {"use.a": 10}
    inner = {"layers": {"a": conv("100 + 10 * copies + copy", repeat=2)}}
    assert list(widths(with_block(inner, {"repeat": 3})).values()) == [20, 21] * 3
    # A repeat without one of its own inside: the outer one's goes on.
    nested = {"layers": {"deep": {"block": "spy"}}}
    source = model({"use": {"block": "outer", "repeat": 2}}, blocks={"outer": nested, "spy": block})
    assert widths(source) == {"use.0.deep.a": 20, "use.1.deep.a": 21}


def test_index_and_count_go_through_all_copies_directly_in_stages() -> None:
    block = spy(a="10 * count + index")
    use = {"block": "mine"}
    source = model(
        {"s1": {**use, "repeat": 2}, "single": use, "s2": {**use, "repeat": 3}},
        blocks={"mine": block},
        stem={"s0": {**use, "repeat": 2}},
    )
    found = widths(source)
    assert [found[f"s1.{i}.a"] for i in range(2)] == [50, 51]
    assert [found[f"s2.{i}.a"] for i in range(3)] == [52, 53, 54]
    # What is not repeated, or not in stages, stands outside.
    assert found["single.a"] == 10
    assert [found[f"stem.s0.{i}.a"] for i in range(2)] == [10, 10]


def test_a_drop_path_schedule() -> None:
    block = {"params": {"rate": 0.0}, "layers": {"drop": {"block": "drop_path", "rate": "rate"}}}
    stage = {"block": "mine", "rate": "0.2 * index / (count - 1)", "repeat": 2}
    found = leaves(model({"s1": stage, "s2": stage}, blocks={"mine": block}))
    rates = [float(str(leaf.attributes["rate"])) for leaf in found.values()]
    assert rates == pytest.approx([0, 0.2 / 3, 0.4 / 3, 0.2])


def test_inside_a_block_the_index_is_that_of_the_stage() -> None:
    inner = {"layers": {"a": conv("100 + 10 * count + index", repeat=2)}}
    assert list(widths(with_block(inner, {"repeat": 2})).values()) == [20, 20, 21, 21]


def test_arguments_are_evaluated_for_every_copy() -> None:
    found = leaves(model({"a": conv("in_channels + copy + 1", repeat=3)}))
    assert [leaf.shapes[0][0] for leaf in found.values()] == [5, 7, 10]


def test_the_channels_that_enter_a_copy_are_those_that_the_one_before_made() -> None:
    block = {"layers": {"a": conv("2 * block_in")}}
    assert list(widths(with_block(block, {"repeat": 3})).values()) == [8 - 100, 16 - 100, 32 - 100]


def test_repeated_blocks_keep_their_level_in_the_names_of_nodes() -> None:
    found = nodes(with_block({"layers": chain("a")}, {"repeat": 2}))
    assert list(found) == ["stages.use.0", "stages.use.0.a", "stages.use.1", "stages.use.1.a"]


def test_the_number_of_copies_may_depend_on_the_channels_that_come_in() -> None:
    block = {
        "layers": {"a": {**conv("block_in"), "repeat": "block_in // 2"}, "b": {**conv(6), "repeat": "in_channels // 4"}}
    }
    graph = expand(model({"use": {"block": "mine"}}, blocks={"mine": block}))
    [use] = graph.nodes
    assert isinstance(use, Graph)
    assert [node.name for node in use.nodes] == ["a.0", "a.1", "b.0"]


STRIDED = {"out": "channels", "stride": {"default": 1, "repeat": "first"}}
LAYERS = {"a": conv("out", stride="stride"), "b": {"block": "identity", "when": "out > 4"}}
STEP = {"params": STRIDED, "layers": LAYERS}
GIVEN = {
    "params": {**STRIDED, "body": {"type": "block", "default": "conv"}},
    "layers": {**LAYERS, "c": {"block": "body", "out": "out"}},
}
TAKING = {"params": {"body": "block"}, "layers": {"a": {"block": "body"}}}
TOLD = {"layers": {"a": {"block": "dropout", "rate": "0.5 * copy / copies"}}}
AROUND = {"layers": {"a": {"block": "told"}, "b": {"block": "told", "repeat": 3}}}


@pytest.mark.parametrize(
    "layer",
    [
        conv(6),
        conv("in_channels"),
        conv("in_channels + 2"),
        conv("min(in_channels + 2, 8)"),
        conv("4 + copy"),
        conv(6, when="copy != 3"),
        conv(6, when="in_channels < 6"),
        conv(6, when="index > 2"),
        conv(6, style={"eps": "0.1 / (index + 1)"}),
        conv(6, stride=2),
        {"block": "step", "out": 8, "stride": 2},
        {"block": "step", "out": "4 + index"},
        {"block": "given", "out": 4, "body": "step"},
        {"block": "taking", "body": "told"},
        {"block": "told"},
        {"block": "around"},
        {"block": "convnext_block", "drop": "0.1 * index / count"},
        {"block": "upsample", "factor": 2},
        {"block": "basic", "out": 8, "stride": 2},
    ],
    ids=str,
)
def test_copies_that_are_made_but_once_are_as_if_made_one_by_one(
    layer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = {"step": STEP, "given": GIVEN, "taking": TAKING, "told": TOLD, "around": AROUND}
    again = {"b": {"block": "identity", "from": "a.3"}, "c": {"block": "concat", "from": "a.4"}}
    source = model({"a": {**layer, "repeat": 5}, **again}, blocks=blocks, style={"norm": "batch"})
    graph = expand(source)
    monkeypatch.setattr("archbuilder.language.expand.varies", lambda *_: True)
    assert expand(source) == graph
