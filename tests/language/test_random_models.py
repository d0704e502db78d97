"""Five hundred random models: each is built exactly as predicted, or refused at a key path; nothing else happens."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import torch
from hypothesis import HealthCheck, given, settings

from archbuilder.api import describe, expand
from archbuilder.assemble import assemble
from archbuilder.description import describe_graph
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, flatten, walk
from archbuilder.graph_json import from_json, to_json
from archbuilder.primitives import check
from tests.language.random_models import anything

EXAMPLES = 500
MOST_PARAMS = 300_000
MOST_ELEMENTS = 200_000


def _graph_or_refusal(source: Any) -> Graph | ConfigError:
    try:
        return expand(source)
    except ConfigError as refusal:
        return refusal


def judge(source: Any) -> str:
    """Return what became of a model, having checked that it is as promised."""
    graph = _graph_or_refusal(source)
    if isinstance(graph, ConfigError):
        assert re.match(r"(model($|[. ])|conf/block/)", graph.where), graph
        assert graph.what
        assert "\n" not in str(graph)
        return "refused"
    description = describe_graph(graph)
    assert description == describe(source)
    check(graph)
    assert from_json(to_json(graph)) == graph
    if description.params > MOST_PARAMS or max(map(math.prod, flatten(graph).shapes)) > MOST_ELEMENTS:
        return "described"
    network = assemble(graph)
    assert sum(parameter.numel() for parameter in network.parameters()) == description.params
    for training in (True, False):
        made = network.train(training)(*(torch.randn(2, *shape) for shape in graph.inputs.values()))
        assert tuple(made.shape) == (2, *graph.shapes[0])
    assert all(network.get_submodule(path) is not None for path, _ in walk(graph))
    return "built"


def test_built_as_predicted_or_refused_at_a_key_path() -> None:
    became: Counter[str] = Counter()

    @given(anything)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def every(source: Any) -> None:
        became[judge(source)] += 1

    every()
    # The strategy is honest only where it makes enough of both kinds.
    assert became.total() >= EXAMPLES
    assert became["built"] >= became.total() / 4
    assert became["refused"] >= became.total() / 4
