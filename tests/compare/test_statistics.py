"""Means, intervals, ties and fronts are those of the textbooks, and no run is counted twice or mixed up."""

from __future__ import annotations

import math
import statistics as python_statistics
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from archbuilder.compare.find import Problem, Run
from archbuilder.compare.statistics import (
    Group,
    comparable,
    group,
    interval,
    mean,
    paired,
    pareto_front,
    std,
    ties,
    ties_with,
)
from archbuilder.record import Record
from tests.compare.records import record, result, runs

ACCURACIES = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def groups_of(*records: Record, split: str = "val") -> list[Group]:
    """Return the groups of records that give no problems."""
    groups, problems = group(runs(*records), split)
    assert problems == []
    return groups


def test_three_seeds_by_hand() -> None:
    values = [0.91, 0.92, 0.93]
    assert mean(values) == pytest.approx(0.92, abs=1e-12)
    assert std(values) == pytest.approx(0.01, abs=1e-12)
    # With two degrees of freedom, t at probability p is (2p - 1) / sqrt(2p (1 - p)).
    t = 0.95 / math.sqrt(2 * 0.975 * 0.025)
    assert interval(values) == pytest.approx(t * 0.01 / math.sqrt(3), abs=1e-12)


def test_two_seeds_by_hand() -> None:
    assert std([0.90, 0.92]) == pytest.approx(0.02 / math.sqrt(2), abs=1e-12)
    # With one degree of freedom, t at probability p is tan(pi (p - 1/2)).
    assert interval([0.90, 0.92]) == pytest.approx(math.tan(math.pi * 0.475) * 0.01, abs=1e-12)


def test_one_seed_has_no_spread() -> None:
    assert (mean([0.5]), std([0.5]), interval([0.5])) == (0.5, None, None)


def test_equal_accuracies_have_no_width() -> None:
    assert interval([0.5, 0.5, 0.5]) == 0.0


@settings(max_examples=200, deadline=None)
@given(ACCURACIES)
def test_statistics_agree_with_scipy(values: list[float]) -> None:
    spread, half = std(values), interval(values)
    assert spread is not None
    assert half is not None
    assert mean(values) == pytest.approx(np.mean(values), abs=1e-12)
    assert spread == pytest.approx(python_statistics.stdev(values), abs=1e-12)
    standard_error = scipy.stats.sem(values)
    assert half == pytest.approx(scipy.stats.t.ppf(0.975, len(values) - 1) * standard_error, abs=1e-12)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(0.9, 0.0014, size=(4000, 3))
    hits = sum(abs(mean(row) - 0.9) <= (interval(row) or 0.0) for row in draws.tolist())
    assert 0.94 < hits / len(draws) < 0.96


def test_seeds_of_one_network_are_one_group() -> None:
    (one,) = groups_of(*(record(0.9 + seed / 100, name="a", params=7, seed=seed) for seed in (2, 0, 1)))
    assert (one.names, one.params, one.seeds, one.conditions.epochs) == (("a",), 7, (0, 1, 2), 10)
    assert one.accuracies == pytest.approx((0.90, 0.91, 0.92))
    assert one.mean == pytest.approx(0.91, abs=1e-12)
    assert one.std == pytest.approx(0.01, abs=1e-12)
    assert one.interval == interval(one.accuracies)


def test_a_group_has_each_name_of_its_architecture() -> None:
    same = "f" * 64
    (one,) = groups_of(
        record(name="b", seed=1, architecture_hash=same), record(name="a", seed=2, architecture_hash=same)
    )
    assert one.names == ("a", "b")


@pytest.mark.parametrize(
    "other",
    [
        record(seed=2, architecture_hash="f" * 64),
        record(seed=2, params=1001),
        record(seed=2, settings={"epochs": 11}),
        record(seed=2, data="cifar10"),
        record(seed=2, fingerprint="f" * 64),
        record(seed=2, splits={"train": 49000, "val": 1000, "test": 10000}),
        record(seed=2, results=[result(0.9, n=4999)]),
        record(seed=2, results=[result(0.9, weights="averaged")]),
        record(seed=2, epochs=9),
        record(seed=2, budget={"params": 1000}),
    ],
    ids=["architecture", "cost", "recipe", "data", "fingerprint", "splits", "images", "weights", "epochs", "budget"],
)
def test_runs_that_differ_in_more_than_the_seed_are_not_mixed(other: Record) -> None:
    assert [one.seeds for one in groups_of(record(seed=1), other)] in ([(1,), (2,)], [(2,), (1,)])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("kept", {"averaged": (0.9, 0.9)}),
        ("raw", {"raw": (0.8, 0.8)}),
        ("averaged", {"averaged": (0.9, 0.9)}),
        ("all", {"raw": (0.8, 0.8), "averaged": (0.9, 0.9)}),
    ],
)
def test_of_raw_and_averaged_weights_those_that_are_handed_on_count_unless_others_are_asked_for(
    weights: str, expected: dict[str, tuple[float, ...]]
) -> None:
    both = [result(0.8), result(0.9, weights="averaged"), result(0.7, split="test")]
    groups, problems = group(runs(record(results=both), record(seed=2, results=both)), "val", weights)
    assert {g.conditions.weights: g.accuracies for g in groups} == expected
    assert problems == []


