"""Networks at several equal budgets are drawn as curves, named at their ends."""

from __future__ import annotations

import dataclasses
import re
import warnings

import pytest

from archbuilder.compare.axes import AXES, PARAMS
from archbuilder.compare.budgets import at_equal_budgets
from archbuilder.compare.curves import has_curves
from archbuilder.compare.picture import draw
from archbuilder.compare.statistics import group
from archbuilder.compare.table import Row, rows
from archbuilder.record import Record
from tests.compare.records import record, runs
from tests.compare.test_scatter import size

BUDGETS = (30_000, 100_000, 300_000)


def table_of(*records: Record) -> list[Row]:
    return rows(group(runs(*records), "val")[0])


def network(
    name: str, *accuracies: float | None, seeds: int = 2, data: str = "digits", kind: str = "params"
) -> list[Record]:
    """Return runs under the three budgets, as many as there are accuracies; none where it is None."""
    return [
        record(accuracy + seed / 100, name=name, params=budget - 9, budget={kind: budget}, seed=seed, data=data)
        for budget, accuracy in zip(BUDGETS, accuracies, strict=False)
        if accuracy is not None
        for seed in range(seeds)
    ]


def svg(*records: Record) -> str:
    table = table_of(*records)
    return draw(table, budgets=at_equal_budgets(table)).svg.decode()


def names(picture: str) -> list[str]:
    """Return the names at the curves' ends, from top to bottom."""
    found = re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>(net\S*)</text>', picture)
    return [name for _, name in sorted((float(height), name) for height, name in found)]


def strong(picture: str) -> list[str]:
    return re.findall(r'<text style="[^"]*font-weight: [^"]*"[^>]*>(net\S*)</text>', picture)


def curved(*records: Record, axis: str = PARAMS.field) -> bool:
    table = table_of(*records)
    return has_curves(at_equal_budgets(table), table, AXES[axis])


def test_curves_are_for_comparable_rows_that_all_have_one_of_several_budgets() -> None:
    assert curved(*network("a", 0.5, 0.6), *network("b", 0.5, 0.6, 0.7), *network("c", 0.5, 0.5, 0.5))
    assert curved(*network("a", 0.5, None, 0.6), *network("b", 0.5, 0.6, 0.7), *network("c", 0.5, 0.5, 0.5))
    assert not curved(*network("a", 0.5), *network("b", 0.5)), "one budget"
    assert not curved(*network("a", 0.5, 0.6, 0.7), *network("b", 0.5, 0.6)), "a point that nothing stands beside"
    assert not curved(*network("a", 0.5, 0.6), *network("b", 0.5, 0.6), record(name="c")), "a row without a budget"
    both = [each for data in ("digits", "cifar10") for name in "ab" for each in network(name, 0.5, 0.6, data=data)]
    assert not curved(*both), "two data sets"
    apart = [*network("a", 0.5), *network("b", 0.5), *network("c", None, 0.5), *network("d", None, 0.5)]
    assert not curved(*apart), "points alone"
    mixed = [each for name in "ab" for kind in ("params", "macs") for each in network(name, 0.5, 0.6, kind=kind)]
    assert not curved(*mixed), "two kinds of budget"


def test_curves_do_not_run_to_and_fro() -> None:
    def measured(record: Record, latency: float) -> Record:
        return dataclasses.replace(record, training=dataclasses.replace(record.training, latency=latency))

    records = [*network("a", 0.5, 0.6, 0.7, seeds=1), *network("b", 0.5, 0.6, 0.7, seeds=1)]
    rising = [measured(each, 0.1 * (i % 3 + 1)) for i, each in enumerate(records)]
    falling = [measured(each, 0.1 * (3 - i % 3)) for i, each in enumerate(records)]
    assert curved(*rising, axis="latency")
    assert not curved(*falling, axis="latency")
    assert not curved(*records, axis="latency"), "as fast as one another"


def test_each_network_is_named_once_the_best_first() -> None:
    picture = svg(*network("net1", 0.6, 0.7, 0.81), *network("net2", 0.6, 0.7, 0.82), *network("net3", 0.6, 0.7, 0.83))
    assert names(picture) == ["net3", "net2", "net1"]
    assert "@300k" not in picture


@pytest.mark.parametrize("seeds", [1, 3])
def test_those_with_the_highest_mean_under_a_budget_stand_out(seeds: int) -> None:
    # Their intervals overlap: it is the mean that is drawn in full strength.
    some = [
        network(name, *means, seeds=seeds) for name, means in (("net1", (0.6, 0.7, 0.8)), ("net2", (0.5, 0.71, 0.7)))
    ]
    picture = svg(*some[0], *some[1], *network("net3", 0.59, 0.69, 0.79, seeds=seeds))
    assert sorted(strong(picture)) == ["net1", "net2"]


@pytest.mark.parametrize("count", [2, 20, 60])
def test_more_names_than_have_room_are_counted(count: int) -> None:
    picture = svg(*(each for i in range(count) for each in network(f"net{i:02}", 0.5, 0.6 + i / 1000)))
    shown = len(names(picture))
    assert (shown == count) == (count < 30)
    assert (f"{count - shown} of {count} are not named here" in picture) == (count > 30)


def test_the_best_under_a_small_budget_is_named_however_low_it_ends() -> None:
    many = (each for i in range(60) for each in network(f"net{i:02}", 0.5, 0.6 + i / 1000))
    assert "net_small" in names(svg(*many, *network("net_small", 0.9, 0.1)))


def test_an_interval_that_reaches_far_does_not_press_the_curves_together() -> None:
    far = record(0.2, name="net1", params=29_991, budget={"params": 30_000}, seed=9)
    picture = svg(*network("net1", 0.6, 0.7, 0.8), far, *network("net2", 0.6, 0.7, 0.8))
    percents = [float(mark) for mark in re.findall(r">(-?[\d.]+)</text>", picture.replace("\u2212", "-"))]
    assert min(percents) > 30


@pytest.mark.parametrize("name", AXES)
def test_any_cost_may_be_the_axis(name: str) -> None:
    records = [*network("net1", 0.0, 1.0), *network("$\\frac{broken$", 0.5, 0.5, seeds=1)]
    table = rows(group(runs(*records), "val")[0], AXES[name])
    budgets = at_equal_budgets(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(table, AXES[name], budgets=budgets)
    assert size(picture.png) == (1200, 750)
    assert picture == draw(table, AXES[name], budgets=budgets)
