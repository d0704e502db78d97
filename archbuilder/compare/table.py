"""The rows of a comparison, and the table as CSV, Markdown and text for a terminal."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from archbuilder.compare.labels import data_labels, network_labels, recipe_labels, set_labels
from archbuilder.compare.statistics import Conditions, Group, comparable, mean, pareto_front, ties

if TYPE_CHECKING:
    from rich.console import RenderableType

RAW = "raw"


class Row(NamedTuple):
    """All that is said of one group, at full precision, for every output alike.

    `accuracy_*` lie in 0..1; `images` is the number evaluated on, `n` that of seeds; `images_per_second` and
    `seconds` are of training, means over seeds; `set` tells the sets of comparable rows apart and is empty
    where all are comparable; `ties` are numbers of rows.
    """

    number: int
    network: str
    architecture_hash: str
    params: int
    macs: int
    peak_activations: int
    data: str
    recipe: str
    recipe_hash: str
    set: str
    split: str
    weights: str
    images: int
    n: int
    accuracy_mean: float
    accuracy_std: float | None
    accuracy_interval: float | None
    seeds: tuple[int, ...]
    images_per_second: float
    seconds: float
    front: bool
    ties: tuple[int, ...]


class Column(NamedTuple):
    """One column for people: its title, and the text of its cell."""

    title: str
    cell: Callable[[Row], str]
    right: bool = True


CSV_COLUMNS = (
    "network",
    "architecture_hash",
    "params",
    "macs",
    "peak_activations",
    "data",
    "recipe_hash",
    "split",
    "weights",
    "n",
    "accuracy_mean",
    "accuracy_std",
    "accuracy_interval",
    "seeds",
    "images_per_second",
    "front",
)

# Left out one after another, in this order, where a terminal is too narrow; the files have them all.
EXPENDABLE = ("s", "img/s", "MACs", "images")
# Columns of words may be folded down to so many characters; a folded number would mislead.
FOLDED = {"network": 20, "data": 10, "ties": 8}
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def rows(groups: Iterable[Group]) -> list[Row]:
    """Return one row per group, by params and then by name, numbered from 1.

    Fronts and ties are found within each set of comparable groups, never across sets.
    """
    members = list(groups)
    networks = network_labels(members)
    conditions = list(dict.fromkeys(g.conditions for g in members))
    data, sets = data_labels(conditions), set_labels(conditions)
    recipes = recipe_labels(c.recipe_hash for c in conditions)

    def place(g: Group) -> tuple[int, str, str, Conditions]:
        return g.params, networks[g.architecture_hash, g.cost], g.architecture_hash, g.conditions

    members.sort(key=place)
    front, tied = _fronts_and_ties(members)
    return [
        Row(
            number=i + 1,
            network=networks[g.architecture_hash, g.cost],
            architecture_hash=g.architecture_hash,
            params=g.params,
            macs=g.cost.macs,
            peak_activations=g.cost.peak_activations,
            data=data[g.conditions],
            recipe=recipes[g.conditions.recipe_hash],
            recipe_hash=g.conditions.recipe_hash,
            set=sets[g.conditions],
            split=g.conditions.split,
            weights=g.conditions.weights,
            images=g.conditions.n,
            n=len(g.runs),
            accuracy_mean=g.mean,
            accuracy_std=g.std,
            accuracy_interval=g.interval,
            seeds=g.seeds,
            images_per_second=mean([run.record.training.images_per_second for run in g.runs]),
            seconds=mean([run.record.training.seconds for run in g.runs]),
            front=i in front,
            ties=tuple(j + 1 for j in tied[i]),
        )
        for i, g in enumerate(members)
    ]


def to_csv(table: Iterable[Row]) -> str:
    """Return the rows as CSV for machines: full precision, accuracy 0..1, an empty cell for no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([_plain(getattr(row, column)) for column in CSV_COLUMNS] for row in table)
    return text.getvalue()


