"""Costs as tables in the terminal: one network's tree, or several networks side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from archbuilder.description import Description
from archbuilder.show.text import count_of, count_text, field_text, shape_text, share_text
from archbuilder.show.tree import Network, Row, folded, readable_depth, rows

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 1000
"""So many rows of a tree are shown unless a depth is asked for."""

MOST_STYLED = 300
"""Rows that rich prints; it would take a second for each 1,500."""

LEFT = ("layer", "block", "output", "model", "input")
GAP = 2
NARROWEST = 20
"""To so many characters a column of words is folded; a narrower one would be hard to read."""
SPARE = ("activations", "MACs %", "params %", "layers", "peak activations", "field", "block")


class Line(NamedTuple):
    """The cells of one row, by the headings, and how it looks."""

    cells: Sequence[str]
    style: str = ""


class Page(NamedTuple):
    """A table to be printed: rows, those set apart below them, and what is said about it.

    `left` are the headings of columns of words, `spare` those that a narrow terminal leaves out, one after the other,
    and `folded` those whose words go on in the next line there. `about` holds what is said of a column, told where it
    is shown.
    """

    title: str
    headings: Sequence[str]
    lines: Sequence[Line]
    totals: Sequence[Line]
    notes: Sequence[str]
    left: Sequence[str] = LEFT
    spare: Sequence[str] = SPARE
    folded: Sequence[str] = ()
    about: Sequence[tuple[str, str]] = ()


def tree_page(network: Network, depth: int | None = None) -> Page:
    """Return the tree of a network's costs, folded below `depth` levels, by default where it gets too long."""
    cost = network.cost
    deepest = readable_depth(network.root, MOST_ROWS) if depth is None else depth
    inputs = ", ".join(shape_text(shape) for shape in cost.inputs.values())
    outputs = ", ".join(shape_text(shape) for shape in cost.outputs)
    root = folded(network.root, deepest)
    lines = [_tree_line(row, network) for row in rows(root)]
    totals = [Line(_total("total", outputs, cost.params, cost.macs, f"{cost.activations:,}"), "bold")]
    if any(layer.auxiliary for layer in cost.layers):
        totals.append(Line(_total("without auxiliary heads", "", cost.inference_params, cost.inference_macs, "")))
    notes = [
        f"{count_of(len(cost.layers), 'layer')}, {cost.depth:,} of them with MACs on the longest way; "
        f"most activation elements alive at once: {cost.peak_activations:,} per image",
        "%: share of the whole network; field: pixels of the input, height x width, that one output value can depend "
        "on, in theory; all: the whole picture, as behind a global pool or a gate per channel"
        + ("; ?: a primitive does not say what it reads" if _unknown(cost) else ""),
    ]
    if depth is None and len(lines) < _nodes(network):
        notes.append(f"folded below level {deepest}: {_nodes(network):,} rows are many; --depth N shows more")
    return Page(f"{cost.name}: {inputs}", _TREE, lines, totals, notes)


def _unknown(cost: Description) -> bool:
    return any(layer.receptive_field is None for layer in cost.layers)


_TREE = ("layer", "block", "output", "params", "params %", "MACs", "MACs %", "activations", "field")


def _nodes(network: Network) -> int:
    return sum(1 for _ in rows(network.root))


def _tree_line(row: Row, network: Network) -> Line:
    node, root = row.node, network.root
    mark = " (auxiliary)" if node.auxiliary and not row.parent.auxiliary else ""
    cells = (
        row.lead + node.name + mark,
        node.kind,
        shape_text(node.shape),
        count_text(node.params),
        share_text(node.params, root.params),
        count_text(node.macs),
        share_text(node.macs, root.macs),
        count_text(node.activations),
        field_text(node.receptive_field, node.sees_all),
    )
    return Line(cells, "dim" if node.auxiliary else "bold" if node.children else "")


def _total(label: str, outputs: str, params: int, macs: int, activations: str) -> tuple[str, ...]:
    return label, "", outputs, f"{params:,}", "", f"{macs:,}", "", activations, ""


