"""Shipped YAML files, edited at random: each is expanded and described, or refused at a place, in a bounded time.

A thousand edits here; two thousand others: `pytest tests/language/test_random_edits.py -m slow -s`.
"""

from __future__ import annotations

import re
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from archbuilder.api import describe, expand
from archbuilder.assemble import assemble
from archbuilder.description import Description
from archbuilder.errors import ConfigError
from archbuilder.graph import Graph, Leaf, walk, without_auxiliary
from tests.language.random_edits import FILES, Edit, edit

SECONDS = 2
"""Of processor time that one edited model may take to be refused, or expanded and described."""
MOST_PARAMS = 2_000_000
MOST_ELEMENTS = 1_500_000


@contextmanager
def bounded(what: str) -> Iterator[None]:
    """Raise TimeoutError where what is inside takes more than two seconds of processor time."""

    def stop(*_: object) -> None:
        raise TimeoutError(what)

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _description_or_refusal(made: Edit) -> tuple[Graph, Description] | ConfigError:
    try:
        with bounded(made.what):
            graph = expand(made.source)
            return graph, describe(graph)
    except ConfigError as refusal:
        return refusal


def judge(made: Edit, folder: Path) -> str:
    """Return what became of an edited model, having checked that it is as promised."""
    found = _description_or_refusal(made)
    if isinstance(found, ConfigError):
        place = rf"model($|[. \[])|conf/block/|{re.escape(str(folder))}|{re.escape(folder.name)}/block/"
        assert re.match(place, found.where), found
        assert found.what
        assert "\n" not in str(found)
        return "refused"
    if found[1].params > MOST_PARAMS or found[1].activations > MOST_ELEMENTS:
        return "described"
    return _built(*found)


def _built(graph: Graph, description: Description) -> str:
    network = assemble(graph)
    assert sum(parameter.numel() for parameter in network.parameters()) == description.params
    numbers = [value for _, node in walk(graph) if isinstance(node, Leaf) for value in node.attributes.values()]
    if any(isinstance(value, int) and value > 4096 for value in numbers):
        return "built, not run"  # windows of a million pixels take their time
    with torch.no_grad():
        made = network.eval()(*(torch.randn(1, *shape) for shape in graph.inputs.values()))
    assert tuple(made.shape) == (1, *without_auxiliary(graph).shapes[0])
    return "built"


def judged(numbers: range, folder: Path) -> Counter[str]:
    """Return what became of the edits of these numbers."""
    became: Counter[str] = Counter()
    for number in numbers:
        inside = folder / str(number)
        inside.mkdir()
        made = edit(number, inside)
        try:
            became[judge(made, inside)] += 1
        except Exception as error:
            raise AssertionError(f"edit {number}, {type(error).__name__}: {made.what}") from error
    # The edits are honest only where there are enough that leave a network, too.
    assert became["refused"] >= len(numbers) / 4
    assert became["built"] >= len(numbers) / 10
    assert became["described"] >= len(numbers) / 20
    return became


def test_files_are_there() -> None:
    assert len(FILES) > 90


def test_a_thousand_edits(tmp_path: Path) -> None:
    judged(range(1000), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(1, 3))
def test_two_thousand_more(tmp_path: Path, part: int) -> None:
    print(f"part {part}: {dict(judged(range(part * 1000, part * 1000 + 1000), tmp_path))}")
