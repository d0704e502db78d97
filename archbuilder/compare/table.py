"""The rows of a comparison, and the table as CSV, JSON, Markdown and text for a terminal."""

from __future__ import annotations

import bisect
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archbuilder.compare.axes import PARAMS, Axis
from archbuilder.compare.labels import data_labels, network_labels, recipe_labels, set_labels
from archbuilder.compare.statistics import (
    Conditions,
    Difference,
    Group,
    comparable,
    interval,
    mean,
    paired,
    pareto_front,
    ties,
    ties_with,
)
from archbuilder.compare.words import markdown_table, short, spans
from archbuilder.show.text import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

RAW = "raw"
MOST_TIED = 100
"""Of more comparable rows only the ties with those on the front are told: all pairs would be no help, and many."""


class Row(NamedTuple):
    """All that is said of one group, at full precision, for every output alike.

    `accuracy_*` and `difference` lie in 0..1; `images` is the number evaluated on, `n` that of seeds;
    `images_per_second` and `seconds` are of training and `latency` in seconds, means over seeds; `set` tells the sets
    of comparable rows apart and is empty where all are comparable. `model` is the network without its `budget`, which
    is empty where its width was stated. In names, signs that cannot be printed are escaped.

    `ties` and `rival` are numbers of rows. The rival is the best row that costs no more: on the front the one before
    it, elsewhere the one that beats this row. A row alone in its set is on no front. `difference` is this row's
    accuracy minus the rival's, the mean over the `difference_n` seeds that both have. `also` is what a second split is
    called; its accuracy is the mean over the `also_n` seeds that were evaluated on it.
    """

    number: int
    network: str
    model: str
    budget: dict[str, int]
    architecture_hash: str
    params: int
    macs: int
    peak_activations: int
    data: str
    recipe: str
    recipe_hash: str
    epochs: int
    set: str
    split: str
    weights: str
    images: int
    n: int
    accuracy_mean: float
    accuracy_std: float | None
    accuracy_interval: float | None
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]
    images_per_second: float
    latency: float
    seconds: float
    front: bool = False
    ties: tuple[int, ...] = ()
    rival: int | None = None
    difference: float | None = None
    difference_interval: float | None = None
    difference_n: int = 0
    also: str = ""
    also_mean: float | None = None
    also_interval: float | None = None
    also_n: int = 0


class Also(NamedTuple):
    """A second split, whose accuracy stands beside the first's under a name of its own."""

    split: str
    name: str


class Column(NamedTuple):
    """One column for people: its title, and the text of its cell."""

    title: str
    cell: Callable[[Row], str]
    right: bool = True


FORMULAS = ("=", "+", "-", "@", "\t")
"""How a cell begins that a spreadsheet would run."""

# Left out one after another, in this order, where a terminal is too narrow, but for the cost that accuracy is held
# against; the files have them all.
EXPENDABLE = ("s", "ms", "img/s", "MACs", "images", "difference %")
# Columns of words may be folded down to so many characters; a folded number would mislead.
FOLDED = {"network": 20, "data": 10, "ties": 8}


def rows(groups: Iterable[Group], x: Axis = PARAMS, together: bool = False, also: Also | None = None) -> list[Row]:
    """Return one row per group, by params and then by name, numbered from 1; `ordered` gives the groups alike.

    Fronts, ties and rivals are found within each set of comparable groups; `together` takes all for comparable.
    """
    members = ordered(groups)
    networks = network_labels(members)
    conditions = list(dict.fromkeys(g.conditions for g in members))
    data, sets = data_labels(conditions), set_labels(conditions)
    recipes = recipe_labels(c.recipe_hash for c in conditions)
    plain = [
        Row(
            number=i + 1,
            network=printable(networks[g.network]),
            model=printable(" / ".join(g.names)),
            budget=dict(g.network.budget),
            architecture_hash=g.architecture_hash,
            params=g.params,
            macs=g.cost.macs,
            peak_activations=g.cost.peak_activations,
            data=printable(data[g.conditions]),
            recipe=recipes[g.conditions.recipe_hash],
            recipe_hash=g.conditions.recipe_hash,
            epochs=g.conditions.epochs,
            set=printable(sets[g.conditions]),
            split=g.conditions.split,
            weights=g.conditions.weights,
            images=g.conditions.n,
            n=len(g.runs),
            accuracy_mean=g.mean,
            accuracy_std=g.std,
            accuracy_interval=g.interval,
            seeds=g.seeds,
            accuracies=g.accuracies,
            images_per_second=mean([run.record.training.images_per_second for run in g.runs]),
            latency=mean([run.record.training.latency for run in g.runs]),
            seconds=mean([run.record.training.seconds for run in g.runs]),
            **_beside(g, also),
        )
        for i, g in enumerate(members)
    ]
    for indices in [list(range(len(plain)))] if together else comparable(members):
        _rank(plain, members, indices, x)
    return plain


