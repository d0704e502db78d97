"""The Graph as JSON: exact there and back, refused where it is malformed, and a hash of what matters."""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archbuilder.api import expand, models
from archbuilder.assemble import assemble
from archbuilder.description import describe_graph
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph
from archbuilder.graph_json import SCHEMA, from_json, graph_hash, to_json
from archbuilder.primitives import check
from tests.test_graph import NESTED

SMALL: dict[str, Any] = {
    "input": [4, 6, 6],
    "classes": 3,
    "style": {"norm": "batch", "act": "relu"},
    "stem": {"conv": {"block": "pointwise", "out": 4, "doc": "first"}},
    "stages": {
        "parts": {"block": "split", "parts": 2},
        "join": {"block": "concat", "from": "parts.*"},
        "stage": {"block": "basic", "out": 4, "repeat": 2, "stride": 2},
    },
    "head": {"pool": {"block": "global_pool"}, "classifier": {"block": "linear", "out": "classes"}},
}


def content() -> dict[str, Any]:
    """Return a small network as JSON data."""
    made: dict[str, Any] = json.loads(json.dumps(to_json(expand(SMALL))))
    return made


def told(spoilt: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        check(from_json(spoilt))
    return str(caught.value)


@pytest.mark.parametrize("source", [*models(), SMALL, NESTED], ids=lambda s: s if isinstance(s, str) else "mapping")
def test_there_and_back_is_exact(source: Any) -> None:
    graph = expand(source)
    text = json.dumps(to_json(graph), allow_nan=False)
    back = from_json(json.loads(text))
    assert back == graph
    assert back.shapes == graph.shapes
    assert graph_hash(back) == graph_hash(graph)
    assert json.dumps(to_json(back)) == text


def test_the_schema_version_is_written() -> None:
    assert content()["schema"] == SCHEMA


@pytest.mark.parametrize("version", [SCHEMA + 1, 0, -1, None, "1", True, 1.0, [1]])
def test_an_unknown_schema_version_is_refused_by_name(version: Any) -> None:
    assert told(content() | {"schema": version}) == (
        f"architecture.schema: version {version!r} is not known here, only {SCHEMA}"
    )


def test_a_missing_schema_version() -> None:
    spoilt = content()
    del spoilt["schema"]
    assert "architecture.schema: version None is not known" in told(spoilt)


@pytest.mark.parametrize("spoilt", [None, [], "x", 3])
def test_what_is_no_mapping(spoilt: Any) -> None:
    assert told(spoilt) == "architecture: is not a mapping"


STEM, PARTS, JOIN, STAGE = range(4)


@pytest.mark.parametrize(
    ("path", "value", "telling"),
    [
        (["colour"], 1, "architecture: unknown key 'colour'"),
        (["nodes"], {}, "architecture.nodes: is not a list"),
        (["nodes"], [], "architecture.outputs: 'head.classifier' is not made here"),
        (["inputs"], [], "architecture.inputs: is not a mapping"),
        (["inputs"], {}, "'input' is not made before this node"),
        (["inputs", "input"], [4, 6], "architecture.inputs.input: [4, 6] is no shape"),
        (["inputs", "input"], [4, 6, 0], "its sides are from 1 to 10,000,000"),
        (["inputs", "input"], [10**8, 6, 6], "its sides are from 1 to 10,000,000"),
        (["inputs", "input"], [4, 6, 6.0], "is no shape"),
        (["inputs", "input"], [4, True, 6], "is no shape"),
        (["inputs", "input"], "4x6x6", "is no shape"),
        (["outputs"], {}, "architecture.outputs: there are none"),
        (["outputs", "output"], "nothing", "architecture.outputs: 'nothing' is not made here"),
        (["outputs", "output"], 3, "3 is not a string"),
        (["reads"], ["input"], "architecture.reads: a whole network reads nothing"),
        (["reads"], "input", "architecture.reads: is not a list"),
        (["name"], 3, "architecture: 3 is not a string"),
        (["block"], None, "architecture: None is not a string"),
        (["doc"], 3, "architecture: 3 is not a string"),
        (["nodes", STEM], [], "architecture.nodes[0]: is not a mapping"),
        (["nodes", STEM, "op"], 3, "architecture.nodes[0]: 3 is not a string"),
        (["nodes", STEM, "op"], "conv", "layer stem.conv: conv has the attributes"),
        (["nodes", STEM, "reads"], [], "architecture.nodes[0]: the node reads nothing"),
        (["nodes", STEM, "reads"], ["stages.parts"], "architecture.nodes[0].reads: 'stages.parts' is not made before"),
        (["nodes", STEM, "reads"], [3], "3 is not a string"),
        (["nodes", STEM, "name"], "stages.parts", "architecture.nodes[1]"),
        (["nodes", STEM, "name"], "input", "architecture.nodes[0]: the name 'input' stands twice"),
        (["nodes", STEM, "shapes"], [], "architecture.nodes[1].reads: 'stem.conv' is not made before this node"),
        (["nodes", STEM, "shapes"], [[4, 6, 6]] * 2, "layer stem.conv: makes ((4, 6, 6),), not ((4, 6, 6), (4, 6, 6))"),
        (["nodes", STEM, "shapes"], [[4, 6, 7]], "layer stem.conv: makes ((4, 6, 6),), not ((4, 6, 7),)"),
        (["nodes", STEM, "attributes"], [], "architecture.nodes[0].attributes: is not a mapping"),
        (["nodes", STEM, "attributes", "out"], None, "architecture.nodes[0]: None is no attribute"),
        (["nodes", STEM, "attributes", "out"], {"a": 1}, "is no attribute"),
        (["nodes", STEM, "attributes", "out"], [1, "x"], "is no attribute"),
        (["nodes", STEM, "attributes", "out"], "in_channels", "layer stem.conv.out: 'in_channels' is a string"),
        (["nodes", STEM, "attributes", "out"], 5, "layer stem.conv: makes ((5, 6, 6),)"),
        (["nodes", JOIN, "name"], "stages.parts", "architecture.nodes[2]: the name 'stages.parts' stands twice"),
        (["nodes", JOIN, "name"], "stages.parts:1", "architecture.nodes[2]: the name 'stages.parts:1' stands twice"),
        (["nodes", JOIN, "reads"], ["stages.parts:2"], "'stages.parts:2' is not made before this node"),
        (["nodes", STAGE, "inputs", "input"], [4, 7, 7], "nodes[3].inputs.input: [4, 7, 7] is not the shape of"),
        (["nodes", STAGE, "inputs"], {}, "'input' is not made before this node"),
        (["nodes", STAGE, "reads"], [], "architecture.nodes[3]: the node reads nothing"),
        (["nodes", STAGE, "reads"], ["stages.join"] * 2, "architecture.nodes[3].reads: 2 values for 1 inputs"),
        (["nodes", STAGE, "nodes", 0, "op"], "linear", "layer stages.stage.0.conv1: linear has the attributes"),
    ],
)
def test_malformed(path: list[Any], value: Any, telling: str) -> None:
    spoilt = content()
    inside: Any = spoilt
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    assert telling in told(spoilt)


@pytest.mark.parametrize("key", ["name", "block", "reads", "inputs", "nodes", "outputs"])
def test_a_missing_key_of_a_graph(key: str) -> None:
    spoilt = content()
    del spoilt[key]
    assert told(spoilt) == f"architecture: the key '{key}' is missing"


@pytest.mark.parametrize("key", ["name", "reads", "attributes", "shapes"])
def test_a_missing_key_of_a_leaf(key: str) -> None:
    spoilt = content()
    del spoilt["nodes"][STEM][key]
    assert told(spoilt) == f"architecture.nodes[0]: the key '{key}' is missing"


@pytest.mark.parametrize(
    "name", ["", ".", "a.", "_a", "a b", "forward", "stem.forward", "state_dict", "a/b", "x:1", "é"]
)
def test_names_that_modules_cannot_have(name: str) -> None:
    spoilt = content()
    spoilt["nodes"][STEM]["name"] = name
    spoilt["nodes"][PARTS]["reads"] = [name]
    assert told(spoilt).startswith("architecture: ")


def test_a_node_cannot_lie_inside_another() -> None:
    spoilt = content()
    spoilt["nodes"][STEM]["name"] = "stages.parts.x"
    spoilt["nodes"][PARTS]["reads"] = ["stages.parts.x"]
    assert "'stages.parts.x' lies inside another node" in told(spoilt)


def test_more_than_a_hundred_thousand_layers() -> None:
    spoilt = content()
    spoilt["nodes"] = [spoilt["nodes"][STEM]] * 100_001
    assert told(spoilt) == "architecture.nodes: there are more than 100,000 layers"


def test_blocks_nested_beyond_fifty() -> None:
    spoilt = content()
    inner: dict[str, Any] = {"name": "a", "block": "b", "reads": ["input"], "inputs": {"input": [4, 6, 6]}}
    inner |= {"nodes": [], "outputs": {"output": "input"}}
    for _ in range(60):
        inner = {**inner, "nodes": [inner], "outputs": {"output": "a"}}
    spoilt["nodes"] = [inner]
    assert "blocks are nested deeper than 50" in told(spoilt)


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 2, 3, 4, 5, 8, -1, 10**6, 1.5, 2.0, float("nan"), float("inf")]),
    st.sampled_from(["", "input", "none", "linear", "conv", "gelu", "batch", "norm_act_conv", "stem.conv", "forward"]),
    st.sampled_from([[], [1], [4], [3, 3], [4, 6, 6], ["input"], ["stem.conv"], {}, {"output": "input"}, [[4, 6, 6]]]),
    st.text(max_size=3),
)


