"""Statistics over seeds: groups of equal runs, intervals, ties, and the front of what is worth its size."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property

from archbuilder.compare.find import Problem, Run
from archbuilder.record import Cost, Record

CONFIDENCE = 0.95


@dataclass(frozen=True, order=True)
class Conditions:
    """What two accuracies must share to be comparable: data, recipe, and how they were evaluated.

    `splits` are the sizes of the data's splits by name; `n` is the number of images evaluated on.
    """

    data: str
    fingerprint: str
    splits: tuple[tuple[str, int], ...]
    recipe_hash: str
    split: str
    weights: str
    n: int


@dataclass(frozen=True)
class Group:
    """The runs of one architecture under the same conditions, one run per seed, in order of seeds."""

    names: tuple[str, ...]
    architecture_hash: str
    cost: Cost
    conditions: Conditions
    runs: tuple[Run, ...]
    accuracies: tuple[float, ...]

    @property
    def params(self) -> int:
        """Number of parameters, trainable or not."""
        return self.cost.params

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each run."""
        return tuple(run.record.seed for run in self.runs)

    @property
    def epochs(self) -> tuple[int, ...]:
        """The epochs that each run was trained for."""
        return tuple(run.record.training.epochs for run in self.runs)

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


def group(runs: Sequence[Run], split: str) -> tuple[list[Group], list[Problem]]:
    """Group runs by architecture, recipe, data and weights, with their accuracies on `split`.

    Runs without that split are problems, and so is every run but the latest of those that differ in
    nothing, not even in the seed. Groups come in order of params, then of conditions.
    """
    evaluated, problems = [], []
    for run in runs:
        if any(result.split == split for result in run.record.results):
            evaluated.append(run)
        else:
            known = ", ".join(sorted({result.split for result in run.record.results})) or "none"
            problems.append(Problem(run.folder, f"has no result on the split '{split}'; it has: {known}"))
    latest, repeated = _latest(evaluated)
    groups = _groups(latest, split)
    groups.sort(key=lambda g: (g.params, g.names, g.architecture_hash, g.conditions))
    return groups, problems + repeated


def comparable(groups: Sequence[Group]) -> dict[Conditions, list[int]]:
    """Return the indices of groups by conditions.

    Groups under one key share data and recipe, so they may share a front.
    """
    sets: defaultdict[Conditions, list[int]] = defaultdict(list)
    for i, each in enumerate(groups):
        sets[each.conditions].append(i)
    return {conditions: sets[conditions] for conditions in sorted(sets)}


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the (params, accuracy) points that no other point dominates, by params.

    A point dominates another with no more params and no less accuracy, and better in one of the two;
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
    spans = sorted(
        (g.mean - g.interval, g.mean + g.interval, i) for i, g in enumerate(groups) if g.interval is not None
    )
    pairs: list[tuple[int, int]] = []
    for place, (_, high, i) in enumerate(spans):
        for low, _, j in spans[place + 1 :]:
            if low > high:
                break
            pairs.append((min(i, j), max(i, j)))
    return sorted(pairs)


def _latest(runs: Iterable[Run]) -> tuple[list[Run], list[Problem]]:
    """Keep the most recently finished of the runs that share everything, the seed included."""
    kept: dict[tuple[object, ...], Run] = {}
    problems = []
    for run in sorted(runs, key=lambda run: _finished(run.record), reverse=True):
        key = (*_identity(run.record), run.record.seed)
        first = kept.setdefault(key, run)
        if first is not run:
            same = f"same architecture, recipe, data and seed as {first.folder}"
            problems.append(Problem(run.folder, f"{same}, which finished last and is counted"))
    return list(kept.values()), problems


def _groups(runs: Iterable[Run], split: str) -> list[Group]:
    members: defaultdict[tuple[str, Cost, Conditions], list[tuple[Run, float]]] = defaultdict(list)
    for run in runs:
        record = run.record
        data = record.data
        for weights in dict.fromkeys(result.weights for result in record.results if result.split == split):
            result = record.result(split, weights)
            assert result is not None
            conditions = Conditions(
                data.name, data.fingerprint, _splits(record), record.recipe.hash, split, weights, result.n
            )
            members[record.architecture.hash, record.cost, conditions].append((run, result.accuracy))
    groups = []
    for (architecture_hash, cost, conditions), pairs in members.items():
        pairs.sort(key=lambda pair: pair[0].record.seed)
        names = tuple(sorted({run.record.architecture.name for run, _ in pairs}))
        accuracies = tuple(accuracy for _, accuracy in pairs)
        ordered = tuple(run for run, _ in pairs)
        groups.append(Group(names, architecture_hash, cost, conditions, ordered, accuracies))
    return groups


def _identity(record: Record) -> tuple[object, ...]:
    data = record.data
    return (
        record.architecture.hash,
        record.cost,
        record.recipe.hash,
        data.name,
        data.fingerprint,
        _splits(record),
    )


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
