"""The keys of a model and of a block's file, and what may stand under each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archbuilder.errors import ConfigError
from archbuilder.language.blocks import Library, read_block
from archbuilder.language.expand import expand_model
from archbuilder.paths import conf_dir
from tests.language.models import chain, conv, model, nodes, refused, with_block


@pytest.mark.parametrize(
    ("key", "telling"),
    [
        ("stage", "did you mean 'stages'?"),
        ("inptu", "did you mean 'input'?"),
        ("class", "did you mean 'classes'?"),
        ("zzz", "keys: blocks, budget, classes, doc, head, input, inputs, outputs, params, scale, stages, stem, style"),
    ],
)
def test_an_unknown_key_of_a_model(key: str, telling: str) -> None:
    refused(model({"a": conv()}, **{key: 1}), f"model.{key}", "no such key of a model", telling)


@pytest.mark.parametrize(
    ("key", "telling"),
    [
        ("layer", "did you mean 'layers'?"),
        ("param", "did you mean 'params'?"),
        ("stages", "no such key of a block"),
        ("zzz", "keys: doc, inputs, layers, outputs, params, style"),
        (1, "no such key of a block"),
    ],
)
def test_an_unknown_key_of_a_block(key: Any, telling: str) -> None:
    refused(with_block({"layers": chain("a"), key: 1}), f"model.blocks.mine.{key}", telling)


def test_exactly_one_of_input_and_inputs() -> None:
    telling = "say either input"
    refused({"stages": {"a": conv()}}, "model", telling)
    refused({"input": [1, 2, 2], "inputs": {"x": [1, 2, 2]}, "stages": {"a": conv()}}, "model", telling)


@pytest.mark.parametrize(
    ("shape", "where", "telling"),
    [
        ([3, 8], "model.input", "[3, 8] is not [channels, height, width]"),
        ([3, 8, 8, 8], "model.input", "is not [channels, height, width]"),
        ([], "model.input", "[] is not a list"),
        (3, "model.input", "3 is not a list"),
        (None, "model.input", "null is not a list"),
        ("3x8x8", "model.input", "'3x8x8' is not a list"),
        ([3, 0, 8], "model.input", "0 is too small; at least 1"),
        ([3, 8, 10**8], "model.input", "is too large; at most 10,000,000"),
        ([3, 8.5, 8], "model.input[1]", "not a whole number"),
        ([3, None, 8], "model.input[1]", "is not a whole number"),
        ([True, 8, 8], "model.input[0]", "True is not a whole number"),
        (["classes", 8, 8], "model.input[0]", "'classes' is not a number"),
    ],
)
def test_a_shape_of_an_input(shape: Any, where: str, telling: str) -> None:
    refused({"input": shape, "classes": 3, "stages": {"a": conv()}}, where, telling)
    several = {"inputs": {"x": shape}, "classes": 3, "stages": {"a": conv()}}
    refused(several, where.replace("input", "inputs.x"), telling)


def test_whole_floats_are_sides() -> None:
    assert nodes({"input": [3.0, 8.0, 8.0], "stages": chain("a")})["stages.a"].shapes == ((3, 8, 8),)


@pytest.mark.parametrize("inputs", [{}, None])
def test_no_inputs(inputs: Any) -> None:
    refused({"inputs": inputs, "stages": {"a": conv()}}, "model.inputs", "there are none")


@pytest.mark.parametrize("key", ["inputs", "style", "blocks"])
def test_what_must_be_a_mapping(key: str) -> None:
    source = {"input": [4, 8, 8], "stages": {"a": conv()}, key: [1]}
    if key == "inputs":
        del source["input"]
    refused(source, f"model.{key}", "a mapping is needed, not [1]")


@pytest.mark.parametrize(
    ("classes", "telling"),
    [
        (0, "0 is too small; at least 1"),
        (2.5, "not a whole number"),
        (True, "True is not a whole number"),
        ("ten", "'ten' is not a number"),
        ([10], "[10] is not a whole number"),
        (10**8, "is too large"),
    ],
)
def test_classes(classes: Any, telling: str) -> None:
    refused(model({"a": conv()}, classes=classes), "model.classes", telling)


@pytest.mark.parametrize("key", ["classes", "params", "style", "blocks", "doc", "stem", "head"])
def test_null_is_as_good_as_unsaid(key: str) -> None:
    assert nodes(model(chain("a"), **{key: None})) == nodes(model(chain("a")))


@pytest.mark.parametrize("keys", [{}, {"stages": {}}, {"stages": None}, {"stem": {}, "head": None}])
def test_a_model_without_layers(keys: dict[str, Any]) -> None:
    refused({"input": [4, 8, 8], **keys}, "model", "there are no layers; write some in stem, stages, head")


@pytest.mark.parametrize("content", [None, [], 3, "conv", {"a": 1}])
def test_a_block_is_a_mapping_with_layers(content: Any) -> None:
    source = model({"a": conv()}, blocks={"mine": content})
    where = "model.blocks.mine.a" if isinstance(content, dict) else "model.blocks.mine"
    refused(source, where, "no such key of a block" if isinstance(content, dict) else "a block is a mapping")


@pytest.mark.parametrize("names", [[], "ab", 3, {"a": 1}, ["a", "a"]])
@pytest.mark.parametrize("key", ["inputs", "outputs"])
def test_inputs_and_outputs_of_a_block_are_lists_of_different_names(key: str, names: Any) -> None:
    source = with_block({"layers": chain("a"), key: names})
    refused(source, f"model.blocks.mine.{key}", "a list of different names is needed")


@pytest.mark.parametrize("name", ["1a", "forward", 3, None])
@pytest.mark.parametrize("key", ["inputs", "outputs"])
def test_inputs_and_outputs_of_a_block_are_names(key: str, name: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.blocks\.mine\.{key}: "):
        nodes(with_block({"layers": chain("a"), key: [name]}))


def test_errors_inside_a_block_tell_the_way_through_its_file() -> None:
    source = model({"stage2": {"block": "bottleneck", "out": 384, "groups": 64}})
    where = "model.stages.stage2 -> conf/block/bottleneck.yaml:layers.spatial.groups"
    refused(source, where, "96 channels cannot be split into 64 groups; use a divisor of 96")


def test_errors_in_a_blocks_file_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("layers: {a: {block: conv, out: 3}}\nlayer: 1\n")
    library = Library((tmp_path,), {})
    with pytest.raises(ConfigError) as caught:
        library.find("broken")
    assert caught.value.where.endswith("broken.yaml:layer")
    assert "did you mean 'layers'?" in caught.value.what


def test_an_edited_block_file_is_read_again(tmp_path: Path) -> None:
    import os

    path = tmp_path / "mine.yaml"
    library = Library((tmp_path,), {})
    widths = []
    for width in (3, 5):
        path.write_text(f"layers: {{a: {{block: conv, out: {width}}}}}\n")
        os.utime(path, ns=(width, width))
        graph = expand_model(model({"use": {"block": "mine"}}), library)
        widths.append(graph.shapes[0][0])
    assert widths == [3, 5]


def test_the_library_lists_and_finds_all_shipped_blocks() -> None:
    library = Library((conf_dir() / "block",), {})
    names = library.names()
    assert {"basic", "bottleneck", "fire", "inception"} <= set(names)
    assert all(library.find(name) is not None for name in names)
    assert library.find("nothing") is None
    own = read_block("own", {"layers": chain("a")}, "model.blocks.own.")
    assert "own" in Library((), {"own": own}).names()
