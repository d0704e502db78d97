"""The cost of a network: totals, layers, and the most activations alive at once."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from archbuilder.api import describe, expand, models
from archbuilder.description import describe_graph
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, flatten, without_auxiliary
from tests.language.models import chain, conv, model
from tests.language.random_models import models as random_models

SMALL = [name for name in models() if not name.startswith("imagenet/")]


def most_alive(graph: Graph) -> int:
    """Return the most elements alive at once, by asking before and after every layer who still needs what."""
    flat = flatten(graph)
    size = [math.prod(shape) for shape in flat.shapes]
    made_at = dict.fromkeys(flat.inputs, -1) | {v: i for i, call in enumerate(flat.calls) for v in call.outputs}
    never = len(flat.calls)
    needed_until = {
        value: max(
            [i for i, call in enumerate(flat.calls) if value in call.inputs]
            + [made_at[value]]
            + ([never] if value in flat.outputs else [])
            # An input that nobody reads is the caller's, and stays.
            + ([never] if value in flat.inputs and all(value not in call.inputs for call in flat.calls) else [])
        )
        for value in made_at
    }
    return max(
        sum(size[value] for value in made_at if made_at[value] <= now <= needed_until[value])
        for now in range(-1, len(flat.calls))
    )


@pytest.mark.parametrize("name", SMALL)
def test_totals_are_sums_over_the_layers(name: str) -> None:
    description = describe(name)
    for total in ("params", "macs", "activations"):
        assert getattr(description, total) == sum(getattr(layer, total) for layer in description.layers)
    assert description.params > 0


@pytest.mark.parametrize("name", SMALL)
def test_layers_are_those_of_the_graph(name: str) -> None:
    graph, description = expand(name), describe(name)
    calls = flatten(graph).calls
    assert [layer.path for layer in description.layers] == [call.path for call in calls]
    assert [layer.op for layer in description.layers] == [call.leaf.op for call in calls]
    assert [layer.shape for layer in description.layers] == [call.leaf.shapes[0] for call in calls]
    assert description.inputs == graph.inputs
    assert description.outputs == graph.shapes
    assert description.name == graph.name


def test_a_convolution_by_hand() -> None:
    description = describe(model({"a": conv(6, kernel=3, stride=2)}))
    [layer] = description.layers
    assert (layer.path, layer.op, layer.shape) == ("stages.a", "conv", (6, 4, 4))
    assert (layer.params, layer.macs) == (6 * 4 * 9 + 6, 6 * 4 * 9 * 16)
    assert (layer.activations, description.peak_activations) == (6 * 16, 4 * 64 + 6 * 16)


def test_all_outputs_of_a_layer_count_as_activations() -> None:
    layers = {"a": {"block": "split", "parts": 2}, "b": {"block": "concat", "from": "a.*"}}
    assert [layer.activations for layer in describe(model(layers)).layers] == [256, 256]


@pytest.mark.parametrize(
    ("layers", "maps"),
    [
        (chain("a"), 2),
        (chain("a", "b", "c"), 2),
        # While `b` runs, `a` waits for the sum.
        (chain("a", "b", "c", sum={"block": "add", "from": ["a", "c"]}), 3),
        (chain("a", "b", "c", sum={"block": "add", "from": ["input", "a", "b", "c"]}), 5),
        # `lost` is read by nobody.
        (chain("a", lost={"block": "identity", "from": "a"}, b={"block": "identity", "from": "a"}), 2),
    ],
)
def test_peak_of_equal_maps(layers: dict[str, Any], maps: int) -> None:
    assert describe(model(layers)).peak_activations == maps * 4 * 8 * 8


@pytest.mark.parametrize("name", SMALL)
def test_peak_agrees_with_asking_at_every_step(name: str) -> None:
    assert describe(name).peak_activations == most_alive(expand(name))


@given(random_models())
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_peak_agrees_for_random_models(source: dict[str, Any]) -> None:
    try:
        graph = expand(source)
    except ConfigError:
        return
    # The peak is that of the network as it is used: heads that exist for training alone are left out.
    assert describe_graph(graph).peak_activations == most_alive(without_auxiliary(graph))


def test_several_inputs_are_alive_from_the_start() -> None:
    source = {
        "inputs": {"a": [1, 2, 2], "b": [3, 2, 2]},
        "stages": {"x": {"block": "identity", "from": "a"}, "y": {"block": "concat", "from": ["x", "b"]}},
    }
    assert describe(source).peak_activations == 4 * (1 + 3 + 4)


def test_the_field_of_a_network_is_that_of_its_last_map_and_depth_is_its_longest_way() -> None:
    layers = {
        "a": conv(4),
        "b": conv(4, kernel=5),
        "c": conv(4, **{"from": "a"}),
        "join": {"block": "add", "from": ["b", "c"]},
        "pool": {"block": "global_pool"},
        "last": {"block": "linear", "out": 3},
    }
    description = describe(model(layers))
    assert (description.receptive_field, description.depth) == ((7, 7), 3)
    assert [layer.receptive_field[0] for layer in description.layers] == [3, 7, 5, 7, 8, 8]


def test_a_network_of_no_layers_at_all() -> None:
    description = describe(model({"a": conv(4, when=False)}))
    assert (description.layers, description.receptive_field, description.depth) == ((), (1, 1), 0)


def test_depth_and_field_leave_auxiliary_heads_out() -> None:
    head = {"deep": {"block": "conv", "from": "stages.a", "out": 4, "kernel": 7, "weight": 1}}
    assert describe(model({"a": conv(4)}, outputs=head)).receptive_field == (3, 3)
    assert describe(model({"a": conv(4)}, outputs=head)).depth == 1


def test_json() -> None:
    description = describe("article/fuse")
    content = json.loads(json.dumps(description.to_json()))
    assert content == {
        "name": "article/fuse",
        "inputs": {"left": [32, 28, 28], "right": [64, 28, 28]},
        "outputs": [[64, 28, 28]],
        "params": 6208,
        "macs": 96 * 64 * 784,
        "inference_params": 6208,
        "inference_macs": 96 * 64 * 784,
        "activations": 64 * 784,
        "peak_activations": 160 * 784,
        "depth": 1,
        "receptive_field": [1, 1],
        "layers": [
            {
                "path": "stages.fuse",
                "op": "fuse",
                "shape": [64, 28, 28],
                "params": 6208,
                "macs": 96 * 64 * 784,
                "activations": 64 * 784,
                "receptive_field": [1, 1],
                "auxiliary": False,
            }
        ],
    }
