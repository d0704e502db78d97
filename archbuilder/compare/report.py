"""The comparison of runs from end to end: read, group, write table and picture, tell what was left out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.compare.axes import PARAMS, Axis
from archbuilder.compare.axes import axis as named_axis
from archbuilder.compare.budgets import TITLE, Budgets, at_equal_budgets, legend
from archbuilder.compare.budgets import to_json as budgets_to_json
from archbuilder.compare.budgets import to_markdown as budgets_to_markdown
from archbuilder.compare.budgets import to_terminal as budgets_to_terminal
from archbuilder.compare.find import Problem, Run, find_runs
from archbuilder.compare.notes import Recipe, notes_on, recipes_of
from archbuilder.compare.page import page
from archbuilder.compare.picture import draw
from archbuilder.compare.statistics import KEPT, WEIGHTS, Group, group, wanted_and_known
from archbuilder.compare.table import Also, Row, ordered, rows, to_csv, to_json, to_markdown, to_terminal
from archbuilder.compare.words import NAME, escape_markdown
from archbuilder.errors import RecordError, suggestion
from archbuilder.files import write_bytes

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
Find = Callable[[Sequence[Path]], tuple[list[Run], list[Problem]]]


@dataclass(frozen=True)
class Report:
    """A comparison: its rows, what to know when reading them, what was left out, and the files written.

    Accuracy is of a `split`, and held against `x`. `budgets` has lines where networks had equal budgets.
    """

    split: str
    x: Axis
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    budgets: Budgets
    problems: tuple[Problem, ...]
    files: tuple[Path, ...]

    def print(self, console: Console | None = None) -> None:
        """Print the table, notes, problems and paths of files, fitted to the width of the console."""
        from rich.console import Console
        from rich.text import Text  # what people wrote is no markup, nor does it hold emoji codes

        console = console or Console()
        if not console.encoding.lower().startswith("utf"):
            # A stream that cannot take every sign gets question marks, rather than an exception.
            text = self.render(console.width).encode(console.encoding, "replace").decode(console.encoding)
            console.print(Text(text), end="")
            return
        console.print(to_terminal(self.rows, console.width, self.x), crop=False)
        if self.budgets.lines:
            console.print(Text(f"\n{TITLE}: {legend(self.budgets)}"))
            console.print(budgets_to_terminal(self.budgets), crop=False)
            console.print()
        for line in (*self.notes, *_left_out(self.problems)):
            console.print(Text(line))
        # A path is to be copied: it stays on one line, however long.
        console.print(Text(f"wrote {self.files[0]}{_others(self.files)}"), soft_wrap=True)

    def render(self, width: int = 80) -> str:
        """Return what `print` prints, as plain text of a width in columns."""
        from rich.console import Console

        text = io.StringIO()
        self.print(Console(file=text, width=width, color_system=None, force_terminal=False))
        return text.getvalue()


def compare(
    folders: Sequence[Path],
    to: Path,
    split: str = "val",
    x: str = PARAMS.field,
    weights: str = KEPT,
    together: bool = False,
    also: str | None = None,
    find: Find = find_runs,
) -> Report:
    """Compare all runs in and below the folders, and write comparison.html, .png, .svg, .md, .csv, .json into `to`.

    Accuracy is of the last epoch, on `split`, by the weights that a run hands on, or by `raw`, `averaged` or `all`.
    Fronts are over (`x`, accuracy), one of `axes.AXES`, for each set of comparable rows or for all of them `together`.
    `also` names a second split for a column of its own, which ranks nothing; `test=test (JPEG)` titles it so.
    `find` returns the runs in the folders, and what is left out. Raises RecordError where a folder holds no run, or no
    run has such a result.
    """
    against = named_axis(x)
    if weights not in WEIGHTS:
        raise RecordError(f"--weights: there are none called '{weights}'; {suggestion(weights, WEIGHTS, 'there are')}")
    runs, problems = find([Path(folder) for folder in folders])
    groups, left_out = group(runs, split, weights)
    problems = [*problems, *left_out]
    if not groups:
        raise RecordError(_nothing(runs, problems, split, weights))
    groups = ordered(groups)
    table = rows(groups, against, together, _also(also, groups))
    recipes = recipes_of(table, groups)
    notes = notes_on(table, groups, recipes, against, together)
    budgets = at_equal_budgets(table)
    pictures = draw(table, against, together, budgets)
    content: dict[str, bytes] = {
        "html": page(table, groups, notes, problems, budgets, x, together).encode(),
        "md": _markdown(table, notes, budgets, problems).encode(),
        "csv": to_csv(table).encode(),
        "json": _json(table, recipes, notes, budgets, problems, against).encode(),
        "png": pictures.png,
        "svg": pictures.svg,
    }
    files = {suffix: Path(to) / f"{NAME}.{suffix}" for suffix in content}
    for suffix, path in files.items():
        write_bytes(path, content[suffix])
    return Report(split, against, tuple(table), tuple(notes), budgets, tuple(problems), tuple(files.values()))


def _also(also: str | None, groups: Sequence[Group]) -> Also | None:
    if also is None:
        return None
    split, _, name = also.partition("=")
    known = {result.split for each in groups for run in each.runs for result in run.record.results}
    if split not in known:
        raise RecordError(f"--also: there are no results on a split '{split}'; {suggestion(split, known, 'there are')}")
    return Also(split, name or split)


def _nothing(runs: Sequence[Run], problems: Sequence[Problem], split: str, weights: str) -> str:
    if not runs:
        return f"nothing here can be compared: {'; '.join(map(str, problems))}"
    wanted, known = wanted_and_known((each for run in runs for each in run.record.results), split, weights)
    have = f"they have: {known}" if known else "they have no results at all"
    return f"none of the {len(runs)} found has a result {wanted}; {have}"


def _json(
    table: Sequence[Row],
    recipes: Mapping[str, Recipe],
    notes: Sequence[str],
    budgets: Budgets,
    problems: Sequence[Problem],
    x: Axis,
) -> str:
    """Return the comparison as plain data for machines."""
    content = {
        "schema": SCHEMA,
        "x": x.field,
        "equal_budgets": budgets_to_json(budgets),
        "recipes": {label: recipe._asdict() for label, recipe in recipes.items()},
        "notes": notes,
        "left_out": [{"folder": str(problem.folder), "reason": problem.reason} for problem in problems],
    }
    head = json.dumps(content, indent=1, allow_nan=False)
    # A row a line: as many lines as there are rows to compare, and made ten times faster than with an indent.
    lines = ",\n  ".join(json.dumps(row, allow_nan=False) for row in to_json(table))
    return f'{head[:-2]},\n "rows": [\n  {lines}\n ]\n}}\n'


def _others(files: Sequence[Path]) -> str:
    """Return the files beside the first, which differ from it in the suffix alone."""
    return f" and {', '.join(path.suffix for path in files[1:])} beside it"


def _left_out(problems: Sequence[Problem]) -> list[str]:
    if not problems:
        return []
    return [f"Left out ({len(problems)}):", *(f"  {problem}" for problem in problems)]


def _markdown(table: Sequence[Row], notes: Iterable[str], budgets: Budgets, problems: Sequence[Problem]) -> str:
    """Return the comparison as a Markdown page."""
    lines = ["# Comparison", "", to_markdown(table)]
    if budgets.lines:
        lines += [f"## {TITLE}", "", escape_markdown(legend(budgets)), "", budgets_to_markdown(budgets)]
    lines += [f"- {escape_markdown(note)}" for note in notes]
    lines += ["", f"![Accuracy against cost]({NAME}.png)", ""]
    if problems:
        lines += [f"## Left out ({len(problems)})", ""]
        lines += [f"- {escape_markdown(str(problem))}" for problem in problems]
    return "\n".join(lines).rstrip() + "\n"
