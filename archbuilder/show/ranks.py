"""Items in ranks: their order from left to right, and where each stands, so that links are short and seldom cross."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

ITEM_GAP = 18.0
SWEEPS = 8


@dataclass
class Item:
    """What is ranked and ordered in a box: a part, a port in its rim, or the lane of a long edge."""

    rank: int
    width: float
    height: float = 0.0
    weight: float = 1.0
    """How much it insists on its place, and others on theirs beside it."""
    x: float = 0.0
    """The middle."""


@dataclass(frozen=True)
class Link:
    """An edge between items of neighbouring ranks, with how far from their middles it starts and ends."""

    source: int
    target: int
    leaves: float
    enters: float


def ordered(items: Sequence[Item], links: Sequence[Link]) -> list[list[int]]:
    """Return the items of every rank from left to right, so that few edges cross (by barycentres)."""
    ranks: list[list[int]] = [[] for _ in range(max(item.rank for item in items) + 1)]
    for index, item in enumerate(items):
        ranks[item.rank].append(index)
    above, below = _neighbours(items, links)
    best, fewest = [list(rank) for rank in ranks], _crossings(ranks, links, items)
    for sweep in range(SWEEPS):
        near, passes = (above, ranks) if sweep % 2 == 0 else (below, ranks[::-1])
        position = {index: place for rank in ranks for place, index in enumerate(rank)}
        for rank in passes:
            middle = {i: _mean([position[j] for j, _, _ in near[i]], position[i]) for i in rank}
            rank.sort(key=lambda i: middle[i])
            position.update({index: place for place, index in enumerate(rank)})
        crossings = _crossings(ranks, links, items)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in ranks], crossings
    return best


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _neighbours(
    items: Sequence[Item], links: Sequence[Link]
) -> tuple[list[list[tuple[int, float, float]]], list[list[tuple[int, float, float]]]]:
    """Return for every item its neighbours above and below, each with the offset there and the one here."""
    above: list[list[tuple[int, float, float]]] = [[] for _ in items]
    below: list[list[tuple[int, float, float]]] = [[] for _ in items]
    for link in links:
        above[link.target].append((link.source, link.leaves, link.enters))
        below[link.source].append((link.target, link.enters, link.leaves))
    return above, below


def _crossings(ranks: Sequence[Sequence[int]], links: Sequence[Link], items: Sequence[Item]) -> int:
    """Return how many pairs of links cross."""
    position = {index: place for rank in ranks for place, index in enumerate(rank)}
    by_rank: dict[int, list[tuple[float, float]]] = {}
    for link in links:
        ends = (position[link.source] + link.leaves * 1e-4, position[link.target] + link.enters * 1e-4)
        by_rank.setdefault(items[link.source].rank, []).append(ends)
    return sum(map(_inversions, by_rank.values()))


def _inversions(ends: Sequence[tuple[float, float]]) -> int:
    """Return how many pairs stand the other way round below than above."""
    count, seen = 0, list[float]()
    for _, below in sorted(ends):
        count += len(seen) - bisect.bisect_right(seen, below)
        bisect.insort(seen, below)
    return count


def straighten(items: Sequence[Item], order: Sequence[Sequence[int]], links: Sequence[Link]) -> None:
    """Give every item its place from left to right, near those that it is linked with."""
    above, below = _neighbours(items, links)
    for rank in order:
        _spread(items, rank, [0.0] * len(rank), [1.0] * len(rank))
    for sweep in range(2 * SWEEPS):
        near, ranks = (above, order) if sweep % 2 == 0 else (below, order[::-1])
        for rank in ranks:
            wanted = [_wanted(items, i, near[i]) for i in rank]
            weights = [items[i].weight for i in rank]
            _spread(items, rank, wanted, weights)


def _wanted(items: Sequence[Item], here: int, near: Sequence[tuple[int, float, float]]) -> float:
    """Return where an item would like to be: under or over the middle of its neighbours, heads aside."""
    pull = [min(items[other].weight, 1.0) for other, _, _ in near]
    places = [items[other].x + there - own for other, there, own in near]
    return sum(p * x for p, x in zip(pull, places, strict=True)) / sum(pull) if near else items[here].x


def _spread(items: Sequence[Item], rank: Sequence[int], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """Place a rank as near to what is wanted as the widths allow: least squares, by pooling adjacent violators."""
    offsets = [0.0]
    for one, two in itertools.pairwise(rank):
        offsets.append(offsets[-1] + (items[one].width + items[two].width) / 2 + ITEM_GAP)
    pools: list[tuple[float, float, int]] = []  # where, weight, how many
    for index in range(len(rank)):
        where, weight, many = wanted[index] - offsets[index], weights[index], 1
        while pools and pools[-1][0] >= where:
            before, heavy, count = pools.pop()
            where = (before * heavy + where * weight) / (heavy + weight)
            weight, many = weight + heavy, many + count
        pools.append((where, weight, many))
    places = [where for where, _, many in pools for _ in range(many)]
    for index, item in enumerate(rank):
        items[item].x = places[index] + offsets[index]
