"""Layers of a scope: their order, `after`, null, reserved keys, and mappings that are no layers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.api import expand
from archbuilder.errors import ConfigError
from tests.language.models import chain, conv, leaves, model, nodes, reads, refused, with_block


def behind(name: Any) -> dict[str, Any]:
    return {"block": "identity", "after": name}


def test_layers_run_in_the_order_of_writing_through_all_sections() -> None:
    # The sections run as stem, stages, head, wherever they are written.
    source = {"head": chain("d"), "input": [4, 8, 8], "stages": chain("c", "b"), "stem": chain("z")}
    assert list(nodes(source)) == ["stem.z", "stages.c", "stages.b", "head.d"]


def test_a_layer_reads_the_one_before_it_also_over_the_border_of_a_section() -> None:
    source = {"input": [4, 8, 8], "stem": chain("a", "b"), "head": chain("c")}
    assert [node.reads for node in nodes(source).values()] == [("input",), ("stem.a",), ("stem.b",)]


@pytest.mark.parametrize("sections", [("stem",), ("stages",), ("head",), ("stem", "head")])
def test_any_section_may_be_missing(sections: tuple[str, ...]) -> None:
    source = {"input": [4, 8, 8], **{section: chain("a") for section in sections}}
    assert list(nodes(source)) == [f"{section}.a" for section in sections]


def test_after_places_a_layer_behind_another() -> None:
    found = reads(model(chain("a", "b", x=behind("a"))))
    assert list(found) == ["a", "x", "b"]
    assert found == {"a": ("input",), "x": ("a",), "b": ("x",)}


def test_without_after_a_new_layer_goes_last() -> None:
    assert list(reads(model(chain("a", "b", x={"block": "identity"})))) == ["a", "b", "x"]


def test_several_behind_one_keep_the_order_of_writing() -> None:
    assert list(reads(model(chain("a", "b", x=behind("a"), y=behind("a"))))) == ["a", "x", "y", "b"]


@pytest.mark.parametrize(
    "order", [("x", "deep", "y"), ("x", "y", "deep"), ("deep", "x", "y")], ids=lambda order: " ".join(order)
)
def test_what_stands_behind_an_inserted_layer_follows_it_directly(order: tuple[str, ...]) -> None:
    targets = {"x": "a", "y": "a", "deep": "x"}
    layers = chain("a", "b", **{name: behind(targets[name]) for name in order})
    assert list(reads(model(layers))) == ["a", "x", "deep", "y", "b"]


@given(st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_every_layer_with_after_comes_behind_its_target_and_what_follows_that(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    names = data.draw(st.permutations([f"x{i}" for i in range(count)]))
    # A forest: every layer stands behind one of those before it in `names`, or says nothing.
    targets = {name: data.draw(st.sampled_from([None, *names[:i]])) for i, name in enumerate(names)}
    written = data.draw(st.permutations(names))
    layers = {name: behind(targets[name]) if targets[name] else {"block": "identity"} for name in written}
    order = list(reads(model(layers)))
    assert sorted(order) == sorted(names)
    for name, target in targets.items():
        if target is not None:
            between = order[order.index(target) + 1 : order.index(name)]
            assert order.index(target) < order.index(name)
            # Between it and its target lie only layers that stand, at some remove, behind that target too.
            assert all(target in _ancestors(other, targets) for other in between)
    assert [name for name in order if not targets[name]] == [name for name in written if not targets[name]]


def _ancestors(name: str, targets: dict[str, Any]) -> list[Any]:
    found = []
    while targets[name] is not None:
        name = targets[name]
        found.append(name)
    return found


def test_after_an_unknown_layer() -> None:
    refused(model(chain("stage1", x=behind("stag1"))), "model.stages.x.after", "did you mean 'stage1'?")
    refused(model(chain("a", x=behind("stages.a"))), "model.stages.x.after", "there is no layer 'stages.a' here")


@pytest.mark.parametrize("target", [None, 3, ["a"], {"a": 1}, True])
def test_after_something_that_is_no_name(target: Any) -> None:
    refused(model(chain("a", x=behind(target))), "model.stages.x.after", "there is no layer")


def test_layers_that_wait_for_one_another() -> None:
    refused(model(chain("a", x=behind("x"))), "model.stages.x.after", "wait for one another: x")
    layers = chain("a", x=behind("y"), y=behind("x"), z=behind("y"))
    refused(model(layers), "model.stages.x.after", "wait for one another: x, y, z")


def test_after_a_layer_that_is_absent_is_after_nothing() -> None:
    refused(model(chain("a", b=None, x=behind("b"))), "model.stages.x.after", "there is no layer 'b' here")


def test_a_null_layer_is_absent() -> None:
    assert reads(model(chain("a", b=None, c={"block": "identity"}))) == {"a": ("input",), "c": ("a",)}
    refused(model(chain("a", b=None, c={"block": "identity", "from": "b"})), "model.stages.c.from", "no layer 'b'")


def test_a_model_or_block_whose_layers_are_all_null() -> None:
    refused(model({"a": None}), "model", "there are no layers; write some in stem, stages, head")
    refused(with_block({"layers": {"a": None}}), "model.blocks.mine.layers", "every layer is null")
    refused(with_block({"layers": {}}), "model.blocks.mine", "a block needs layers")


@pytest.mark.parametrize("section", [[], 3, "conv", [{"block": "conv"}], True])
def test_a_section_is_a_mapping(section: Any) -> None:
    refused(model(section), "model.stages", "a mapping from names to layers is needed")
    refused(with_block({"layers": section or [1]}), "model.blocks.mine.layers", "a mapping from names to layers")


@pytest.mark.parametrize("layer", [[], 3, "conv", True, 0])
def test_a_layer_is_a_mapping(layer: Any) -> None:
    refused(model({"a": layer}), "model.stages.a", "a layer is a mapping with a block")


def test_a_layer_without_a_block_is_likely_a_misspelt_name() -> None:
    # So it looks when a variant means `stage2` and writes `stag2`.
    refused(model(chain("stage2", stag2={"out": 4})), "model.stages.stag2", "says no block", "did you mean 'stage2'?")


@pytest.mark.parametrize("key", ["blok", "blocks", "bock"])
def test_a_misspelt_key_block(key: str) -> None:
    refused(model({"a": {key: "conv", "out": 4}}), f"model.stages.a.{key}", "did you mean 'block'?")


@pytest.mark.parametrize("block", [None, 3, ["conv"], {"conv": 1}, True])
def test_a_block_is_named_by_a_string(block: Any) -> None:
    refused(model({"a": {"block": block}}), "model.stages.a.block", "is not the name of a block")


@pytest.mark.parametrize("block", ["", "con v", "../block/basic", "basic.yaml", "x" * 5000, "ä" * 90, "\0"])
def test_there_is_no_such_block(block: str) -> None:
    refused(model({"a": {"block": block}}), "model.stages.a.block", "there is no block")


def test_a_misspelt_block() -> None:
    refused(model({"a": {"block": "botleneck"}}), "model.stages.a.block", "did you mean 'bottleneck'?")
    refused(model({"a": {"block": "conv2d", "out": 3}}), "model.stages.a.block", "did you mean 'conv'?")
    refused(model({"a": {"block": "zzz"}}), "model.stages.a.block", "blocks: act, adaptive_pool, add")


def test_doc_is_kept() -> None:
    found = leaves(model({"a": conv(doc="why it is here")}))["a"]
    assert found.doc == "why it is here"
    block = with_block({"layers": chain("a")}, {"doc": "and this"})
    assert nodes(block)["stages.use"].doc == "and this"


@pytest.mark.parametrize(
    ("layers", "telling"),
    [
        ({"a": {"type": "conv", "out": 16}}, "this layer says no block; write block: conv"),
        ({"a": {"kind": "bottleneck", "out": 16}}, "this layer says no block; write block: bottleneck"),
        ({"a": {"conv": {"out": 16}}}, "this layer says no block; write block: conv"),
        ({"a": {"out": 16}}, "this layer says no block; write block: conv, or another that `archbuilder blocks` lists"),
        ({"a": {"via": "linear"}, "aa": conv()}, "if 'a' is misspelt, did you mean 'aa'?"),
        ({"a": {"via": "linear"}, "other": conv()}, "this layer says no block; write block: linear"),
        ({"a": {"out": 16}, "other": conv()}, "if 'a' is misspelt, layers here: other"),
    ],
)
def test_a_layer_without_a_block(layers: Any, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        expand(model(layers))
    assert (caught.value.where, caught.value.what.endswith(telling)) == ("model.stages.a", True), str(caught.value)


def test_null_names_no_layer() -> None:
    refused(model({"a": conv(**{"from": None})}), "model.stages.a.from", "null names no layer; leave `from` out")
