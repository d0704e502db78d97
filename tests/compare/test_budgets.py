"""Networks that were given the same budget stand side by side, the best and its ties marked."""

from __future__ import annotations

from archbuilder.compare.budgets import at_equal_budgets, to_markdown
from archbuilder.compare.statistics import group
from archbuilder.compare.table import rows
from archbuilder.record import Record
from tests.compare.records import record, runs


def seeds(name: str, budget: int, *accuracies: float, data: str = "digits") -> list[Record]:
    params = budget - len(name)
    return [
        record(a, name=name, params=params, budget={"params": budget}, seed=i, data=data)
        for i, a in enumerate(accuracies)
    ]


def cells(*records: Record) -> list[list[str]]:
    return at_equal_budgets(rows(group(runs(*records), "val")[0]))


def test_a_line_for_each_network_and_a_column_for_each_budget() -> None:
    assert cells(
        *seeds("wide", 30_000, 0.80),
        *seeds("wide", 300_000, 0.90, 0.91),
        *seeds("thin", 30_000, 0.85),
        *seeds("thin", 300_000, 0.70, 0.71),
    ) == [
        ["network", "30k", "300k"],
        ["wide", "80.00 n=1", "90.50 ±6.35 *"],
        ["thin", "85.00 n=1 *", "70.50 ±6.35"],
    ]


def test_those_that_tie_with_the_best_are_marked_like_it() -> None:
    made = cells(*seeds("a", 30_000, 0.90, 0.91), *seeds("b", 30_000, 0.90, 0.92), *seeds("c", 30_000, 0.10, 0.11))
    assert [line[-1].endswith("*") for line in made[1:]] == [True, True, False]
    assert [line[0] for line in made[1:]] == ["b", "a", "c"]


def test_data_are_not_mixed() -> None:
    made = cells(*seeds("a", 30_000, 0.9), *seeds("b", 30_000, 0.8), *seeds("a", 30_000, 0.5, data="cifar10"))
    assert made == [
        ["network", "compared within", "30k"],
        ["a", "cifar10", "50.00 n=1 *"],
        ["a", "digits", "90.00 n=1 *"],
        ["b", "digits", "80.00 n=1"],
    ]


def test_a_budget_that_one_network_had_compares_nothing() -> None:
    assert cells(*seeds("a", 30_000, 0.9), record(0.8)) == []


def test_as_markdown_the_best_is_bold() -> None:
    assert to_markdown([["network", "30k"], ["a|b", "90.00 n=1 *"]]) == (
        "| network | 30k |\n| :--- | :--- |\n| a\\|b | 90.00 n=1 **\\*** |\n"
    )