def ordered(groups: Iterable[Group]) -> list[Group]:
    """Return groups in the order of their rows."""
    members = list(groups)
    networks = network_labels(members)

    def place(g: Group) -> tuple[int, str, str, Conditions]:
        return g.params, networks[g.network], g.architecture_hash, g.conditions

    return sorted(members, key=place)


def _rank(plain: list[Row], members: Sequence[Group], indices: Sequence[int], x: Axis) -> None:
    """Put into the rows at some indices what their places among one another are: front, ties, rivals."""
    points = [(x.cost(plain[i]), plain[i].accuracy_mean) for i in indices]
    front = pareto_front(points)
    rank = {place: number for number, place in enumerate(front)}
    costs = [points[place][0] for place in front]
    tied: dict[int, list[int]] = {place: [] for place in range(len(indices))}
    chosen = [members[i] for i in indices]
    for a, b in ties(chosen) if len(chosen) <= MOST_TIED else ties_with(front, chosen):
        # Networks of different budgets are not meant to be alike.
        if chosen[a].network.budget == chosen[b].network.budget:
            tied[a].append(b)
            tied[b].append(a)
    for place, i in enumerate(indices):
        before = rank[place] if place in rank else bisect.bisect_right(costs, points[place][0])
        rival = indices[front[before - 1]] if before else None
        difference = None if rival is None else paired(members[i], members[rival])
        plain[i] = plain[i]._replace(
            front=place in rank and len(indices) > 1,
            ties=tuple(indices[other] + 1 for other in sorted(tied[place])),
            rival=None if rival is None else rival + 1,
            **_difference(difference),
        )


def _difference(found: Difference | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {"difference": found.mean, "difference_interval": found.interval, "difference_n": found.n}


def _beside(group: Group, also: Also | None) -> dict[str, Any]:
    """Return the fields on a second split, by the same weights."""
    if also is None:
        return {}
    found = [run.record.result(also.split, group.conditions.weights) for run in group.runs]
    values = [result.accuracy for result in found if result is not None]
    if not values:
        return {}
    name = printable(also.name)
    return {"also": name, "also_mean": mean(values), "also_interval": interval(values), "also_n": len(values)}


def to_csv(table: Iterable[Row]) -> str:
    """Return the rows as CSV: every field, full precision, accuracy 0..1, an empty cell for no value.

    A budget reads `params=300000`. A name that a spreadsheet would take for a formula has a `'` before it.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(map(_plain, row) for row in table)
    return text.getvalue()


def to_json(table: Iterable[Row]) -> list[dict[str, Any]]:
    """Return the rows as plain data for machines: every field, full precision, accuracy 0..1, null for no value."""
    return [row._asdict() for row in table]


def to_markdown(table: Sequence[Row]) -> str:
    """Return the rows as a GitHub-flavoured Markdown table."""
    columns = columns_of(table)
    right = [i for i, column in enumerate(columns) if column.right]
    cells = ([column.cell(row) for column in columns] for row in table)
    return markdown_table([column.title for column in columns], cells, right)


def to_terminal(table: Sequence[Row], width: int, x: Axis = PARAMS) -> RenderableType:
    """Return the rows as a rich table that fits into `width` columns by folding words, never by cutting.

    Where columns have to be left out, that of the axis `x` stays.

    It is wider only where even its narrowest form does not fit; print it with `crop=False`.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    columns = _fitting(columns_of(table), table, width, x.column)
    widths = _widths(columns, table, width)
    total = sum(widths) + len(widths) - 1
    drawn = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False, width=total)
    for column, each in zip(columns, widths, strict=True):
        drawn.add_column(column.title, justify="right" if column.right else "left", overflow="fold", width=each)
    for row in table:
        drawn.add_row(*(Text(column.cell(row)) for column in columns))
    return drawn


