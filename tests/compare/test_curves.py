"""Networks at several equal budgets are drawn as curves, named at their ends."""

from __future__ import annotations

import re
import warnings

import pytest

from archbuilder.compare.axes import AXES
from archbuilder.compare.budgets import at_equal_budgets
from archbuilder.compare.curves import has_curves
from archbuilder.compare.picture import draw
from archbuilder.compare.statistics import group
from archbuilder.compare.table import Row, rows
from archbuilder.record import Record
from tests.compare.records import record, runs
from tests.compare.test_plot import size

BUDGETS = (30_000, 100_000, 300_000)


def table_of(*records: Record) -> list[Row]:
    return rows(group(runs(*records), "val")[0])


def network(name: str, *accuracies: float, seeds: int = 2, data: str = "digits") -> list[Record]:
    return [
        record(accuracy + seed / 100, name=name, params=budget - 9, budget={"params": budget}, seed=seed, data=data)
        for budget, accuracy in zip(BUDGETS, accuracies, strict=False)
        for seed in range(seeds)
    ]


def svg(*records: Record) -> str:
    table = table_of(*records)
    return draw(table, budgets=at_equal_budgets(table)).svg.decode()


def names(picture: str) -> list[str]:
    """Return the names at the curves' ends, from top to bottom."""
    found = re.findall(r'<text[^>]* y="([\d.]+)"[^>]*>(net\S*)</text>', picture)
    return [name for _, name in sorted((float(height), name) for height, name in found)]


def curved(*records: Record) -> bool:
    table = table_of(*records)
    return has_curves(at_equal_budgets(table), table)


def test_curves_are_for_comparable_rows_that_all_have_one_of_several_budgets() -> None:
    assert curved(*network("a", 0.5, 0.6), *network("b", 0.5, 0.6, 0.7), *network("c", 0.5, 0.5, 0.5))
    assert not curved(*network("a", 0.5), *network("b", 0.5)), "one budget"
    assert not curved(*network("a", 0.5, 0.6, 0.7), *network("b", 0.5, 0.6)), "a point that nothing stands beside"
    assert not curved(*network("a", 0.5, 0.6), *network("b", 0.5, 0.6), record(name="c")), "a row without a budget"
    both = [each for data in ("digits", "cifar10") for name in "ab" for each in network(name, 0.5, 0.6, data=data)]
    assert not curved(*both), "two data sets"


def test_each_network_is_named_once_the_best_first() -> None:
    picture = svg(*network("net1", 0.6, 0.7, 0.81), *network("net2", 0.6, 0.7, 0.82), *network("net3", 0.6, 0.7, 0.83))
    assert names(picture) == ["net3", "net2", "net1"]
    assert "@300k" not in picture


def test_the_best_under_a_budget_stands_out() -> None:
    picture = svg(*network("net1", 0.6, 0.7, 0.8, seeds=1), *network("net2", 0.5, 0.6, 0.7, seeds=1))
    bold = re.findall(r'<text style="[^"]*font-weight: [^"]*"[^>]*>(net\S*)</text>', picture)
    assert bold == ["net1"]


@pytest.mark.parametrize("count", [2, 20, 60])
def test_more_names_than_have_room_are_counted(count: int) -> None:
    picture = svg(*(each for i in range(count) for each in network(f"net{i:02}", 0.5, 0.6 + i / 1000)))
    shown = len(names(picture))
    assert (shown == count) == (count < 30)
    assert (f"{count - shown} of {count} are not named here" in picture) == (count > 30)


@pytest.mark.parametrize("name", AXES)
def test_any_cost_may_be_the_axis(name: str) -> None:
    records = [*network("net1", 0.0, 1.0), *network("$\\frac{broken$", 0.5, 0.5, seeds=1)]
    table = rows(group(runs(*records), "val")[0], AXES[name])
    budgets = at_equal_budgets(table)
    assert has_curves(budgets, table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = draw(table, AXES[name], budgets=budgets)
    assert size(picture.png) == (1200, 750)
    assert picture == draw(table, AXES[name], budgets=budgets)
