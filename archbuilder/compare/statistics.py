"""Statistics over seeds: groups of equal runs, intervals, ties, and the front of what is worth its size."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import NamedTuple

from archbuilder.compare.find import Problem, Run
from archbuilder.record import Cost, Record, Result

CONFIDENCE = 0.95
KEPT = "kept"
ALL = "all"
WEIGHTS = (KEPT, "raw", "averaged", ALL)
"""Which results of a run are compared: of the weights that it hands on (averaged ones where there are), or others."""


class Network(NamedTuple):
    """What makes two networks one: architecture, the budget that it was scaled to, if any, and cost."""

    architecture_hash: str
    budget: tuple[tuple[str, int], ...]
    cost: Cost


@dataclass(frozen=True, order=True)
class Conditions:
    """What two accuracies must share to be comparable: data, recipe, and how they were evaluated.

    `splits` are the sizes of the data's splits by name; `epochs` were trained for, which may be fewer than the recipe
    says; `n` is the number of images evaluated on.
    """

    data: str
    fingerprint: str
    splits: tuple[tuple[str, int], ...]
    recipe_hash: str
    epochs: int
    split: str
    weights: str
    n: int


@dataclass(frozen=True)
class Group:
    """The runs of one architecture under the same conditions, one run per seed, in order of seeds."""

    names: tuple[str, ...]
    network: Network
    conditions: Conditions
    runs: tuple[Run, ...]
    accuracies: tuple[float, ...]

    @property
    def architecture_hash(self) -> str:
        """The hash of the network's Graph."""
        return self.network.architecture_hash

    @property
    def cost(self) -> Cost:
        """What one image costs."""
        return self.network.cost

    @property
    def params(self) -> int:
        """Number of parameters, trainable or not."""
        return self.cost.params

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each run."""
        return tuple(run.record.seed for run in self.runs)

    @cached_property
    def mean(self) -> float:
        """Mean accuracy over seeds (0..1)."""
        return mean(self.accuracies)

    @cached_property
    def std(self) -> float | None:
        """Sample standard deviation of the accuracy over seeds, or None for one seed."""
        return std(self.accuracies)

    @cached_property
    def interval(self) -> float | None:
        """Half-width of the 95% t-interval of the mean, or None for one seed."""
        return interval(self.accuracies)


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean of at least one value."""
    return math.fsum(values) / len(values)


