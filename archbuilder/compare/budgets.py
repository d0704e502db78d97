"""Networks at equal budgets: which one spends its parameters best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archbuilder.compare.table import Row, accuracy
from archbuilder.compare.words import escape_markdown

if TYPE_CHECKING:
    from rich.console import RenderableType


def at_equal_budgets(table: Sequence[Row]) -> list[list[str]]:
    """Return the cells of a table, titles first: a line per network and set, a column per budget that several had.

    Networks stand in the order of their mean accuracy under the largest budgets. A cell holds the mean accuracy with
    its interval or n=1; the best under a budget is marked `*`, and so is each that ties with it. No lines where
    fewer than two networks had the same budget.
    """
    columns = _shared(table)
    if not columns:
        return []
    several = len({row.set for row in table}) > 1
    cells = {(row.set, _network(row), row.budget): row for row in table if row.budget in columns}
    lines = sorted(
        {(row.set, _network(row)) for row in cells.values()},
        key=lambda line: (line[0], *(-_mean(cells.get((*line, column))) for column in reversed(columns)), line[1]),
    )
    titles = ["network", *(["compared within"] if several else []), *columns]
    return [titles] + [
        [network, *([group] if several else []), *(_cell(cells, group, network, column) for column in columns)]
        for group, network in lines
    ]


def to_markdown(lines: Sequence[Sequence[str]]) -> str:
    """Return the lines as a GitHub-flavoured Markdown table."""
    first, *rest = [[escape_markdown(cell).replace("\\*", "**\\***") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in [first, [":---"] * len(first), *rest])


def to_terminal(lines: Sequence[Sequence[str]]) -> RenderableType:
    """Return the lines as a rich table."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in lines[0]:
        drawn.add_column(title, overflow="fold")
    for line in lines[1:]:
        drawn.add_row(*map(Text, line))
    return drawn


def _shared(table: Sequence[Row]) -> list[str]:
    """Return the budgets that several networks had, from small to large."""
    sizes: dict[str, int] = {}
    networks: dict[str, set[str]] = {}
    for row in table:
        if row.budget:
            sizes[row.budget] = max(sizes.get(row.budget, 0), row.params)
            networks.setdefault(row.budget, set()).add(_network(row))
    return sorted((budget for budget, found in networks.items() if len(found) > 1), key=lambda budget: sizes[budget])


def _network(row: Row) -> str:
    """Return what a network is called under every budget."""
    return row.model if row.weights == "raw" else f"{row.model} ({row.weights})"


def _mean(row: Row | None) -> float:
    return row.accuracy_mean if row else -1.0


def _cell(cells: dict[tuple[str, str, str], Row], group: str, network: str, column: str) -> str:
    row = cells.get((group, network, column))
    if row is None:
        return ""
    rivals = [other for (where, _, budget), other in cells.items() if (where, budget) == (group, column)]
    best = max(rivals, key=_mean)
    return accuracy(row) + (" *" if row is best or best.number in row.ties else "")
