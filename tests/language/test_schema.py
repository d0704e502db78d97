"""The JSON Schema: it accepts what the language accepts, and refuses what people mistype."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from archbuilder.api import expand, models
from archbuilder.cli import main
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, walk
from archbuilder.language.blocks import KEYS as BLOCK_KEYS
from archbuilder.language.model import KEYS as MODEL_KEYS
from archbuilder.language.model import SECTIONS
from archbuilder.language.schema import schema
from archbuilder.language.source import library
from archbuilder.language.yaml import load
from archbuilder.paths import conf_dir
from archbuilder.primitives import REGISTRY, params_of
from tests.language.random_models import anything

BLOCKS = sorted((conf_dir() / "block").glob("*.yaml"))
MODEL: dict[str, Any] = {
    "input": [3, 8, 8],
    "classes": 10,
    "style": {"norm": "batch", "act": "relu"},
    "scale": {"width": 2},
    "blocks": {
        "mine": {
            "params": {"out": "channels", "gate": {"default": "relu"}},
            "layers": {"a": {"block": "conv", "out": "out", "act": "gate"}},
        }
    },
    "stem": {"conv": {"block": "conv", "out": 8, "kernel": [3, 1], "padding": "auto"}},
    "stages": {
        "wide": {"block": "bottleneck", "out": 16, "repeat": 2, "stride": 2},
        "own": {"block": "mine", "out": "2 * in_channels", "gate": "silu"},
        "gone": None,
        "pool": {"block": "max_pool", "kernel": 2, "when": "in_channels > 3"},
        "sum": {"block": "add", "from": ["wide", "wide.1"], "act": "style"},
    },
    "head": {"pool": {"block": "global_pool"}, "linear": {"block": "linear", "out": "classes"}},
    "outputs": {"aux": {"from": "stages.own", "block": "auxiliary_head", "classes": "classes", "weight": 0.3}},
}
BLOCK: dict[str, Any] = {
    "params": {"out": {"type": "channels", "doc": "channels"}, "kernel": 3},
    "style": {"act": "relu"},
    "layers": {"a": {"block": "conv", "out": "out", "kernel": "kernel"}, "b": {"block": "basic", "out": "out"}},
}
VARIANT: dict[str, Any] = {
    "defaults": ["/model/resnet20@_here_", "_self_"],
    "stages": {"stage1": {"repeat": 9}, "stage2": None, "stage3": {"block": "bottleneck", "ratio": 2}},
}


@lru_cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema(library()))


def mistakes(content: Any) -> list[ValidationError]:
    """Return what the schema finds wrong."""
    return list(validator().iter_errors(json.loads(json.dumps(content))))


def changed(content: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy with one value set, or taken out where it is `...`."""
    new = copy.deepcopy(dict(content))
    *outer, last = path.split(".")
    inside = new
    for key in outer:
        inside = inside.setdefault(key, {})
    if value is ...:
        del inside[last]
    else:
        inside[last] = value
    return new


def test_it_is_a_schema_itself() -> None:
    Draft202012Validator.check_schema(schema(library()))


def test_it_says_nothing_by_keywords_that_editors_do_not_know() -> None:
    text = json.dumps(schema(library()))
    newer = ("unevaluatedProperties", "prefixItems", "dependentRequired", "dependentSchemas", "$dynamicRef", "$anchor")
    assert not [keyword for keyword in newer if keyword in text]


@pytest.mark.parametrize("name", models())
def test_every_shipped_model_is_valid(name: str) -> None:
    assert mistakes(load(conf_dir() / "model" / f"{name}.yaml")) == []


@pytest.mark.parametrize("path", BLOCKS, ids=lambda path: path.stem)
def test_every_shipped_block_is_valid(path: Path) -> None:
    assert mistakes(load(path)) == []


@pytest.mark.parametrize("content", [MODEL, BLOCK, VARIANT], ids=["model", "block", "variant"])
def test_the_examples_below_are_valid_before_they_are_spoilt(content: dict[str, Any]) -> None:
    assert mistakes(content) == []


def test_the_example_model_is_one() -> None:
    assert expand(MODEL).outputs