def columns_of(table: Sequence[Row]) -> list[Column]:
    """Return the columns for people; those of data, recipe, epochs, weights and images where they vary, of ties and
    differences where there are any."""
    shown = {
        "data": len({row.data for row in table}) > 1,
        "recipe": len({row.recipe for row in table}) > 1,
        # Averaged weights are always named, even where all are averaged.
        "weights": {row.weights for row in table} != {RAW},
        "epochs": len({row.epochs for row in table}) > 1,
        "images": len({row.images for row in table}) > 1,
        "difference %": any(row.difference is not None for row in table),
        "ties": any(row.ties for row in table),
    }
    also = second_split(table)
    columns = [
        Column("#", lambda row: str(row.number)),
        Column("network", lambda row: row.network, right=False),
        Column("data", lambda row: row.data, right=False),
        Column("recipe", lambda row: row.recipe, right=False),
        Column("epochs", lambda row: str(row.epochs)),
        Column("weights", lambda row: row.weights, right=False),
        Column("images", lambda row: f"{row.images:,}"),
        Column("params", lambda row: f"{row.params:,}"),
        Column("MACs", lambda row: short(row.macs)),
        Column("accuracy %", accuracy, right=False),
        Column("n", lambda row: str(row.n)),
        *([Column(f"{also} %", beside, right=False)] if also else []),
        Column("img/s", lambda row: short(row.images_per_second)),
        Column("ms", lambda row: short(1000 * row.latency)),
        Column("s", lambda row: short(row.seconds)),
        Column("front", lambda row: "*" if row.front else "", right=False),
        Column("difference %", difference, right=False),
        Column("ties", lambda row: spans(row.ties), right=False),
    ]
    return [column for column in columns if shown.get(column.title, True)]


def second_split(table: Iterable[Row]) -> str:
    """Return what the rows call their second split, nothing where they have none."""
    return next((row.also for row in table if row.also), "")


def set_order(row: Row) -> tuple[object, ...]:
    """Return a key by which rows stand in the order of their sets; recipes count A, B, ..., Z, AA, ..."""
    return row.data, len(row.recipe), row.recipe, row.set


def network_name(row: Row) -> str:
    """Return the network's label, which says so where the weights evaluated were not the raw ones."""
    return row.network if row.weights == RAW else f"{row.network} ({row.weights})"


def difference(row: Row) -> str:
    """Return how far a row lies from its rival, in points of accuracy: `+0.31 ±0.12 to 3`, or `+0.31 n=1 to 3`.

    Where they share fewer seeds than the row has, their number is told: `+0.31 ±0.12 n=2 to 3`.
    """
    if row.difference is None:
        return ""
    fewer = _fewer(row.difference_n, row)
    return f"{100 * row.difference:+.2f} {_half(row.difference_interval)}{fewer} to {row.rival}"


def accuracy(row: Row) -> str:
    """Return the mean accuracy in percent with half its interval, or n=1: `91.00 ±2.48`."""
    return f"{100 * row.accuracy_mean:.2f} {_half(row.accuracy_interval)}"


def beside(row: Row) -> str:
    """Return the accuracy on the second split as `accuracy` does the first's, and how many seeds it is of if fewer."""
    if row.also_mean is None:
        return ""
    return f"{100 * row.also_mean:.2f} {_half(row.also_interval)}{_fewer(row.also_n, row)}"


def _fewer(n: int, row: Row) -> str:
    """Return the number of seeds of a figure where it is of several, but fewer than the row has."""
    return f" n={n}" if 1 < n < row.n else ""


def _half(interval: float | None) -> str:
    return "n=1" if interval is None else f"±{100 * interval:.2f}"


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        value = printable(" ".join(f"{key}={number}" for key, number in value.items()))
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def _fitting(columns: list[Column], table: Sequence[Row], width: int, kept: str) -> list[Column]:
    """Drop expendable columns but for one until the rest fits, with words folded where they may be."""
    for title in EXPENDABLE:
        if title == kept:
            continue
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