def to_markdown(table: Sequence[Row]) -> str:
    """Return the rows as a GitHub-flavoured Markdown table."""
    columns = columns_of(table)
    lines = [
        [column.title for column in columns],
        ["---:" if column.right else ":---" for column in columns],
        *([escape_markdown(column.cell(row)) for column in columns] for row in table),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def to_terminal(table: Sequence[Row], width: int) -> RenderableType:
    """Return the rows as a rich table that fits into `width` columns by folding words, never by cutting.

    It is wider only where even its narrowest form does not fit; print it with `crop=False`.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns = _fitting(columns_of(table), table, width)
    widths = _widths(columns, table, width)
    total = sum(widths) + len(widths) - 1
    drawn = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False, width=total)
    for column, each in zip(columns, widths, strict=True):
        drawn.add_column(column.title, justify="right" if column.right else "left", overflow="fold", width=each)
    for row in table:
        drawn.add_row(*(Text(column.cell(row)) for column in columns))
    return drawn


def columns_of(table: Sequence[Row]) -> list[Column]:
    """Return the columns for people; those of data, recipe, weights and images only where they vary."""
    shown = {
        "data": len({row.data for row in table}) > 1,
        "recipe": len({row.recipe for row in table}) > 1,
        # Averaged weights are always named, even where all are averaged.
        "weights": {row.weights for row in table} != {RAW},
        "images": len({row.images for row in table}) > 1,
    }
    columns = [
        Column("#", lambda row: str(row.number)),
        Column("network", lambda row: row.network, right=False),
        Column("data", lambda row: row.data, right=False),
        Column("recipe", lambda row: row.recipe, right=False),
        Column("weights", lambda row: row.weights, right=False),
        Column("images", lambda row: f"{row.images:,}"),
        Column("params", lambda row: f"{row.params:,}"),
        Column("MACs", lambda row: short(row.macs)),
        Column("accuracy %", _accuracy, right=False),
        Column("n", lambda row: str(row.n)),
        Column("img/s", lambda row: short(row.images_per_second)),
        Column("s", lambda row: short(row.seconds)),
        Column("front", lambda row: "*" if row.front else "", right=False),
        Column("ties", lambda row: spans(row.ties), right=False),
    ]
    return [column for column in columns if shown.get(column.title, True)]


def network_name(row: Row) -> str:
    """Return the network's label, which says so where the weights evaluated were not the raw ones."""
    return row.network if row.weights == RAW else f"{row.network} ({row.weights})"


def short(count: float) -> str:
    """Return a count with three significant digits and a unit: 950, 30k, 1.25M, 36.5M, 4.1G."""
    for size, unit in UNITS:
        if abs(count) >= 0.9995 * size:  # so that 999,950 is rounded to 1M, not to 1000k
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"


def spans(numbers: Sequence[int]) -> str:
    """Return increasing whole numbers as spans: `1-3 5`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)


def escape_markdown(text: str) -> str:
    """Return text on one line that GitHub-flavoured Markdown shows as it is, in a table cell too."""
    return re.sub(r"([\\|*_`<>\[\]~])", r"\\\1", " ".join(text.split()))


def _accuracy(row: Row) -> str:
    half = "n=1" if row.accuracy_interval is None else f"±{100 * row.accuracy_interval:.2f}"
    return f"{100 * row.accuracy_mean:.2f} {half}"


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return value


def _fronts_and_ties(groups: Sequence[Group]) -> tuple[set[int], defaultdict[int, list[int]]]:
    """Return the indices of groups on a front, and for each index the sorted indices that it ties with."""
    front: set[int] = set()
    tied: defaultdict[int, list[int]] = defaultdict(list)
    for indices in comparable(groups).values():
        members = [groups[i] for i in indices]
        front.update(indices[i] for i in pareto_front([(g.params, g.mean) for g in members]))
        for i, j in ties(members):
            tied[indices[i]].append(indices[j])
            tied[indices[j]].append(indices[i])
    for others in tied.values():
        others.sort()
    return front, tied


def _fitting(columns: list[Column], table: Sequence[Row], width: int) -> list[Column]:
    """Drop expendable columns until the rest fits, with words folded where they may be."""
    for title in EXPENDABLE:
        if sum(_narrowest(column, table) + 1 for column in columns) - 1 <= width:
            break
        columns = [column for column in columns if column.title != title]
    return columns


def _widths(columns: Sequence[Column], table: Sequence[Row], width: int) -> list[int]:
    """Return the width of each column: its narrowest, and what is left over for words, from left to right."""
    widths = [_narrowest(column, table) for column in columns]
    left = max(width - sum(widths) - len(widths) + 1, 0)
    for i, column in enumerate(columns):
        wanted = min(_widest(column, table) - widths[i], left)
        widths[i] += wanted
        left -= wanted
    return widths


def _widest(column: Column, table: Sequence[Row]) -> int:
    return max(len(column.title), *(len(column.cell(row)) for row in table))


def _narrowest(column: Column, table: Sequence[Row]) -> int:
    widest = _widest(column, table)
    return min(widest, FOLDED.get(column.title, widest))
