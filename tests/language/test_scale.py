"""`scale`: every literal number of channels wider, every literal repeat of `stages` longer."""

from __future__ import annotations

from typing import Any

import pytest

from archbuilder.api import describe, expand
from archbuilder.errors import ConfigError
from archbuilder.graph import Leaf, walk


def widths(source: dict[str, Any]) -> dict[str, int]:
    return {path: node.shapes[0][0] for path, node in walk(expand(source)) if isinstance(node, Leaf)}


def scaled(scale: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"input": [3, 8, 8], "classes": 10, "scale": scale, **more}


def test_literal_channels_are_scaled_and_rounded_to_the_divisor() -> None:
    layers = {"a": {"block": "conv", "out": 20}, "b": {"block": "conv", "out": 64}}
    assert widths(scaled({"width": 0.5}, stages=layers)) == {"stages.a": 16, "stages.b": 32}
    assert widths(scaled({"width": 0.5, "divisor": 1}, stages=layers)) == {"stages.a": 10, "stages.b": 32}
    assert widths(scaled({"width": 1.0}, stages=layers)) == {"stages.a": 20, "stages.b": 64}


def test_expressions_are_not_scaled_so_a_concat_is_the_sum_of_its_rounded_inputs() -> None:
    layers = {
        "a": {"block": "conv", "out": 20},
        "b": {"block": "conv", "out": "in_channels + 1"},
        "c": {"block": "concat", "from": ["a", "b"]},
        "d": {"block": "conv", "out": "fixed(20)"},
        "e": {"block": "linear", "out": "classes"},
    }
    assert list(widths(scaled({"width": 0.5}, stages=layers)).values()) == [16, 17, 33, 20, 10]


def test_literals_of_blocks_and_of_the_models_own_parameters_are_scaled_once() -> None:
    block = {
        "params": {"hidden": {"type": "channels", "default": 40}, "ratio": 4},
        "layers": {"x": {"block": "conv", "out": "hidden"}, "y": {"block": "conv", "out": 80}},
    }
    source = scaled(
        {"width": 2}, params={"width": {"type": "channels", "default": 24}, "number": 24}, blocks={"mine": block},
        stages={"a": {"block": "conv", "out": "width"}, "b": {"block": "conv", "out": "number"}, "c": {"block": "mine"},
                "d": {"block": "mine", "hidden": 8}},
    )  # fmt: skip
    assert list(widths(source).values()) == [48, 24, 80, 160, 16, 160]


def test_depth_scales_literal_repeats_of_stages_rounded_up() -> None:
    layer = {"block": "conv", "out": 4}
    source = scaled(
        {"depth": 1.1}, params={"n": 2},
        stem={"s": {**layer, "repeat": 2}},
        stages={"a": {**layer, "repeat": 1}, "b": {**layer, "repeat": 2}, "c": {**layer, "repeat": "n"}, "d": layer},
    )  # fmt: skip
    made = list(widths(source))
    assert [sum(path.startswith(name) for path in made) for name in ("stem.s", "stages.a", "stages.b", "stages.c")] == [
        2, 2, 3, 2,
    ]  # fmt: skip
    assert "stages.d" in made


@pytest.mark.parametrize("width", [0.25, 0.5, 0.75, 1.5, 2])
@pytest.mark.parametrize("name", ["resnet20", "fire_small", "inception_small", "mobilenet_small", "nin", "plain"])
def test_every_network_scales(name: str, width: float) -> None:
    params = describe(name, [f"model.scale.width={width}"]).params
    assert (params > describe(name).params) == (width > 1)


@pytest.mark.parametrize(
    ("scale", "where", "telling"),
    [
        ({"widht": 2}, "model.scale.widht", "did you mean 'width'?"),
        ({"width": 0}, "model.scale.width", "too small"),
        ({"width": "wide"}, "model.scale.width", "'wide' is not a number"),
        ({"divisor": 0}, "model.scale.divisor", "too small"),
        ({"depth": True}, "model.scale.depth", "not a number"),
    ],
)
def test_a_bad_scale_is_told(scale: dict[str, Any], where: str, telling: str) -> None:
    with pytest.raises(ConfigError, match=telling.replace("?", r"\?")) as caught:
        expand(scaled(scale, stages={"a": {"block": "conv", "out": 4}}))
    assert caught.value.where == where


def test_a_width_that_leads_beyond_the_limits_is_refused() -> None:
    with pytest.raises(ConfigError, match="too large"):
        expand(scaled({"width": 1000}, stages={"a": {"block": "conv", "out": 100_000}}))
