"""Where things are drawn: nothing overlaps, boxes hold what is in them, and no edge crosses a node."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from archbuilder.api import expand, models
from archbuilder.errors import ConfigError
from archbuilder.show.diagram import Diagram, Part, diagram
from archbuilder.show.layout import MOST_ITEMS, Line, Placed, place
from archbuilder.show.tree import network
from tests.language.models import conv, model
from tests.language.random_models import models as random_models
from tests.show.networks import UNET, made


def placed(drawn: Diagram) -> Placed:
    def every(parts: tuple[Part, ...]) -> Iterator[Part]:
        for part in parts:
            yield part
            yield from every(part.parts)

    size = {part.path: (40.0 + 7 * len(part.path), 50.0) for part in every(drawn.parts)}
    return place(drawn, size, dict.fromkeys(size, 80.0))


def all_in(box: Placed) -> Iterator[Placed]:
    for inner in box.inside:
        yield inner
        yield from all_in(inner)


def lines_in(box: Placed) -> Iterator[Line]:
    yield from box.lines
    for inner in box.inside:
        yield from lines_in(inner)


def apart(one: Placed, two: Placed) -> bool:
    beside = one.x + one.width < two.x or two.x + two.width < one.x
    return beside or one.y + one.height < two.y or two.y + two.height < one.y


def points(line: Line) -> Iterator[tuple[float, float]]:
    """Yield points along an edge as it is drawn: straight down, or a curve from one column to another."""
    for (x, y), (to_x, to_y) in itertools.pairwise(line.corners):
        for step in range(21):
            t = step / 20
            across = 3 * t**2 - 2 * t**3
            down = 3 * t * (1 - t) / 2 + t**3 if x != to_x else t
            yield x + (to_x - x) * across, y + (to_y - y) * down


def check(root: Placed) -> None:
    """Check a whole drawing; on its rim a node may be touched where an edge starts or ends."""
    for box in (root, *all_in(root)):
        for one, two in itertools.combinations(box.inside, 2):
            assert apart(one, two), (one.part.path, two.part.path)
        for inner in box.inside:
            assert box.x <= inner.x, inner.part.path
            assert inner.x + inner.width <= box.x + box.width, inner.part.path
            assert box.y <= inner.y, inner.part.path
            assert inner.y + inner.height <= box.y + box.height, inner.part.path
    nodes = [inner for inner in all_in(root) if not inner.inside]
    for line in lines_in(root):
        assert all(high <= low for (_, high), (_, low) in itertools.pairwise(line.corners)), "edges run downwards"
        for x, y in points(line):
            for node in nodes:
                inside = node.x + 1 < x < node.x + node.width - 1 and node.y + 1 < y < node.y + node.height - 1
                assert not inside, (line.source, line.target, node.part.path)


def check_ends(drawn: Diagram, root: Placed) -> None:
    """Check that every edge can be followed from its source to its target, through the rims of boxes."""
    where = {inner.part.path: inner for inner in all_in(root)}
    for source, target in drawn.edges:
        one, two = where[source], where[target]
        starts = [line for line in lines_in(root) if line.source == source]
        reached = {(one.x + one.width / 2, one.y + one.height)}
        for _ in range(len(starts) + 1):
            reached |= {line.corners[-1] for line in starts if _near(line.corners[0], reached)}
        assert _near((two.x + two.width / 2, two.y), reached), (source, target)


def _near(point: tuple[float, float], others: set[tuple[float, float]]) -> bool:
    return any(abs(point[0] - x) < 1e-6 and abs(point[1] - y) < 1e-6 for x, y in others)


SMALL = [name for name in models() if not name.startswith("imagenet/")]


@pytest.mark.parametrize("depth", [None, 2, 3, 9])
@pytest.mark.parametrize("name", ["resnet20", "inception_small", "fire_small", "mobilenet_small", "article/fuse"])
def test_shipped_networks(name: str, depth: int | None) -> None:
    drawn = diagram(made(name), depth)
    check(placed(drawn))
    check_ends(drawn, placed(drawn))


@pytest.mark.parametrize("name", ["imagenet/googlenet", "imagenet/shufflenet_v2_x0_5", "imagenet/inception_v3"])
def test_large_networks(name: str) -> None:
    check(placed(diagram(made(name), 3)))


@given(random_models())
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_networks_at_any_depth(source: dict[str, Any]) -> None:
    try:
        graph = expand(source)
    except ConfigError:
        return
    for depth in (1, 2, 3, 9):
        drawn = diagram(network(graph), depth)
        root = placed(drawn)
        check(root)
        check_ends(drawn, root)


def test_several_values_into_one_box_keep_lines_of_their_own() -> None:
    drawn = diagram(made(UNET), 5)
    root = placed(drawn)
    check(root)
    check_ends(drawn, root)
    [up] = [inner for inner in all_in(root) if inner.part.path == "stages.up1"]
    assert len(set(up.entries.values())) == len(up.entries) == 2


def test_what_is_stacked_stands_straight() -> None:
    root = placed(diagram(made("resnet20"), 3))
    blocks = [inner for inner in all_in(root) if inner.part.path.startswith("stages.") and not inner.inside]
    middles = [inner.x + inner.width / 2 for inner in blocks]
    assert len(blocks) == 9
    assert max(middles) - min(middles) < 1


def test_a_trunk_is_not_bent_by_an_auxiliary_head() -> None:
    root = placed(diagram(made("imagenet/googlenet"), 2))
    middles = {inner.part.path: inner.x + inner.width / 2 for inner in all_in(root) if not inner.part.auxiliary}
    assert max(middles.values()) - min(middles.values()) < 10


def test_edges_that_skip_ranks_are_told_apart() -> None:
    layers = {"a": conv(4), "b": conv(4), "sum": {"block": "add", "from": ["a", "b"]}}
    lines = {(line.source, line.target): line.skips for line in lines_in(placed(diagram(made(model(layers)), 5)))}
    assert lines[("stages.a", "stages.sum")] is True
    assert lines[("stages.a", "stages.b")] is False


def test_too_many_long_edges_are_refused() -> None:
    source = model({"a": conv(4, repeat=300), "all": {"block": "add", "from": "a.*"}})
    with pytest.raises(ConfigError, match=f"{MOST_ITEMS:,}"):
        placed(diagram(made(source), 5))
