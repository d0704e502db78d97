"""`outputs`: auxiliary heads that exist for training alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from archbuilder.api import build, describe, expand
from archbuilder.errors import ConfigError
from archbuilder.graph import flatten
from archbuilder.graph_json import from_json, graph_hash, to_json


def source(**outputs: Any) -> dict[str, Any]:
    return {
        "input": [3, 8, 8],
        "classes": 5,
        "stages": {"a": {"block": "conv", "out": 4, "repeat": 2}, "b": {"block": "conv", "out": 6}},
        "head": {"classifier": {"block": "linear", "out": "classes"}},
        "outputs": outputs,
    }


AUX = {"from": "stages.a", "block": "linear", "out": "classes", "weight": 0.3}


def test_in_training_the_heads_come_behind_the_networks_own_output() -> None:
    net = build(source(early={**AUX, "from": "stages.a.0"}, late=AUX))
    x = torch.randn(2, 3, 8, 8)
    logits, early, late = net.train()(x)
    assert logits.shape == early.shape == late.shape == (2, 5)
    assert torch.equal(net.eval()(x), logits)
    assert net.graph.auxiliary == {"early": 0.3, "late": 0.3}


def test_a_head_runs_right_behind_the_layer_that_it_reads_and_nothing_goes_on_from_it() -> None:
    paths = [call.path for call in flatten(expand(source(aux=AUX))).calls]
    assert paths == ["stages.a.0", "stages.a.1", "outputs.aux", "stages.b", "head.classifier"]
    assert "outputs.aux.linear.weight" in build(source(aux=AUX)).state_dict()


def test_costs_are_told_with_and_without_the_heads() -> None:
    with_head, without = describe(source(aux=AUX)), describe(source())
    assert with_head.inference_params == without.params
    assert with_head.inference_macs == without.macs
    assert with_head.params == without.params + 4 * 64 * 5 + 5
    assert with_head.peak_activations == without.peak_activations
    assert [layer.path for layer in with_head.layers if layer.auxiliary] == ["outputs.aux"]


def test_json_keeps_the_heads_and_the_hash_tells_them() -> None:
    graph = expand(source(aux=AUX))
    assert from_json(json.loads(json.dumps(to_json(graph)))) == graph
    assert graph_hash(graph) != graph_hash(expand(source(aux={**AUX, "weight": 0.4})))
    assert graph_hash(graph) != graph_hash(expand(source()))


@pytest.mark.parametrize(
    "weights", [{}, {"nothing": 0.3}, {"output": 1.0}, {"aux": -1}, {"aux": "much"}, {"aux": True}]
)
def test_json_with_other_heads_than_outputs_is_refused(weights: dict[str, Any]) -> None:
    content = to_json(expand(source(aux=AUX)))
    with pytest.raises(ConfigError, match="auxiliary"):
        from_json({**content, "auxiliary": weights})


def test_a_head_that_is_null_is_absent() -> None:
    assert expand(source(aux=None)) == expand(source())


@pytest.mark.parametrize(
    ("aux", "where", "telling"),
    [
        ({"weight": 0.3, "block": "linear", "out": 5}, "model.outputs.aux", "needs from"),
        ({"from": "stages.a", "block": "linear", "out": 5}, "model.outputs.aux", "needs weight"),
        ({**AUX, "weight": -1}, "model.outputs.aux.weight", "too small"),
        ({**AUX, "weight": "much"}, "model.outputs.aux.weight", "'much' is not a number"),
        ({**AUX, "from": "stages.aa"}, "model.outputs.aux.from", "did you mean 'stages.a'"),
        ({**AUX, "from": ["stages.a", "stages.b"]}, "model.outputs.aux", "reads one layer"),
        ({**AUX, "repeat": 2}, "model.outputs.aux", "no repeat"),
        ({**AUX, "outt": 2}, "model.outputs.aux.outt", "did you mean 'out'"),
        ([1], "model.outputs.aux", "is a mapping"),
    ],
)
def test_a_bad_head_is_told(aux: Any, where: str, telling: str) -> None:
    with pytest.raises(ConfigError) as caught:
        expand(source(aux=aux))
    assert caught.value.where == where
    assert telling in str(caught.value)


def test_the_networks_own_output_has_its_name_to_itself() -> None:
    with pytest.raises(ConfigError, match="choose another name"):
        expand(source(output=AUX))