MISTAKES: list[tuple[dict[str, Any], str, Any]] = [
    (MODEL, "stgaes", {}),
    (MODEL, "input", ...),
    (MODEL, "inputs", {"a": [3, 8, 8]}),
    (MODEL, "input", [3, 8]),
    (MODEL, "input", [3, 8, 0]),
    (MODEL, "classes", 0),
    (MODEL, "style.acct", "relu"),
    (MODEL, "style.act", "rellu"),
    (MODEL, "style.bias", 1),
    (MODEL, "style.eps", -1),
    (MODEL, "scale.widht", 2),
    (MODEL, "scale.width", -1),
    (MODEL, "budget", {}),
    (MODEL, "budget.params", "300 k"),
    (MODEL, "budget.flops", "3M"),
    (MODEL, "params", {"growth": {"typ": "channels"}}),
    (MODEL, "params", {"growth": {"type": "channel"}}),
    (MODEL, "params", {"growth": {"doc": "neither type nor default"}}),
    (MODEL, "params", {"growth": "2 * 4"}),
    (MODEL, "stem.conv.block", ...),
    (MODEL, "stem.conv.block", 3),
    (MODEL, "stem.conv.kernal", 3),
    (MODEL, "stem.conv.kernel", [3, 3, 3]),
    (MODEL, "stem.conv.kernel", 0),
    (MODEL, "stem.conv.kernel", 1.5),
    (MODEL, "stem.conv.stride", -1),
    (MODEL, "stem.conv.act", "rellu"),
    (MODEL, "stem.conv.act", None),
    (MODEL, "stem.conv.order", "act_norm_conv"),
    (MODEL, "stem.conv.depthwise", 1),
    (MODEL, "stem.conv.weight", 1),
    (MODEL, "stem.conv.style", {"act": "rellu"}),
    (MODEL, "stem.conv.repeat", 0),
    (MODEL, "stem.conv.from", []),
    (MODEL, "stem.conv.from", 1),
    (MODEL, "stem.conv-1", {"block": "conv", "out": 8}),
    (MODEL, "stem.conv", "conv"),
    (MODEL, "stages.wide.ratoi", 3),
    (MODEL, "stages.wide.out", ...),
    (MODEL, "stages.wide.out", -8),
    (MODEL, "stages.pool.kernel", ...),
    (MODEL, "head.pool.mode", "mean"),
    (MODEL, "head.linear.norm", "batch"),
    (MODEL, "outputs.aux.from", ...),
    (MODEL, "outputs.aux.weight", -1),
    (MODEL, "outputs.aux.clases", 10),
    (MODEL, "blocks.mine.layers", ...),
    (MODEL, "blocks.mine.layer", {}),
    (MODEL, "blocks.mine.layers.a.otu", 4),
    (MODEL, "blocks.mine.layers.b", {"block": "fire", "sqeeze": 3}),
    (BLOCK, "parms", {}),
    (BLOCK, "layers.a.otu", 4),
    (BLOCK, "layers.a.stride", 0),
    (BLOCK, "layers.b.ratoi", 4),
    (BLOCK, "layers.b.out", ...),
    (BLOCK, "layers.a.block", ...),
    (BLOCK, "params.out.tpye", "channels"),
    (BLOCK, "inputs", ["a", "a"]),
    (BLOCK, "input", [3, 8, 8]),
    (VARIANT, "stgaes", {}),
    (VARIANT, "stages.stage1.repeat", 0),
    (VARIANT, "stages.stage3.ratoi", 4),
]


@pytest.mark.parametrize(("content", "path", "value"), MISTAKES, ids=lambda value: str(value)[:30])
def test_a_typical_mistake_is_refused(content: dict[str, Any], path: str, value: Any) -> None:
    assert mistakes(changed(content, path, value))


@pytest.mark.parametrize("primitive", sorted(REGISTRY))
def test_every_primitive_refuses_a_misspelt_parameter_and_knows_its_own(primitive: str) -> None:
    def says(**keys: Any) -> list[ValidationError]:
        return mistakes({**VARIANT, "stages": {"a": {"block": primitive, **keys}}})

    assert says(prameter=1)
    assert all(not says(**{key: "x"}) for key in params_of(REGISTRY[primitive]))