def test_a_run_without_such_weights_is_a_problem() -> None:
    groups, problems = group(runs(record(0.9)), "val", "averaged")
    assert (groups, problems) == (
        [],
        [Problem(Path("run0"), "has no result on the split 'val' by averaged weights; it has: val by raw")],
    )


@settings(max_examples=200, deadline=None)
@given(ACCURACIES, st.data())
def test_paired_differences_agree_with_scipy(values: list[float], data: st.DataObject) -> None:
    others = data.draw(st.lists(st.floats(0, 1), min_size=len(values), max_size=len(values)))
    records = [
        record(a, name=name, seed=i) for name, each in (("a", values), ("b", others)) for i, a in enumerate(each)
    ]
    # A seed that the other lacks is left out.
    first, second = groups_of(*records, record(0.123, name="a", seed=99))
    found = paired(first, second)
    assert found is not None
    assert found.n == len(values)
    gaps = np.subtract(values, others)
    assert found.mean == pytest.approx(gaps.mean(), abs=1e-12)
    half = scipy.stats.t.ppf(0.975, len(values) - 1) * scipy.stats.sem(gaps)
    assert found.interval == pytest.approx(half, abs=1e-12)


def test_what_shares_no_seed_has_no_paired_difference() -> None:
    first, second = groups_of(record(name="a", seed=1), record(name="b", seed=2))
    assert paired(first, second) is None


def test_of_runs_equal_even_in_the_seed_the_latest_counts() -> None:
    early = record(0.99, finished_at="2030-01-01T12:00:00+00:00")
    late = record(0.90, finished_at="2030-01-01T11:30:00-01:00")  # half past twelve in UTC
    unknown = record(0.98, finished_at="yesterday")
    found = runs(early, late, unknown)
    (one,), problems = group(found, "val")
    assert one.accuracies == (0.90,)
    reason = "same architecture, recipe, data and seed as run1, which finished last and is counted"
    assert problems == [Problem(Path("run0"), reason), Problem(Path("run2"), reason)]


def test_a_copy_of_a_run_is_called_so() -> None:
    (one,), problems = group(runs(record(0.9), record(0.9)), "val")
    assert one.accuracies == (0.9,)
    assert problems == [Problem(Path("run1"), "the same run as run0, which is counted")]


def test_times_of_every_usual_spelling_are_understood() -> None:
    spellings = ["2030-01-01T00:00:01", "2030-01-01T00:00:02Z", "2030-01-01T00:00:03.5+00:00"]
    found = runs(*(record(i / 10, finished_at=when) for i, when in enumerate(spellings)))
    (one,), _ = group(found, "val")
    assert one.accuracies == (0.2,)


def test_a_run_without_the_split_is_a_problem_and_does_not_replace_one_that_has_it() -> None:
    newer = record(results=[result(0.7, split="test")], finished_at="2031-01-01T00:00:00Z")
    none = record(results=[], seed=3)
    groups, problems = group(runs(record(0.9), newer, none), "val")
    assert [g.accuracies for g in groups] == [(0.9,)]
    assert problems == [
        Problem(Path("run1"), "has no result on the split 'val'; it has: test"),
        Problem(Path("run2"), "has no result on the split 'val'; it has: none"),
    ]


RESULTS = st.lists(
    st.builds(result, st.floats(0, 1), st.sampled_from(["val", "test"])),
    max_size=2,
    unique_by=lambda each: each.split,
)
RUN_RECORDS = st.builds(
    record,
    name=st.sampled_from("ab"),
    params=st.integers(1, 2),
    seed=st.integers(0, 2),
    data=st.sampled_from(["digits", "cifar10"]),
    settings=st.sampled_from([{"epochs": 1}, {"epochs": 2}]),
    finished_at=st.sampled_from(["2030-01-01", "2031-01-01", "?"]),
    results=RESULTS,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(RUN_RECORDS, max_size=12))
