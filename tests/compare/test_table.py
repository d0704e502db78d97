"""The table says the same in CSV, Markdown and on a terminal, and never cuts what it says."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.compare.axes import AXES, Axis
from archbuilder.compare.statistics import group
from archbuilder.compare.table import (
    Also,
    Row,
    beside,
    difference,
    network_name,
    rows,
    to_csv,
    to_markdown,
    to_terminal,
)
from archbuilder.compare.words import at_most, escape_markdown, exact, short, spans
from archbuilder.record import Record
from archbuilder.show.text import printable
from tests.compare.records import record, result, runs


def table_of(*records: Record) -> list[Row]:
    return rows(group(runs(*records), "val")[0])


def seeds(name: str, params: int, *accuracies: float, data: str = "digits") -> list[Record]:
    return [record(a, name=name, params=params, seed=i, data=data) for i, a in enumerate(accuracies)]


def text_of(table: list[Row], width: int) -> str:
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=width).print(to_terminal(table, width), crop=False)
    return text.getvalue()


SAMPLE = table_of(
    *seeds("big", 2_000_000, 0.94, 0.95, 0.96), *seeds("mid", 30_000, 0.90), *seeds("small", 950, 0.91, 0.93)
)


def test_rows_are_numbered_by_params_and_say_all_about_a_group() -> None:
    assert [(row.number, row.network, row.params) for row in SAMPLE] == [
        (1, "small", 950),
        (2, "mid", 30_000),
        (3, "big", 2_000_000),
    ]
    row = SAMPLE[2]
    assert (row.macs, row.peak_activations, row.n, row.seeds) == (80_000_000, 4096, 3, (0, 1, 2))
    assert (row.data, row.split, row.weights, row.images) == ("digits", "val", "raw", 5000)
    assert (row.recipe, row.set) == ("", "")
    assert row.accuracy_mean == pytest.approx(0.95, abs=1e-12)
    assert row.accuracy_std == pytest.approx(0.01, abs=1e-12)
    assert (row.images_per_second, row.seconds) == (7317.25, 61.5)


def test_front_and_ties_are_marked() -> None:
    assert [row.front for row in SAMPLE] == [True, False, True]
    assert [row.ties for row in SAMPLE] == [(3,), (), (1,)]


def test_ties_are_told_within_a_budget() -> None:
    records = [
        record(0.8 + seed / 10, name=name, params=budget - 1, budget={"params": budget}, seed=seed)
        for name in "ab"
        for budget in (100, 300)
        for seed in (0, 1)
    ]
    free = [record(0.8 + seed / 10, name="c", params=500, seed=seed) for seed in (0, 1)]
    table = rows(group(runs(*records, *free), "val")[0])
    assert [(row.network, row.ties) for row in table] == [
        ("a @100", (2,)),
        ("b @100", (1,)),
        ("a @300", (4,)),
        ("b @300", (3,)),
        ("c", ()),
    ]


def test_fronts_and_ties_do_not_cross_data() -> None:
    table = table_of(*seeds("a", 10, 0.9, 0.9), *seeds("b", 20, 0.9, 0.9), *seeds("c", 30, 0.9, 0.9, data="cifar10"))
    assert [(row.network, row.front, row.ties) for row in table] == [
        ("a", True, (2,)),
        ("b", False, (1,)),
        ("c", False, ()),  # alone, it is better than nothing
    ]


def test_averaged_weights_are_labelled_and_not_on_the_front_of_raw_ones() -> None:
    both = runs(record(results=[result(0.8), result(0.9, weights="averaged")]))
    table = rows(group(both, "val", "all")[0])
    assert [network_name(row) for row in table] == ["net (averaged)", "net"]
    assert [row.front for row in table] == [False, False]


def test_csv_is_exact() -> None:
    parsed = list(csv.DictReader(io.StringIO(to_csv(SAMPLE))))
    assert tuple(parsed[0]) == Row._fields
    for row, cells in zip(SAMPLE, parsed, strict=True):
        assert float(cells["accuracy_mean"]) == row.accuracy_mean
        assert cells["accuracy_std"] == ("" if row.accuracy_std is None else repr(row.accuracy_std))
        assert cells["accuracy_interval"] == ("" if row.accuracy_interval is None else repr(row.accuracy_interval))
        assert cells["architecture_hash"] == row.architecture_hash
        assert cells["recipe_hash"] == row.recipe_hash
        assert (int(cells["number"]), int(cells["params"])) == (row.number, row.params)
        assert [int(other) for other in cells["ties"].split()] == list(row.ties)
    assert [cells["front"] for cells in parsed] == ["true", "false", "true"]
    assert [cells["seeds"] for cells in parsed] == ["0 1", "0", "0 1 2"]


def test_csv_names_sets_and_exact_budgets() -> None:
    table = table_of(record(budget={"params": 300_400}), record(data="cifar10", budget={"macs": 1, "params": 2}))
    parsed = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert [(cells["set"], cells["budget"]) for cells in parsed] == [
        ("cifar10", "macs=1 params=2"),
        ("digits", "params=300400"),
    ]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "=\x1b[31m"])
def test_a_spreadsheet_runs_no_name(name: str) -> None:
    (cells,) = csv.DictReader(io.StringIO(to_csv(table_of(record(name=name)))))
    assert cells["network"] == f"'{printable(name)}"
    assert cells["difference"] == ""


def test_no_name_commands_a_terminal() -> None:
    table = table_of(record(name="a\x1b[31mred\x07", data="\x1b]0;title"), record(name="b"))
    for text in (text_of(table, 200), to_csv(table), to_markdown(table)):
        assert "x1b" in text
        assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_csv_keeps_names_with_commas_and_quotes() -> None:
    (cells,) = csv.DictReader(io.StringIO(to_csv(table_of(record(name='a,"b"')))))
    assert cells["network"] == 'a,"b"'


def test_markdown_is_a_table_with_as_many_cells_in_each_line() -> None:
    lines = to_markdown([*SAMPLE, *table_of(record(name="a|b\nc"))]).splitlines()
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert len(counts) == 1
    assert re.fullmatch(r"\|( (:---|---:) \|)+", lines[1])
    assert r"a\|b\\nc" in lines[-1]


def test_one_seed_is_shown_as_such_and_never_with_an_interval() -> None:
    for text in (to_markdown(SAMPLE), text_of(SAMPLE, 80)):
        (line,) = (line for line in text.splitlines() if "mid" in line)
        assert "90.00 n=1" in line


def test_columns_appear_where_they_tell_something() -> None:
    def titles(*records: Record) -> set[str]:
        return set(re.findall(r"\w+", to_markdown(table_of(*records)).splitlines()[0]))

    optional = {"data", "recipe", "weights", "images"}
    assert titles(record()) & optional == set()
    assert titles(record(), record(data="cifar10")) & optional == {"data"}
    assert titles(record(), record(settings={})) & optional == {"recipe"}
    assert titles(record(results=[result(0.9, weights="averaged")])) & optional == {"weights"}
    assert titles(record(), record(seed=2, results=[result(0.9, n=9)])) & optional == {"images"}
    assert titles(record(), record(name="b")) & {"difference", "ties"} == {"difference"}
    assert titles(*seeds("a", 9, 0.8, 0.8), *seeds("b", 9, 0.9, 0.9)) & {"difference", "ties"} == {"difference"}
    assert titles(*seeds("a", 9, 0.8, 0.9), *seeds("b", 9, 0.8, 0.9)) & {"difference", "ties"} == {"difference", "ties"}


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_terminal_table_fits_and_folds_without_loss(width: int) -> None:
    records = [
        each
        for i in range(25)
        for each in seeds(f"imagenet/a_long_name_of_a_network_{i:02}", 10**6 + i, 0.9, 0.92, 0.91)
    ]
    table = table_of(*records)
    lines = text_of(table, width).splitlines()
    assert max(map(len, lines)) <= width
    # Put folded words together again, column by column.
    start, end = lines[0].index("network"), lines[0].index("params") - 3
    names = "".join(line[start:end].strip() for line in lines[2:])
    for row in table:
        assert row.network in names
        assert any(f"{row.params:,}" in line for line in lines)


def test_a_narrow_terminal_loses_speed_before_it_loses_accuracy() -> None:
    wide, narrow = text_of(SAMPLE, 80), text_of(SAMPLE, 50)
    assert "img/s" in wide
    assert "img/s" not in narrow
    assert all(f"{100 * row.accuracy_mean:.2f}" in narrow for row in SAMPLE)


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_a_narrow_terminal_keeps_what_accuracy_is_held_against(axis: Axis) -> None:
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=40).print(to_terminal(SAMPLE, 40, axis), crop=False)
    first = text.getvalue().splitlines()[0].split()
    assert axis.column in first
    assert "s" not in first


def test_a_difference_says_over_how_many_seeds_it_is() -> None:
    low = seeds("low", 10, 0.80, 0.81, 0.82)

    def told(*numbers: int) -> str:
        high = [record(0.9 + i / 50, name="high", params=20, seed=seed) for i, seed in enumerate(numbers)]
        return difference(table_of(*low, *high)[1])

    assert told(0, 1, 2) == "+11.00 ±2.48 to 1"
    assert told(0, 1, 9) == "+10.50 ±6.35 n=2 to 1"
    assert told(0, 8, 9) == "+10.00 n=1 to 1"
    assert told(7, 8, 9) == ""


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    assert "[red]net[/red]" in text_of(table_of(record(name="[red]net[/red]")), 80)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"), (7, "7"), (950, "950"), (999.4, "999"), (999.6, "1k"), (30_000, "30k"), (269_722, "270k"),
        (999_400, "999k"), (999_600, "1M"), (1_250_000, "1.25M"), (36_479_194, "36.5M"), (4.1e9, "4.1G"),
        (2e12, "2T"), (0.25, "0.25"), (22.94, "22.9"),
    ],
)  # fmt: skip
def test_counts_are_short(count: float, text: str) -> None:
    assert short(count) == text


@pytest.mark.parametrize(
    ("numbers", "text"), [([], ""), ([3], "3"), ([1, 2], "1-2"), ([1, 2, 3, 5, 7, 8], "1-3 5 7-8")]
)
def test_numbers_are_spans(numbers: list[int], text: str) -> None:
    assert spans(numbers) == text


@given(st.floats(0, 1e30))
def test_what_is_said_to_be_at_most_so_much_is_no_more_and_little_less(number: float) -> None:
    # One digit has an error of its own: 0.3 as a float is a little less.
    assert number <= float(at_most(number)) * (1 + 1e-15) <= max(2.01 * number, 1e-300)


@pytest.mark.parametrize(("count", "text"), [(300_000, "300k"), (300_400, "300,400"), (1_250_000, "1.25M"), (7, "7")])
def test_a_count_is_shortened_only_where_that_loses_nothing(count: int, text: str) -> None:
    assert exact(count) == text


@given(st.integers(0, 10**18))
def test_different_counts_are_told_apart(count: int) -> None:
    assert exact(count) != exact(count + 1)


def test_escaped_text_makes_no_formula_mention_or_entity() -> None:
    assert escape_markdown("$a$ @300k &lt;") == "<span>$</span>a<span>$</span> <span>@</span>300k \\&lt;"


@given(st.text())
def test_escaped_text_cannot_leave_its_cell(text: str) -> None:
    escaped = escape_markdown(text)
    assert len(escaped.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(?:\\\\)*\|", escaped)


def test_a_second_split_has_a_column_of_its_own_and_ranks_nothing() -> None:
    some = [
        record(name="net", seed=seed, results=[result(0.9), result(accuracy, "test", n=10000)])
        for seed, accuracy in enumerate((0.7, 0.8))
    ]
    other = record(name="other", params=2000, results=[result(0.8), result(0.95, "test")])
    groups = group(runs(*some, other), "val")[0]
    table = rows(groups, also=Also("test", "test (JPEG)"))
    assert [row.front for row in table] == [True, False]
    assert [(row.also, row.also_n) for row in table] == [("test (JPEG)", 2), ("test (JPEG)", 1)]
    assert table[0].also_mean == pytest.approx(0.75)
    assert beside(table[1]) == "95.00 n=1"
    assert "| test (JPEG) % |" in to_markdown(table)
    assert [row._replace(also="", also_mean=None, also_interval=None, also_n=0) for row in table] == rows(groups)


def test_runs_without_the_second_split_have_an_empty_cell() -> None:
    some = [record(results=[result(0.9)]), record(name="b", results=[result(0.9), result(0.8, "test")])]
    table = rows(group(runs(*some), "val")[0], also=Also("test", "test"))
    assert [beside(row) for row in table] == ["80.00 n=1", ""]
