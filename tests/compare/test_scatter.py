"""The picture is drawn for any number of networks, at its size, the same each time."""

from __future__ import annotations

import math
import random
import re
import struct
import warnings

import pytest

from archbuilder.compare.axes import AXES
from archbuilder.compare.picture import draw
from archbuilder.compare.scatter import labels
from archbuilder.compare.statistics import group
from archbuilder.compare.table import Row, rows
from archbuilder.record import Record
from tests.compare.records import record, result, runs


def table_of(*records: Record) -> list[Row]:
    return rows(group(runs(*records), "val")[0])


def networks(count: int, seeds: int = 3) -> list[Record]:
    draws = random.Random(0)
    records = []
    for i in range(count):
        params = int(10 ** draws.uniform(4.3, 6.3))
        accuracy = 0.8 + 0.08 * math.log10(params / 30_000)
        records += [
            record(accuracy + draws.gauss(0, 0.01), name=f"resnet{i}_wide", params=params, seed=seed)
            for seed in range(seeds)
        ]
    return records


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("count", [1, 4, 40, 90])
def test_any_number_of_networks_makes_a_picture_of_one_size(count: int) -> None:
    assert size(draw(table_of(*networks(count))).png) == (1200, 750)


@pytest.mark.parametrize(
    "records",
    [
        [record(0.0, params=0)],
        [record(1.0, params=1), record(1.0, name="same", params=1)],
        [record(0.5, params=10**9), record(0.5, name="small", params=10)],
        [record(name="a_very_long_name_" * 20)],
        [record(name="$\\frac{broken$ mathematics_{")],
        [record(data="$data"), record(data="a_data_set_of_a_long_name" * 10)],
        [record(settings={"epochs": i}, params=i + 1) for i in range(20)],
        [record(results=[result(0.8), result(0.9, weights="averaged")])],
        [record(images_per_second=0.0, latency=0.0)],
        [record(images_per_second=1e18, latency=1e-12), record(images_per_second=1e-12, latency=1e18, params=2)],
        [record(name="\x1b[31mred")],
    ],
    ids=[
        "nothing",
        "equal",
        "far",
        "long",
        "mathematics",
        "data",
        "recipes",
        "averaged",
        "instant",
        "fastest",
        "escape",
    ],
)
def test_extremes_make_a_picture_too(records: list[Record]) -> None:
    for axis in AXES.values():
        table = rows(group(runs(*records), "val", "all")[0], axis)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert size(draw(table, axis).png) == (1200, 750)


@pytest.mark.parametrize("name", AXES)
@pytest.mark.parametrize("together", [False, True])
def test_any_cost_may_be_the_axis(name: str, together: bool) -> None:
    table = rows(group(runs(*networks(5), record(data="cifar10")), "val")[0], AXES[name], together)
    assert size(draw(table, AXES[name], together).png) == (1200, 750)


def text_of(records: list[Record]) -> str:
    """Return the texts of the SVG, one per line, but for the names of points, which are drawn as shapes."""
    return "\n".join(re.findall(r"<text[^>]*>([^<]*)</text>", draw(table_of(*records)).svg.decode()))


def test_the_axis_of_accuracies_ends_where_they_do() -> None:
    # Two seeds so far apart have an interval from -270% to 370%.
    marks = text_of([record(a, params=params, seed=i) for params in (1000, 9000) for i, a in enumerate((0.25, 0.75))])
    percents = [float(each) for each in re.findall(r"(?m)^[-0-9.]+$", marks.replace("\u2212", "-"))]
    assert (min(percents), max(percents)) == (0, 100)


def test_rows_of_one_name_in_more_sets_than_a_legend_names_are_told_apart() -> None:
    once = record(name="once", params=9, settings={"lr": 0})
    many = labels(table_of(*(record(settings={"lr": i}) for i in range(14)), once))
    assert set(many.values()) == {"once", *(f"net (recipe {letter})" for letter in "ABCDEFGHIJKLMN")}
    few = labels(table_of(*(record(settings={"lr": i}) for i in range(3))))
    assert list(few.values()) == ["net", "net", "net"]


def test_titles_and_legends_are_not_cut_while_there_is_room() -> None:
    named = "digits[size=16,channels=3] and more of it"
    settings = [{"epochs": 10, "lr": 0.1 * i} for i in range(2)]
    records = [record(data=data, settings=each, name=data) for data in (named, "b" * 40) for each in settings]
    told = text_of(records)
    assert re.search(rf"{re.escape('b' * 40)}, {re.escape(named)}: accuracy on the val split", told.replace("\n", " "))
    assert f"{named}, recipe A" in told
    assert "…" not in told
    assert size(draw(table_of(*records)).png) == (1200, 750)


def test_the_text_of_the_svg_is_text() -> None:
    svg = draw(table_of(*networks(3))).svg.decode()
    assert re.match(r"<\?xml", svg)
    assert re.search(r">\s*parameters\s*<", svg)


def test_the_same_rows_make_the_same_picture() -> None:
    table = table_of(*networks(12))
    assert draw(table) == draw(table)