@pytest.mark.parametrize(
    ("content", "path", "value"),
    [
        (MODEL, "stages.own.anything", [1, {"goes": "here"}]),
        (MODEL, "stages.own.weight", 1),
        (MODEL, "stem.conv.stride", "2 if copy == 0 else 1"),
        (MODEL, "stem.conv.stride", 2.0),
        (MODEL, "stem.conv.out", "${model.input.0}"),
        (MODEL, "stem.conv.act", "${model.style.act}"),
        (MODEL, "stages.wide", "${model.stem.conv}"),
        (MODEL, "stem.conv.eps", "style"),
        (MODEL, "stem.conv.bias", "in_channels > 3"),
        (MODEL, "blocks.fire", {"params": {"x": 1}, "layers": {"a": {"block": "conv", "out": "x"}}}),
        (MODEL, "budget.params", "1.5M"),
        (MODEL, "budget.params", 300000),
        (MODEL, "head", None),
        (BLOCK, "layers.a.act", "kernel"),
        (VARIANT, "stages.stage1.anything", 1),
        (VARIANT, "params.dropout", {"default": 0.5}),
        (VARIANT, "stages.stage3", {"block": "conv", "act": "a_parameter_of_the_model_it_inherits"}),
    ],
)
def test_what_the_language_allows_is_not_refused(content: dict[str, Any], path: str, value: Any) -> None:
    assert mistakes(changed(content, path, value)) == []


def test_a_blocks_own_definition_wins_over_the_shipped_one() -> None:
    own = {"params": {"wide": "channels"}, "layers": {"a": {"block": "conv", "out": "wide"}}}
    calls = {"a": {"block": "fire", "wide": 8}}
    outer = {"layers": {"a": {"block": "fire", "wide": 8}}}
    model = {"input": [3, 8, 8], "blocks": {"fire": own, "outer": outer}, "stages": calls}
    assert expand(model).nodes
    assert mistakes(model) == []
    assert mistakes({**model, "blocks": {"squeeze": own}})


def test_blocks_of_a_folder_of_ones_own_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("params: {wide: channels}\nlayers: {a: {block: conv, out: wide}}\n")
    of_folder = Draft202012Validator(schema(library([tmp_path])))
    for keys, right in (({"wide": 8}, True), ({"wdie": 8}, False), ({}, False)):
        model = {"input": [3, 8, 8], "stages": {"a": {"block": "mine", **keys}}}
        assert of_folder.is_valid(model) is right


def test_every_key_has_its_doc() -> None:
    made = schema(library())
    keys = made["$defs"]["model"]["properties"]
    assert {*keys} == {"defaults", *MODEL_KEYS}
    assert {*made["$defs"]["block"]["properties"]} == {*BLOCK_KEYS}
    assert all(key["description"] for key in keys.values())
    for name in ("primitive", "composite"):
        for rule in made["$defs"][name]["allOf"]:
            said = rule["then"]
            assert said["description"], rule["if"]
            assert all(value is True or value.get("description") for value in said["properties"].values()), rule["if"]


def made(graph: Graph, path: list[str | int]) -> bool:
    """Tell whether the layer at a path of a model's file is in the network: others are never evaluated."""
    nodes = dict(walk(graph))
    if len(path) > 1 and path[0] in SECTIONS:
        return any(name.split(".")[:2] == path[:2] for name in nodes)
    if len(path) > 3 and path[0] == "blocks":
        of_block = [node for node in nodes.values() if isinstance(node, Graph) and node.block == path[1]]
        return any(inner.name.split(".")[0] == path[3] for node in of_block for inner in node.nodes)
    return True


def test_whatever_the_language_builds_is_valid() -> None:
    became: Counter[str] = Counter()

    @given(anything)
    @settings(max_examples=120, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def every(source: Any) -> None:
        try:
            graph = expand(source)
        except ConfigError:
            became["refused"] += 1
            return
        became["built"] += 1
        wrong = [error for error in mistakes(source) if made(graph, list(error.absolute_path))]
        assert wrong == [], source

    every()
    assert became["built"] >= became.total() / 3


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["schema"])
    assert json.loads(capsys.readouterr().out) == schema(library())


def test_the_command_writes_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    main(["schema", "--to", str(tmp_path / "new" / "schema.json")])
    assert json.loads((tmp_path / "new" / "schema.json").read_text()) == schema(library())
    assert "schema.json" in capsys.readouterr().out