def std(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (n - 1 in the denominator), or None for fewer than two values."""
    if len(values) < 2:
        return None
    centre = mean(values)
    return math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))


def interval(values: Sequence[float], confidence: float = CONFIDENCE) -> float | None:
    """Return the half-width of Student's t-interval of the mean, or None for fewer than two values."""
    spread = std(values)
    if spread is None:
        return None
    from scipy.special import stdtrit

    quantile = float(stdtrit(len(values) - 1, (1 + confidence) / 2))
    return quantile * spread / math.sqrt(len(values))


def group(runs: Sequence[Run], split: str, weights: str = KEPT) -> tuple[list[Group], list[Problem]]:
    """Group runs by architecture, recipe, data and weights, with their accuracies on `split` by one of `WEIGHTS`.

    Runs without such a result are problems, and so is every run but the latest of those that differ in
    nothing, not even in the seed. Groups come in order of params, then of conditions.
    """
    evaluated, problems = [], []
    for run in runs:
        if _wanted(run.record, split, weights):
            evaluated.append(run)
        else:
            wanted, known = wanted_and_known(run.record.results, split, weights)
            problems.append(Problem(run.folder, f"has no result {wanted}; it has: {known or 'none'}"))
    latest, repeated = _latest(evaluated)
    groups = _groups(latest, split, weights)
    groups.sort(key=lambda g: (g.params, g.names, g.network.budget, g.architecture_hash, g.conditions))
    return groups, problems + repeated


def wanted_and_known(results: Iterable[Result], split: str, weights: str) -> tuple[str, str]:
    """Return in words which result is wanted, and which there are: `on the split 'val' by raw weights`, `val by raw`.

    Weights are told only where certain ones are wanted.
    """
    certain = weights not in (KEPT, ALL)
    known = dict.fromkeys(f"{each.split} by {each.weights}" if certain else each.split for each in results)
    return f"on the split '{split}'" + (f" by {weights} weights" if certain else ""), ", ".join(known)


def comparable(groups: Sequence[Group]) -> list[list[int]]:
    """Return the indices of groups that share data, recipe and evaluation, so that they may share a front."""
    sets: defaultdict[Conditions, list[int]] = defaultdict(list)
    for i, each in enumerate(groups):
        sets[each.conditions].append(i)
    return [sets[conditions] for conditions in sorted(sets)]


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (cost, accuracy) points that no other point dominates, by cost.

    A point dominates another with no more cost and no less accuracy, and better in one of the two;
    so equal points stay or go together.
    """
    front: list[int] = []
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if not front or points[i][1] > points[front[-1]][1] or points[i] == points[front[-1]]:
            front.append(i)
    return front


def ties(groups: Sequence[Group]) -> list[tuple[int, int]]:
    """Return the pairs of indices, lower first, of groups whose 95% intervals overlap.

    One seed gives no interval, so such a group is never known to tie.
    """
    spans = sorted((*span, i) for i, g in enumerate(groups) if (span := _span(g)))
    pairs: list[tuple[int, int]] = []
    for place, (_, high, i) in enumerate(spans):
        for low, _, j in spans[place + 1 :]:
            if low > high:
                break
            pairs.append((min(i, j), max(i, j)))
    return sorted(pairs)


def ties_with(some: Iterable[int], groups: Sequence[Group]) -> list[tuple[int, int]]:
    """Return those of the pairs that `ties` finds in which one of `some` indices takes part."""
    spans = [_span(g) for g in groups]
    pairs = {
        (min(i, j), max(i, j))
        for i in some
        for j, other in enumerate(spans)
        if j != i and (span := spans[i]) and other and span[0] <= other[1] and other[0] <= span[1]
    }
    return sorted(pairs)


def _span(group: Group) -> tuple[float, float] | None:
    half = group.interval
    return None if half is None else (group.mean - half, group.mean + half)


@dataclass(frozen=True)
class Difference:
    """How much more accurate one group is than another: mean over the n seeds that both have, seed by seed.

    `interval` is the half-width of its 95% t-interval, or None for one seed.
    """

    mean: float
    interval: float | None
    n: int


def paired(first: Group, second: Group) -> Difference | None:
    """Return first minus second over the seeds that they share, or None where they share none."""
    others = dict(zip(second.seeds, second.accuracies, strict=True))
    gaps = [
        accuracy - others[seed] for seed, accuracy in zip(first.seeds, first.accuracies, strict=True) if seed in others
    ]
    return Difference(mean(gaps), interval(gaps), len(gaps)) if gaps else None


def _latest(runs: Iterable[Run]) -> tuple[list[Run], list[Problem]]:
    """Keep the most recently finished of the runs that share everything, the seed included."""
    kept: dict[tuple[object, ...], Run] = {}
    problems = []
    for run in sorted(runs, key=lambda run: _finished(run.record), reverse=True):
        key = (*_identity(run.record), run.record.seed)
        first = kept.setdefault(key, run)
        if first is not run:
            reason = f"same architecture, recipe, data and seed as {first.folder}, which finished last and is counted"
            if run.record.finished_at == first.record.finished_at:
                # One run, copied or packaged twice.
                reason = f"the same run as {first.folder}, which is counted"
            problems.append(Problem(run.folder, reason))
    return list(kept.values()), problems


def _wanted(record: Record, split: str, kind: str) -> list[str]:
    """Return the weights of a run whose results are looked at."""
    known = list(dict.fromkeys(result.weights for result in record.results if result.split == split))
    return known[-1:] if kind == KEPT else [weights for weights in known if kind in (ALL, weights)]


def _groups(runs: Iterable[Run], split: str, kind: str) -> list[Group]:
    members: defaultdict[tuple[Network, Conditions], list[tuple[Run, float]]] = defaultdict(list)
    for run in runs:
        record = run.record
        data = record.data
        for weights in _wanted(record, split, kind):
            result = record.result(split, weights)
            assert result is not None
            conditions = Conditions(
                data=data.name,
                fingerprint=data.fingerprint,
                splits=_splits(record),
                recipe_hash=record.recipe.hash,
                epochs=record.training.epochs,
                split=split,
                weights=weights,
                n=result.n,
            )
            members[_network(record), conditions].append((run, result.accuracy))
    groups = []
    for (network, conditions), pairs in members.items():
        pairs.sort(key=lambda pair: pair[0].record.seed)
        names = tuple(sorted({run.record.architecture.name for run, _ in pairs}))
        accuracies = tuple(accuracy for _, accuracy in pairs)
        ordered = tuple(run for run, _ in pairs)
        groups.append(Group(names, network, conditions, ordered, accuracies))
    return groups


def _identity(record: Record) -> tuple[object, ...]:
    data = record.data
    return (
        _network(record),
        record.recipe.hash,
        record.training.epochs,
        data.name,
        data.fingerprint,
        _splits(record),
    )


def _network(record: Record) -> Network:
    return Network(record.architecture.hash, tuple(sorted(record.architecture.budget.items())), record.cost)


def _splits(record: Record) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(record.data.splits.items()))


def _finished(record: Record) -> float:
    """Return when the run finished, in seconds; what cannot be read as a time counts as long ago."""
    try:
        # Python 3.10 does not read the Z that means UTC.
        when = datetime.fromisoformat(record.finished_at.replace("Z", "+00:00"))
    except ValueError:
        return -math.inf
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
