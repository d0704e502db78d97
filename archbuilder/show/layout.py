"""Where the parts of a diagram go: layers top to bottom, boxes inside boxes, long edges in lanes of their own.

The layered drawing of Sugiyama, Tagawa and Toda 1981, box by box from the innermost out. In a box, every item gets a
rank behind all that it reads; an edge over several ranks gets an item of no width, a lane, in each rank between; and
edges bend only between the ranks, where nothing else is. So no edge crosses an item.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from archbuilder.errors import ConfigError
from archbuilder.show.diagram import Diagram, Part
from archbuilder.show.ranks import Item, Link, ordered, straighten

Edge = tuple[str, str]

RANK_GAP = 26.0
LANE = 10.0
PADDING = 12.0
TITLE = 20.0
STEEP = 12.0
MOST_ITEMS = 30_000
# How much more than a node a lane insists on its place, and how much less an auxiliary head.
LANE_WEIGHT, ASIDE_WEIGHT = 8.0, 0.01


@dataclass
class Placed:
    """A part with its place, in pixels of the whole picture: left, top, width, height; and what is inside."""

    part: Part
    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    inside: list[Placed] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    """Inner edges, relative to the box until it is placed."""
    entries: dict[str, float] = field(default_factory=dict)
    """For each source outside, how far from the left its edge enters at the top."""
    exits: dict[str, float] = field(default_factory=dict)
    """For each source inside, how far from the left its edge leaves at the bottom."""


@dataclass
class Line:
    """One edge as the corners of a line: straight down within ranks, bent between them."""

    corners: list[tuple[float, float]]
    source: str
    target: str
    skips: bool
    ends: bool
    """Whether it ends at a node and not at the rim of a box."""


def place(diagram: Diagram, size: Mapping[str, tuple[float, float]], title: Mapping[str, float]) -> Placed:
    """Return the whole diagram placed, its parts inside a box of no part's own.

    `size` is width and height of every innermost part by path, `title` the width of every box's title. Raises
    ConfigError where the edges are too many and too long.
    """
    root = Part("", "", "", "", {}, parts=diagram.parts)
    placed = _box(root, list(diagram.edges), size, {**title, "": 0.0})
    _shift(placed, 0.0, 0.0)
    return placed


def _inner(part: Part) -> set[str]:
    """Return the paths of the innermost parts in a part."""
    return set().union(*map(_inner, part.parts)) if part.parts else {part.path}


def _box(part: Part, edges: list[Edge], size: Mapping[str, tuple[float, float]], title: Mapping[str, float]) -> Placed:
    """Return a part with everything in it laid out, relative to its own corner; `edges` are those that touch it."""
    if not part.parts:
        width, height = size[part.path]
        sources = {source for source, target in edges if target == part.path}
        middle = width / 2
        return Placed(part, width, height, entries=dict.fromkeys(sources, middle), exits={part.path: middle})
    home = {path: index for index, child in enumerate(part.parts) for path in _inner(child)}
    touching: list[list[Edge]] = [[] for _ in part.parts]
    for edge in edges:
        for index in {home[path] for path in edge if path in home}:
            touching[index].append(edge)
    children = [_box(child, touching[index], size, title) for index, child in enumerate(part.parts)]
    return _layered(part, children, home, edges, title[part.path])


def _layered(part: Part, children: list[Placed], home: Mapping[str, int], edges: list[Edge], title: float) -> Placed:
    """Return a box around children that are laid out themselves."""
    inputs = list(dict.fromkeys(source for source, target in edges if source not in home and target in home))
    outputs = list(dict.fromkeys(source for source, target in edges if source in home and target not in home))
    ranks = _ranks(len(children), home, edges)
    deepest = max(ranks) + 1
    items = [_item(child, rank) for child, rank in zip(children, ranks, strict=True)]
    enter = {source: len(items) + index for index, source in enumerate(inputs)}
    items += [_lane(0) for _ in inputs]
    leave = {source: len(items) + index for index, source in enumerate(outputs)}
    items += [_lane(deepest) for _ in outputs]
    chains = _chains(items, children, home, edges, enter, leave)
    links = [link for chain in chains.values() for link in chain]
    order = ordered(items, links)
    straighten(items, order, links)
    _align(items, list(enter.values()), list(leave.values()))
    tops, bottoms = _bands(items, order, links, bool(part.path))
    left = min(item.x - item.width / 2 for item in items)
    # The title stands left of everything that comes in from above.
    shift = PADDING - left
    if inputs:
        shift = max(shift, PADDING + title + LANE - min(items[enter[source]].x for source in inputs))
    width = max(max(item.x + item.width / 2 for item in items) + shift + PADDING, title + 2 * PADDING)
    for item in items:
        item.x += shift
    for child, item in zip(children, items, strict=False):
        child.x, child.y = item.x - item.width / 2, tops[item.rank]
    return Placed(
        part,
        width,
        bottoms[-1],
        inside=children,
        lines=[_line(items, children, chain, edge, tops, bottoms) for edge, chain in chains.items()],
        entries={source: items[index].x for source, index in enter.items()},
        exits={source: items[index].x for source, index in leave.items()},
    )


def _item(child: Placed, rank: int) -> Item:
    return Item(rank, child.width, child.height, ASIDE_WEIGHT if child.part.auxiliary else 1.0)


def _lane(rank: int) -> Item:
    return Item(rank, LANE, weight=LANE_WEIGHT)


def _ranks(count: int, home: Mapping[str, int], edges: Sequence[Edge]) -> list[int]:
    """Return the rank of every child, from 1: one more than the highest of what it reads."""
    ranks = [1] * count
    between = {(home[s], home[t]) for s, t in edges if s in home and t in home and home[s] != home[t]}
    reads: list[list[int]] = [[] for _ in range(count)]
    for source, target in between:
        reads[target].append(source)
    # Children stand in the order of execution, but a group of layers may begin before what it also reads.
    waiting = [len(sources) for sources in reads]
    ready = [index for index in range(count) if not waiting[index]]
    readers: list[list[int]] = [[] for _ in range(count)]
    for source, target in between:
        readers[source].append(target)
    while ready:
        here = ready.pop()
        for reader in readers[here]:
            ranks[reader] = max(ranks[reader], ranks[here] + 1)
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)
    return ranks


def _chains(
    items: list[Item],
    children: Sequence[Placed],
    home: Mapping[str, int],
    edges: Sequence[Edge],
    enter: Mapping[str, int],
    leave: Mapping[str, int],
) -> dict[tuple[str, int, int], list[Link]]:
    """Return the links of every edge of this box, adding a lane to `items` for each rank that it passes.

    Raises ConfigError where that makes too many.
    """
    chains: dict[tuple[str, int, int], list[Link]] = {}
    for source, target in edges:
        start = home[source] if source in home else enter[source]
        end = home[target] if target in home else leave[source]
        if start == end or (source, start, end) in chains:
            continue
        leaves = children[start].exits[source] - children[start].width / 2 if start < len(children) else 0.0
        enters = children[end].entries[source] - children[end].width / 2 if end < len(children) else 0.0
        stops = [start]
        for rank in range(items[start].rank + 1, items[end].rank):
            stops.append(len(items))
            items.append(_lane(rank))
        if len(items) > MOST_ITEMS:
            raise ConfigError("--depth", f"the edges pass more than {MOST_ITEMS:,} others: too many to draw; fold more")
        stops.append(end)
        chains[(source, start, end)] = [
            Link(one, two, leaves if one == start else 0.0, enters if two == end else 0.0)
            for one, two in itertools.pairwise(stops)
        ]
    return chains


def _align(items: Sequence[Item], inputs: Sequence[int], outputs: Sequence[int]) -> None:
    """Let the one thing that enters a box do so above the one that leaves it, so that what is stacked stays straight.

    A port may stand anywhere in the rim: there is nothing else.
    """
    if len(inputs) == len(outputs) == 1:
        items[inputs[0]].x = items[outputs[0]].x


def _bands(
    items: Sequence[Item], order: Sequence[Sequence[int]], links: Sequence[Link], titled: bool
) -> tuple[list[float], list[float]]:
    """Return top and bottom of every rank; ports lie in the rim, at rank 0 and behind the last one."""
    tops: list[float] = []
    bottoms: list[float] = []
    across = [0.0] * len(order)
    for link in links:
        one, two = items[link.source], items[link.target]
        across[one.rank] = max(across[one.rank], abs(one.x + link.leaves - two.x - link.enters))
    y = 0.0
    for rank, indices in enumerate(order):
        height = max((items[i].height for i in indices), default=0.0)
        tops.append(y)
        bottoms.append(y + height)
        # Far across, a bend needs height.
        gap = RANK_GAP + min(across[rank] / STEEP, RANK_GAP)
        y += height + (gap + TITLE / 2 if rank == 0 and titled else gap)
    if any(items[i].height for i in order[-1]):  # and not the rim
        bottoms[-1] += PADDING
    return tops, bottoms


def _line(
    items: Sequence[Item],
    children: Sequence[Placed],
    chain: Sequence[Link],
    edge: tuple[str, int, int],
    tops: Sequence[float],
    bottoms: Sequence[float],
) -> Line:
    """Return an edge as corners: down through its own column in every rank, across between two ranks."""
    corners: list[tuple[float, float]] = []
    for index, link in enumerate(chain):
        one, two = items[link.source], items[link.target]
        start = tops[one.rank] + (one.height if index == 0 else 0.0)
        corners += [(one.x + link.leaves, y) for y in dict.fromkeys((start, bottoms[one.rank]))]
        corners.append((two.x + link.enters, tops[two.rank]))
    end = children[chain[-1].target] if chain[-1].target < len(children) else None
    ends = end is not None and not end.inside
    name = end.part.path if end else ""
    return Line(corners, edge[0], name, len(chain) > 1, ends)


def _shift(placed: Placed, x: float, y: float) -> None:
    """Move a part and all in it by its own corner's place."""
    placed.x, placed.y = placed.x + x, placed.y + y
    for line in placed.lines:
        line.corners = [(left + placed.x, top + placed.y) for left, top in line.corners]
    for inner in placed.inside:
        _shift(inner, placed.x, placed.y)