def models_page(costs: Iterable[Description]) -> Page:
    """Return several networks side by side, one row each in the order given."""
    lines: list[Line] = []
    for cost in costs:
        lines.append(Line(_model_cells(cost, cost.name, cost.params, cost.macs)))
        if any(layer.auxiliary for layer in cost.layers):
            without = "  without auxiliary heads"
            lines.append(
                Line((without, "", f"{cost.inference_params:,}", f"{cost.inference_macs:,}", *[""] * 5), "dim")
            )
    notes = (
        "peak activations: most elements alive at once, per image; field: pixels of the input that one position of "
        "the last feature map can depend on, in theory, gates per channel left out",
        "depth: layers with MACs on the longest way",
    )
    return Page("", _MODELS, lines, (), notes)


_MODELS = ("model", "input", "params", "MACs", "activations", "peak activations", "field", "layers", "depth")


def _model_cells(cost: Description, name: str, params: int, macs: int) -> tuple[str, ...]:
    return (
        name,
        ", ".join(shape_text(shape) for shape in cost.inputs.values()),
        f"{params:,}",
        f"{macs:,}",
        f"{cost.activations:,}",
        f"{cost.peak_activations:,}",
        field_text(cost.receptive_field),
        f"{len(cost.layers):,}",
        f"{cost.depth:,}",
    )


def print_page(page: Page, width: int | None = None) -> None:
    """Print a table; in `width` columns (by default those of the terminal) without what has no room there."""
    from rich.console import Console

    console = Console(width=width)
    known = width or console.is_terminal or os.environ.get("COLUMNS", "").isdecimal()
    columns = _columns(page, console.width if known else None)
    shown = [page.headings[column] for column in columns]
    hidden = [heading for heading in page.headings if heading not in shown]
    notes = [*page.notes, *(told for heading, told in page.about if heading in shown)]
    if hidden:
        notes.append(f"no room here for {', '.join(hidden)}: a wider terminal or --json shows all")
    page = page._replace(notes=notes)
    if not known:
        # Not cut off where there is no terminal whose width would be known.
        console.width = max([sum(_widths(page)) + GAP * len(page.headings), len(page.title), *map(len, notes)])
    if len(page.lines) > MOST_STYLED:
        _print_plain(page, columns)
    else:
        _print_rich(page, columns, console)


def _columns(page: Page, room: int | None) -> list[int]:
    """Return which columns are printed: all, or as many as fit."""
    widths = [_narrowest(page, column, width) for column, width in enumerate(_widths(page))]
    shown = list(range(len(page.headings)))
    for heading in page.spare:
        if room is None or sum(widths[column] + GAP for column in shown) - GAP <= room:
            break
        shown = [column for column in shown if page.headings[column] != heading]
    return shown


def _widths(page: Page) -> list[int]:
    cells = [page.headings, *(line.cells for line in (*page.lines, *page.totals))]
    return [max(len(row[column]) for row in cells) for column in range(len(page.headings))]


def _narrowest(page: Page, column: int, width: int) -> int:
    return min(width, NARROWEST) if page.headings[column] in page.folded else width


def _print_rich(page: Page, columns: list[int], console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(page.title) if page.title else None, title_justify="left", box=None, pad_edge=False)
    widths = _widths(page)
    for column in columns:
        heading = page.headings[column]
        if heading in page.folded:
            table.add_column(heading, overflow="fold")
        elif heading in page.left:
            table.add_column(heading, no_wrap=True)
        else:
            # A number that is cut off would be another one.
            table.add_column(heading, justify="right", no_wrap=True, min_width=widths[column])
    for line in page.lines:
        table.add_row(*(Text(line.cells[column]) for column in columns), style=line.style)
    table.add_section()
    for line in page.totals:
        table.add_row(*(Text(line.cells[column]) for column in columns), style=line.style)
    console.print(table, crop=False)
    for note in page.notes:
        console.print(Text(note, style="dim"))


def _print_plain(page: Page, columns: list[int]) -> None:
    """Print a table of very many rows, which rich would take long for."""
    widths = _widths(page)

    def row(cells: Sequence[str]) -> str:
        padded = (
            f"{cells[column]:<{widths[column]}}"
            if page.headings[column] in page.left
            else f"{cells[column]:>{widths[column]}}"
            for column in columns
        )
        return (" " * GAP).join(padded).rstrip()

    lines = (line.cells for line in (*page.lines, *page.totals))
    title = [page.title] if page.title else []
    print(*title, row(page.headings), *map(row, lines), *page.notes, sep="\n")
