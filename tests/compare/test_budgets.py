"""Networks that were given the same budget stand side by side, the best and what cannot be told from it marked."""

from __future__ import annotations

import time

from archbuilder.compare.budgets import at_equal_budgets, legend, to_json, to_markdown, to_texts
from archbuilder.compare.statistics import group
from archbuilder.compare.table import Row, rows
from archbuilder.record import Record
from tests.compare.records import record, runs


def seeds(name: str, budget: int, *accuracies: float, data: str = "digits", digest: str = "") -> list[Record]:
    params = budget - len(name)
    return [
        record(
            a, name=name, params=params, budget={"params": budget}, seed=i, data=data, architecture_hash=digest
        )
        for i, a in enumerate(accuracies)
    ]  # fmt: skip


def table_of(*records: Record) -> list[Row]:
    return rows(group(runs(*records), "val")[0])


def cells(*records: Record) -> list[list[str]]:
    return to_texts(at_equal_budgets(table_of(*records)))


def test_a_line_for_each_network_and_a_column_for_each_budget() -> None:
    assert cells(
        *seeds("wide", 30_000, 0.80, 0.80),
        *seeds("wide", 300_000, 0.90, 0.91),
        *seeds("thin", 30_000, 0.85, 0.85),
        *seeds("thin", 300_000, 0.70, 0.71),
    ) == [
        ["network", "30k", "300k"],
        ["wide", "80.00 ±0.00", "90.50 ±6.35 *"],
        ["thin", "85.00 ±0.00 *", "70.50 ±6.35"],
    ]


def test_those_whose_intervals_overlap_with_that_of_the_best_are_marked_like_it() -> None:
    made = cells(*seeds("a", 30_000, 0.90, 0.91), *seeds("b", 30_000, 0.90, 0.92), *seeds("c", 30_000, 0.10, 0.11))
    assert [line[-1].endswith("*") for line in made[1:]] == [True, True, False]
    assert [line[0] for line in made[1:]] == ["b", "a", "c"]


def test_marks_are_the_same_among_many_rows() -> None:
    # Of so many rows a Row tells its ties with the front alone, and neither p nor q is on it.
    few = [*seeds("p", 30_000, 0.90, 0.91), *seeds("q", 30_000, 0.90, 0.912), *seeds("small", 1000, 0.96, 0.97)]
    many = [record(0.5, name=f"other{i}", params=50_000 + i) for i in range(120)]
    assert cells(*few, *many) == cells(*few) == [
        ["network", "30k"], ["q", "90.60 ±7.62 *"], ["p", "90.50 ±6.35 *"]
    ]  # fmt: skip


def test_the_highest_of_one_seed_is_not_called_the_best_but_marked_as_perhaps_chance() -> None:
    table = table_of(*seeds("a", 30_000, 0.931), *seeds("b", 30_000, 0.92, 0.93, 0.94), *seeds("c", 30_000, 0.931))
    made = at_equal_budgets(table)
    assert [line[1] for line in to_texts(made)[1:]] == ["93.10 n=1 ?", "93.10 n=1 ?", "93.00 ±2.48"]
    assert legend(made) == "? the highest, but of one seed, so perhaps by chance"


def test_what_is_exactly_as_good_as_the_best_is_marked_whatever_its_seeds() -> None:
    made = cells(*seeds("a", 30_000, 0.9, 0.9), *seeds("b", 30_000, 0.9), *seeds("c", 30_000, 0.89))
    assert [line[1] for line in made[1:]] == ["90.00 ±0.00 *", "90.00 n=1 *", "89.00 n=1"]


def test_budgets_that_round_alike_are_not_mixed() -> None:
    made = cells(*(each for budget in (300_000, 300_400) for name in "ab" for each in seeds(name, budget, 0.9)))
    assert made[0] == ["network", "300k", "300,400"]
    assert len(made) == 3


def test_networks_of_one_name_and_budget_have_lines_of_their_own() -> None:
    made = cells(
        *seeds("a", 30_000, 0.9, digest="12345678" + "0" * 56),
        *seeds("a", 30_000, 0.7, digest="87654321" + "0" * 56),
        *seeds("b", 30_000, 0.8),
    )
    assert [line[0] for line in made[1:]] == ["a @30k 12345678", "b", "a @30k 87654321"]


def test_data_are_not_mixed() -> None:
    both = [*seeds("a", 30_000, 0.9), *seeds("b", 30_000, 0.8)]
    assert cells(*both, *seeds("a", 30_000, 0.5, data="cifar10"), *seeds("b", 30_000, 0.6, data="cifar10")) == [
        ["network", "compared within", "30k"],
        ["b", "cifar10", "60.00 n=1 ?"],
        ["a", "cifar10", "50.00 n=1"],
        ["a", "digits", "90.00 n=1 ?"],
        ["b", "digits", "80.00 n=1"],
    ]
    # Alone on its data, a network is compared with nothing.
    assert cells(*both, *seeds("a", 30_000, 0.5, data="cifar10")) == cells(*both)


def test_a_budget_that_one_network_had_compares_nothing() -> None:
    assert at_equal_budgets(table_of(*seeds("a", 30_000, 0.9), record(0.8))).lines == ()
    assert at_equal_budgets(table_of(*seeds("a", 30_000, 0.9), *seeds("b", 30_000, 0.8, data="cifar10"))).lines == ()


def test_machines_are_told_exact_budgets_and_rows() -> None:
    made = at_equal_budgets(table_of(*seeds("a", 300_400, 0.9), *seeds("b", 300_400, 0.8)))
    assert to_json(made) == [
        {"budget": {"params": 300_400}, "network": "a", "set": "", "row": 1, "mark": "?"},
        {"budget": {"params": 300_400}, "network": "b", "set": "", "row": 2, "mark": ""},
    ]


def test_as_markdown_names_cannot_leave_their_cells() -> None:
    made = at_equal_budgets(table_of(*seeds("a|b", 30_000, 0.9, 0.9), *seeds("c", 30_000, 0.8)))
    assert to_markdown(made) == ("| network | 30k |\n| :--- | :--- |\n| a\\|b | 90.00 ±0.00 \\* |\n| c | 80.00 n=1 |\n")


def test_ten_thousand_rows_take_a_moment() -> None:
    budgets = (30_000, 100_000, 300_000, 1_000_000)
    table = table_of(*(each for i in range(2500) for b in budgets for each in seeds(f"n{i}", b, i / 2500)))
    began = time.process_time()
    assert len(at_equal_budgets(table).lines) == 2500
    assert time.process_time() - began < 1
