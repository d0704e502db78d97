"""A thousand random models: each is built exactly as predicted, or refused at a key path; nothing else happens.

Ten thousand others, of another seed: `pytest tests/language/test_random_models.py -m slow -s` (about three minutes).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any
from unittest import mock

import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from torch import Tensor, nn

from archbuilder.api import describe, expand
from archbuilder.assemble import Block, assemble
from archbuilder.description import describe_graph
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, flatten, walk, without_auxiliary
from archbuilder.graph_json import from_json, to_json
from archbuilder.primitives import REGISTRY, check
from tests.language.random_models import PARAMS, SEVERAL, SINGLE, anything

MOST_PARAMS = 300_000
MOST_ELEMENTS = 100_000
SEED = 20_260
"""Of the ten thousand; any other number makes ten thousand others."""


def _graph_or_refusal(source: Any) -> Graph | ConfigError:
    try:
        return expand(source)
    except ConfigError as refusal:
        return refusal


def judge(source: Any) -> str:
    """Return what became of a model, having checked that it is as promised."""
    graph = _graph_or_refusal(source)
    with mock.patch("archbuilder.language.expand.varies", return_value=True):
        # Copies that are alike are made but once: that must not be seen.
        one_by_one = _graph_or_refusal(source)
    if isinstance(graph, ConfigError):
        assert str(one_by_one) == str(graph)
        assert re.match(r"(model($|[. \[])|conf/block/)", graph.where), graph
        assert graph.what
        assert "\n" not in str(graph)
        return "refused"
    assert one_by_one == graph
    description = describe_graph(graph)
    assert description == describe(source)
    check(graph)
    assert from_json(to_json(graph)) == graph
    if description.params > MOST_PARAMS or max(map(math.prod, flatten(graph).shapes)) > MOST_ELEMENTS:
        return "described"
    network = assemble(graph)
    assert sum(parameter.numel() for parameter in network.parameters()) == description.params
    for training, there in ((True, graph), (False, without_auxiliary(graph))):
        assert _shapes(network.train(training)) == {
            "": list(there.shapes),
            **{path: list(node.shapes) for path, node in walk(there)},
        }
    return "built"


def _shapes(network: Block) -> dict[str, list[tuple[int, ...]]]:
    """Return the shapes that every block and layer makes of one image, by their path."""
    found: dict[str, list[tuple[int, ...]]] = {}
    images = [torch.randn(2, *shape) for shape in network.graph.inputs.values()]

    def remember(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, made: Any) -> None:
            found[path] = [tuple(value.shape[1:]) for value in ((made,) if isinstance(made, Tensor) else made)]

        return hook

    paths = ["", *(path for path, _ in walk(network.graph))]
    handles = [network.get_submodule(path).register_forward_hook(remember(path)) for path in paths]
    network(*images)
    for handle in handles:
        handle.remove()
    return found


def judged(examples: int, chosen: settings, number: int | None = None) -> Counter[str]:
    """Return what became of so many random models."""
    became: Counter[str] = Counter()

    @given(anything)
    @settings(chosen, max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def every(source: Any) -> None:
        became[judge(source)] += 1

    (every if number is None else seed(number)(every))()
    # The strategy is honest only where it makes enough of both kinds.
    assert became.total() >= examples
    assert became["built"] >= became.total() / 4
    assert became["refused"] >= became.total() / 4
    return became


def test_a_thousand_are_built_as_predicted_or_refused_at_a_key_path() -> None:
    judged(1000, settings(derandomize=True))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_of_another_seed(part: int) -> None:
    print(f"part {part}: {dict(judged(1000, settings(derandomize=False), SEED + part))}")


def test_the_strategy_knows_every_primitive_and_every_type_of_parameter() -> None:
    assert set(REGISTRY) <= {*SINGLE, *SEVERAL}
    assert set(PARAMS) >= {"growth", "rate", "wide", "gate", "body", "window"}
