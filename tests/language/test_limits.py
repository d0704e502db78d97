"""What is too large is refused within about a second, before it takes memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archbuilder.api import describe, expand
from tests.language.models import chain, conv, model, nodes, refused


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    started = time.perf_counter()
    yield
    assert time.perf_counter() - started < 5


def nest(depth: int) -> dict[str, Any]:
    """Return a model of blocks inside blocks: `depth` levels and a primitive."""
    blocks: dict[str, Any] = {f"b{i}": {"layers": {"a": {"block": f"b{i + 1}"}}} for i in range(depth - 1)}
    blocks[f"b{depth - 1}"] = {"layers": chain("a")}
    return model({"use": {"block": "b0"}}, blocks=blocks)


LAYERS = "more than 100,000 layers"


def test_a_hundred_thousand_layers_are_allowed_and_one_more_is_not() -> None:
    layers = {"a": {"block": "identity", "repeat": 50_000}, "b": {"block": "identity", "repeat": 49_999}}
    refused(model(layers, head=chain("c", "d")), "model.head.d", LAYERS)


def test_copies_within_copies() -> None:
    blocks = {"mine": {"layers": {"a": conv(repeat=1000)}}}
    refused(model({"use": {"block": "mine", "repeat": 1000}}, blocks=blocks), "model.stages.use", LAYERS)


def test_copies_within_copies_that_only_expressions_tell() -> None:
    blocks = {"mine": {"params": {"n": 1}, "layers": {"a": {"block": "identity", "repeat": "n"}}}}
    refused(model({"use": {"block": "mine", "n": 1000, "repeat": 1000}}, blocks=blocks), "model.stages.use", LAYERS)


def test_layers_that_are_absent_count_too() -> None:
    blocks = {"mine": {"layers": {"a": {"block": "identity", "when": False, "repeat": 1000}}}}
    refused(model({"use": {"block": "mine", "repeat": 1000}}, blocks=blocks), "model.stages.use", LAYERS)


def test_a_few_lines_that_double_forty_times() -> None:
    blocks: dict[str, Any] = {
        f"b{i}": {"layers": {"a": {"block": f"b{i + 1}"}, "b": {"block": f"b{i + 1}"}}} for i in range(40)
    }
    blocks["b40"] = {"layers": chain("a")}
    refused(model({"use": {"block": "b0"}}, blocks=blocks), "model.stages.use", LAYERS)


def test_a_block_that_is_large_but_absent_does_not_count() -> None:
    blocks = {
        "huge": {"layers": {"a": {"block": "identity", "repeat": 100_000}}},
        "mine": {"layers": chain("a", b={"block": "huge", "when": "1 > 2", "repeat": 10})},
    }
    source = model({"use": {"block": "mine"}, "gone": {"block": "huge", "when": False}}, blocks=blocks)
    assert list(nodes(source)) == ["stages.use", "stages.use.a"]


def test_a_parameter_that_is_called_like_a_large_block_is_not_that_block() -> None:
    blocks = {
        "huge": {"layers": {"a": {"block": "identity", "repeat": 100_000}}},
        "mine": {
            "params": {"huge": {"type": "block", "default": "conv"}},
            "layers": {"a": {"block": "huge", "out": 3}},
        },
    }
    assert list(nodes(model({"use": {"block": "mine"}}, blocks=blocks))) == ["stages.use", "stages.use.a"]


def test_a_billion_copies() -> None:
    source = model({"a": {"block": "identity", "repeat": 10**9}})
    refused(source, "model.stages.a.repeat", "1000000000 is too large; at most 100,000")


@pytest.mark.parametrize("out", [10**12, 1e12, "10**6 * 10**6", "9**9**9", float("inf")])
def test_channels_beyond_ten_million(out: Any) -> None:
    with pytest.raises(Exception, match=r"^model.*(too large|beyond|whole number)") as caught:
        expand(model({"a": conv(out)}))
    assert type(caught.value).__name__ == "ConfigError"


def test_ten_million_channels_are_described_at_once() -> None:
    assert nodes(model({"a": conv(10**7)}))["stages.a"].shapes == ((10**7, 8, 8),)


def test_channels_that_grow_beyond_ten_million_by_joining() -> None:
    layers: dict[str, Any] = chain("c0")
    layers |= {f"c{i}": {"block": "concat", "from": [f"c{i - 1}"] * 10} for i in range(1, 9)}
    refused(model(layers), "model.stages.c7", "[40000000, 8, 8] has a side beyond 10,000,000")


def test_a_feature_map_that_grows_beyond_ten_million() -> None:
    source = model({"up": {"block": "upsample", "factor": 64, "repeat": 10}})
    refused(source, "model.stages.up", "17,596,482,060,544 output elements per image", "at most 100,000,000,000")
    refused(model({"a": conv(kernel=1, padding=10**7)}), "model.stages.a", "has a side beyond 10,000,000")


def test_fifty_blocks_within_one_another_are_allowed_and_one_more_is_not() -> None:
    assert len(nodes(nest(50))) == 51
    source = nest(51)
    with pytest.raises(Exception, match=r"blocks are nested deeper than 50") as caught:
        expand(source)
    assert str(caught.value).startswith("model.stages.use -> model.blocks.b0.layers.a -> ")


def test_a_thousand_blocks_within_one_another() -> None:
    with pytest.raises(Exception, match=r"^model.*blocks are nested deeper than 50"):
        expand(nest(1000))


def test_a_block_that_contains_itself() -> None:
    blocks = {"mine": {"layers": chain("a", b={"block": "mine"})}}
    where = "model.stages.use -> model.blocks.mine.layers.b.block"
    refused(model({"use": {"block": "mine"}}, blocks=blocks), where, "the block contains itself: mine -> mine")


def test_blocks_that_contain_one_another() -> None:
    blocks = {"one": {"layers": {"a": {"block": "two"}}}, "two": {"layers": {"a": {"block": "one"}}}}
    where = "model.stages.use -> model.blocks.one.layers.a -> model.blocks.two.layers.a.block"
    refused(model({"use": {"block": "one"}}, blocks=blocks), where, "contains itself: one -> two -> one")


def test_a_block_that_is_given_itself() -> None:
    blocks = {"mine": {"params": {"body": "block"}, "layers": {"a": {"block": "body", "body": "body"}}}}
    source = model({"use": {"block": "mine", "body": "mine"}}, blocks=blocks)
    refused(source, "model.stages.use -> model.blocks.mine.layers.a.block", "contains itself")


def test_a_mapping_that_is_nested_beyond_reading() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"x": deep}
    refused(model({"a": conv(deep)}), "model", "nested too deeply")
    itself: dict[str, Any] = model({"a": conv()})
    itself["stages"]["b"] = itself
    refused(itself, "model", "nested too deeply")


def test_a_number_that_python_cannot_print() -> None:
    refused(model({"a": conv(16**5000)}), "model.stages.a.out", "beyond every limit")


def test_a_hundred_billion_parameters_are_allowed_and_more_are_not() -> None:
    wide = {"a": conv(10**6, kernel=1, bias=False), "b": conv(10**5 - 40, kernel=1, bias=False)}
    assert describe(model(wide)).params == 10**11 - 36 * 10**6
    source = model({**wide, "c": conv(500, kernel=1, bias=False)})
    refused(source, "model.stages.c", "100,013,980,000 parameters up to here; at most 100,000,000,000")


def test_a_hundred_billion_elements_are_allowed_and_more_are_not() -> None:
    half = {"input": [5, 10**5, 10**5]}
    assert describe(half | {"stages": chain("a")}).activations == 5 * 10**10
    telling = "150,000,000,000 output elements per image up to here; at most 100,000,000,000"
    refused(half | {"stages": chain("a", "b")}, "model.stages.b", telling)
    refused({"input": [11, 10**5, 10**5], "stages": chain("a")}, "model.input", "at most 100,000,000,000")
    several = {"inputs": {"a": [1, 1, 1], "b": [11, 10**5, 10**5]}}
    refused(
        several | {"stages": {"c": {"block": "identity", "from": "a"}}}, "model.inputs.b", "at most 100,000,000,000"
    )


def test_twenty_thousand_different_layers_are_allowed_and_more_are_not() -> None:
    layers = {"a": {"block": "dropout", "rate": "0.5 * copy / copies", "repeat": 19_999}}
    assert len(nodes(model({**layers, "b": {"block": "identity", "repeat": 1}}))) == 20_000
    refused(model(layers, head=chain("b", "c")), "model.head.c", "more than 20,000 layers differ from one another")


def test_a_million_values_can_be_read_and_more_cannot() -> None:
    fans = {f"f{i}": {"block": "concat", "from": "x.*"} for i in range(12)}
    layers = {"x": {"block": "identity", "repeat": 90_000}, **fans}
    refused(model(layers, input=[1, 1, 1]), "model.stages.f10", "read more than 1,000,000 values")


def test_absent_copies_that_are_alike_are_counted_too() -> None:
    source = model({"a": {"block": "identity", "when": "in_channels > 4", "repeat": 99_999}, **chain("b")})
    assert list(nodes(source)) == ["stages.b"]
    refused(model(source["stages"], head=chain("c")), "model.head.c", LAYERS)


def test_yaml_that_stands_for_too_much(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a [1, 2, 3, 4]\nb: &b [" + "*a, " * 200 + "]\nc: [" + "*b, " * 300 + "]\n")
    refused(path, str(path), "more than 100,000 values in it, aliases written out")
    path.write_text("a: " + "x" * 10_001)
    refused(path, str(path), "a text in it is longer than 10,000 characters")
    path.write_text("a: &a [1, 2, 3, 4]\nb: [*a, *a]\n" + "input: [1, 1, 1]\n")
    refused(path, "model.a", "no such key of a model")


def test_an_override_nested_a_thousand_deep() -> None:
    override = "model.stages.a.out=" + "[" * 1000 + "]" * 1000
    refused(model({"a": conv()}), "model", "nested too deeply", overrides=[override])