def test_each_run_is_in_one_group_or_one_problem(records: list[Record]) -> None:
    found: list[Run] = runs(*records)
    groups, problems = group(found, "val")
    places = [run.folder for g in groups for run in g.runs] + [problem.folder for problem in problems]
    assert sorted(places) == sorted(run.folder for run in found)
    keys = [(g.architecture_hash, g.conditions) for g in groups]
    assert len(set(keys)) == len(keys)
    for g in groups:
        assert len(set(g.seeds)) == len(g.seeds)
        for run, accuracy in zip(g.runs, g.accuracies, strict=True):
            assert run.record.architecture.hash == g.architecture_hash
            assert run.record.recipe.hash == g.conditions.recipe_hash
            assert (run.record.data.name, run.record.data.fingerprint) == (
                g.conditions.data,
                g.conditions.fingerprint,
            )
            evaluated = run.record.result("val")
            assert evaluated is not None
            assert evaluated.accuracy == accuracy


def dominated(point: tuple[float, float], points: list[tuple[float, float]]) -> bool:
    """The definition: another has no more params and no less accuracy, and is better in one of them."""
    return any(p <= point[0] and a >= point[1] and (p < point[0] or a > point[1]) for p, a in points if (p, a) != point)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5])), max_size=12))
def test_the_front_is_what_the_definition_says(points: list[tuple[float, float]]) -> None:
    front = pareto_front(points)
    assert sorted(front) == [i for i, point in enumerate(points) if not dominated(point, points)]
    assert [points[i][0] for i in front] == sorted(points[i][0] for i in front)


def test_the_front_by_example() -> None:
    small, large, worse, equal_but_larger, twin = (1, 0.8), (5, 0.9), (3, 0.7), (2, 0.8), (1, 0.8)
    assert pareto_front([large, small, worse, equal_but_larger, twin]) == [1, 4, 0]


def test_overlapping_intervals_tie() -> None:
    def seeds(name: str, *accuracies: float) -> list[Record]:
        return [record(accuracy, name=name, seed=i) for i, accuracy in enumerate(accuracies)]

    groups = groups_of(*seeds("a", 0.80, 0.81), *seeds("b", 0.82, 0.83), *seeds("c", 0.99, 0.99), *seeds("d", 0.82))
    assert [g.names[0] for g in groups] == ["a", "b", "c", "d"]
    # a 0.805 and b 0.825, each +-0.0635; c is 0.99 exactly; d is one seed, of which nothing is known.
    assert ties(groups) == [(0, 1)]


def test_intervals_that_just_touch_tie() -> None:
    exact = [record(0.5, name=name, seed=seed) for name in "ab" for seed in (0, 1)]
    assert ties(groups_of(*exact)) == [(0, 1)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=3), max_size=8))
def test_ties_are_what_the_definition_says(accuracies: list[list[float]]) -> None:
    groups = groups_of(
        *(record(a, name=f"{i}", seed=s) for i, each in enumerate(accuracies) for s, a in enumerate(each))
    )
    expected = []
    for j, second in enumerate(groups):
        for i, first in enumerate(groups[:j]):
            if first.interval is not None and second.interval is not None:
                lows = first.mean - first.interval, second.mean - second.interval
                highs = first.mean + first.interval, second.mean + second.interval
                if max(lows) <= min(highs):
                    expected.append((i, j))
    assert ties(groups) == sorted(expected)
    chosen = set(range(0, len(groups), 2))
    assert ties_with(chosen, groups) == [pair for pair in sorted(expected) if chosen & set(pair)]


def test_only_groups_of_the_same_data_recipe_and_weights_are_comparable() -> None:
    groups = groups_of(
        record(name="a"),
        record(name="b"),
        record(name="a", data="cifar10"),
        record(name="a", settings={"epochs": 2}),
        record(name="b", results=[result(0.9, weights="averaged")], seed=2),
        record(name="a", epochs=9),
    )
    sets = comparable(groups)
    assert sorted(len(indices) for indices in sets) == [1, 1, 1, 1, 2]
    assert sorted(i for indices in sets for i in indices) == list(range(6))
    assert all(len({groups[i].conditions for i in indices}) == 1 for indices in sets)