def _places(inside: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = inside.items() if isinstance(inside, dict) else enumerate(inside) if isinstance(inside, list) else ()
    return [found for key, value in items for found in ((*path, key), *_places(value, (*path, key)))]


VALID = content()
PLACES = _places(VALID)


def _nudged(value: Any) -> Any:
    """Return another value of the same kind, which may well be as good."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value / 2 if isinstance(value, float) else value + 1
    if isinstance(value, str):
        return {"batch": "layer", "relu": "gelu", "none": "relu"}.get(value, f"{value}x")
    return value


@st.composite
def edited(draw: st.DrawFn) -> Any:
    """Return the small network's JSON with one thing replaced, changed, deleted, renamed, doubled or swapped."""
    spoilt = copy.deepcopy(VALID)
    *path, key = draw(st.sampled_from(PLACES))
    inside: Any = spoilt
    for step in path:
        inside = inside[step]
    how = draw(st.sampled_from(["replace", "replace", "nudge", "nudge", "delete", "rename", "double", "swap"]))
    if how == "delete":
        del inside[key]
    elif how == "nudge":
        inside[key] = _nudged(inside[key])
    elif how == "rename" and isinstance(inside, dict):
        inside[draw(st.text(max_size=3))] = inside.pop(key)
    elif how == "double" and isinstance(inside, list):
        inside.insert(key, copy.deepcopy(inside[key]))
    elif how == "swap" and isinstance(inside, list):
        inside.reverse()
    else:
        inside[key] = draw(VALUES)
    return spoilt


def test_any_single_edit_is_refused_or_builds_as_it_then_says() -> None:
    became: Counter[str] = Counter()

    @given(edited())
    @settings(
        max_examples=600,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def every(spoilt: Any) -> None:
        try:
            graph = from_json(spoilt)
            check(graph)
        except ConfigError:
            became["refused"] += 1
            return
        description = describe_graph(graph)
        network = assemble(graph)
        assert sum(parameter.numel() for parameter in network.parameters()) == description.params
        made = network(*(torch.randn(2, *shape) for shape in graph.inputs.values()))
        made = made if isinstance(made, tuple) else (made,)
        assert [tuple(value.shape) for value in made] == [(2, *shape) for shape in graph.shapes]
        became["built"] += 1

    every()
    assert min(became["built"], became["refused"]) > 30, became


def renamed(graph: Graph, **changes: Any) -> Graph:
    return replace(graph, **changes)


def test_the_hash_is_that_of_the_structure() -> None:
    graph = expand(SMALL)
    assert graph_hash(graph) == graph_hash(expand(SMALL))
    assert graph_hash(renamed(graph, name="other", doc="words", block="else")) == graph_hash(graph)
    assert graph_hash(expand(SMALL | {"doc": "words"})) == graph_hash(graph)
    with_own_name = copy.deepcopy(SMALL)
    with_own_name["blocks"] = {"mine": _basic()}
    with_own_name["stages"]["stage"]["block"] = "mine"
    assert graph_hash(expand(with_own_name)) == graph_hash(graph)


def _basic() -> dict[str, Any]:
    """Return the shipped residual block under no name."""
    return {
        "params": {"out": "channels", "stride": {"default": 1, "repeat": "first"}},
        "layers": {
            "conv1": {"block": "conv", "out": "out", "stride": "stride"},
            "conv2": {"block": "conv", "out": "out", "act": "none"},
            "shortcut": {"block": "shortcut", "from": "input", "out": "out", "stride": "stride"},
            "sum": {"block": "add", "from": ["conv2", "shortcut"], "act": "style"},
        },
    }


@pytest.mark.parametrize(
    "override",
    [
        "model.input=[4,6,7]",
        "model.classes=4",
        "model.stem.conv.out=6",
        "model.stem.conv.via=linear",
        "model.stem.conv.bias=true",
        "model.style.act=gelu",
        "model.style.eps=0.001",
        "model.style.momentum=0.2",
        "model.style.order=norm_act_conv",
        "model.stages.stage.repeat=3",
        "model.stages.stage.stride=1",
        "model.stages.join.from=[parts.1,parts.0]",
        "~model.stages.stage",
        "+model.stages.more={block: identity}",
        "+model.head.act={block: act, kind: relu}",
        "model.head.pool.mode=max",
    ],
)
def test_the_hash_is_another_after_any_change(override: str) -> None:
    assert graph_hash(expand(SMALL, [override])) != graph_hash(expand(SMALL))


def test_the_hash_is_another_under_other_layer_names() -> None:
    other = copy.deepcopy(SMALL)
    other["head"]["fc"] = other["head"].pop("classifier")
    assert graph_hash(expand(other)) != graph_hash(expand(SMALL))


def test_no_two_models_share_a_hash() -> None:
    hashes = [graph_hash(expand(name)) for name in models()]
    assert len(set(hashes)) == len(hashes)
    assert all(len(value) == 64 for value in hashes)
