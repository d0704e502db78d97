"""Networks at equal budgets: which one spends its parameters best."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archbuilder.compare.labels import budget_label
from archbuilder.compare.table import RAW, Row, accuracy, network_name
from archbuilder.compare.words import markdown_table

if TYPE_CHECKING:
    from rich.console import RenderableType

TITLE = "Accuracy % at equal budgets"
BEST, PERHAPS = "*", "?"
LEGEND = {
    BEST: "the best and those whose intervals overlap with its",
    PERHAPS: "the highest, but of one seed, so perhaps by chance",
}


class Cell(NamedTuple):
    """A row of the comparison under its budget, and its mark: BEST, PERHAPS or none."""

    row: Row
    mark: str


class Line(NamedTuple):
    """What a network of a set of comparable rows reached under each budget; None where nothing is compared."""

    network: str
    set: str
    cells: tuple[Cell | None, ...]


class Budgets(NamedTuple):
    """A table of networks at equal budgets: a title for each budget, and the lines."""

    titles: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()


def at_equal_budgets(table: Sequence[Row]) -> Budgets:
    """Return a line per network and set, a column per budget; without lines where no two networks share set and budget.

    Networks stand in the order of their mean accuracy under the largest budgets. Where networks of one name have a
    budget in common, each has a line of its own.
    """
    fields: defaultdict[tuple[str, Any], list[Row]] = defaultdict(list)
    for row in table:
        if row.budget:
            fields[row.set, tuple(row.budget.items())].append(row)
    found: defaultdict[tuple[str, str], dict[Any, Cell]] = defaultdict(dict)
    for (group, budget), field in fields.items():
        if len(field) > 1:
            names = Counter(map(_network, field))
            for row, mark in zip(field, _marks(field), strict=True):
                name = _network(row) if names[_network(row)] == 1 else network_name(row)
                found[group, name][budget] = Cell(row, mark)
    columns = sorted({budget for cells in found.values() for budget in cells})
    lines = [Line(name, group, tuple(map(cells.get, columns))) for (group, name), cells in found.items()]
    return Budgets(tuple(budget_label(dict(budget)) for budget in columns), tuple(sorted(lines, key=_place)))


def legend(budgets: Budgets) -> str:
    """Return what the marks in the table mean."""
    marks = {cell.mark for line in budgets.lines for cell in line.cells if cell}
    return "; ".join(f"{mark} {meaning}" for mark, meaning in LEGEND.items() if mark in marks)


def to_texts(budgets: Budgets) -> list[list[str]]:
    """Return the cells of the table for people, titles first; sets are told where there are several."""
    several = len({line.set for line in budgets.lines}) > 1
    return [["network", *(["compared within"] if several else []), *budgets.titles]] + [
        [line.network, *([line.set] if several else []), *map(_text, line.cells)] for line in budgets.lines
    ]


def to_json(budgets: Budgets) -> list[dict[str, Any]]:
    """Return each cell as plain data: its budget, network, set, number of the row, and mark."""
    return [
        {"budget": cell.row.budget, "network": line.network, "set": line.set, "row": cell.row.number, "mark": cell.mark}
        for line in budgets.lines
        for cell in line.cells
        if cell
    ]


def to_markdown(budgets: Budgets) -> str:
    """Return the table in GitHub-flavoured Markdown."""
    titles, *lines = to_texts(budgets)
    return markdown_table(titles, lines)


def to_terminal(budgets: Budgets) -> RenderableType:
    """Return the table for a terminal, with long words folded."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    titles, *lines = to_texts(budgets)
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        drawn.add_column(Text(title), overflow="fold")
    for line in lines:
        drawn.add_row(*map(Text, line))
    return drawn


def _network(row: Row) -> str:
    """Return what a network is called under every budget."""
    return row.model if row.weights == RAW else f"{row.model} ({row.weights})"


def _marks(field: Sequence[Row]) -> list[str]:
    """Return the mark of each of several comparable rows under one budget."""
    best = max(row.accuracy_mean for row in field)
    halves = [row.accuracy_interval for row in field if row.accuracy_mean == best and row.accuracy_interval is not None]
    if not halves:
        return [PERHAPS if row.accuracy_mean == best else "" for row in field]
    reach = best - max(halves)

    def as_good(row: Row) -> bool:
        half = row.accuracy_interval
        return row.accuracy_mean == best or (half is not None and row.accuracy_mean + half >= reach)

    return [BEST if as_good(row) else "" for row in field]


def _place(line: Line) -> tuple[Any, ...]:
    return line.set, *(-cell.row.accuracy_mean if cell else 1.0 for cell in reversed(line.cells)), line.network


def _text(cell: Cell | None) -> str:
    return f"{accuracy(cell.row)} {cell.mark}".rstrip() if cell else ""
