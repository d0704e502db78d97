"""The comparison of runs from end to end: read, group, write table and picture, tell what was left out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archbuilder.compare.axes import PARAMS, Axis
from archbuilder.compare.axes import axis as named_axis
from archbuilder.compare.budgets import at_equal_budgets
from archbuilder.compare.budgets import to_markdown as lines_to_markdown
from archbuilder.compare.budgets import to_terminal as lines_to_terminal
from archbuilder.compare.find import Problem, Run, find_runs
from archbuilder.compare.labels import differences
from archbuilder.compare.page import page
from archbuilder.compare.plot import draw
from archbuilder.compare.statistics import KEPT, WEIGHTS, Group, group
from archbuilder.compare.table import MOST_TIED, Row, ordered, rows, to_csv, to_json, to_markdown, to_terminal
from archbuilder.compare.words import escape_markdown
from archbuilder.errors import RecordError, suggestion
from archbuilder.files import write_bytes

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
NAME = "comparison"
EQUAL = "Accuracy % at equal budgets, * the best and what ties with it"
MOST_SETTINGS = 6


@dataclass(frozen=True)
class Report:
    """A comparison: its rows, what to know when reading them, what was left out, and the files written.

    `budgets` are the lines of the table of networks at equal budgets, titles first, where there are any.
    """

    split: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    budgets: tuple[Sequence[str], ...]
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
        console.print(to_terminal(self.rows, console.width), crop=False)
        if self.budgets:
            console.print(Text(f"\n{EQUAL}:"))
            console.print(lines_to_terminal(self.budgets), crop=False)
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
) -> Report:
    """Compare all runs in and below the folders, and write comparison.html, .png, .svg, .md, .csv, .json into `to`.

    Accuracy is of the last epoch, on `split`, by the weights that a run hands on, or by `raw`, `averaged` or `all`.
    Fronts are over (`x`, accuracy), one of `axes.AXES`, for each set of comparable rows or for all of them `together`.
    Raises RecordError where a folder holds no run, or no run has such a result.
    """
    runs, problems = find_runs([Path(folder) for folder in folders])
    return compare_runs(runs, problems, to, split, x, weights, together)


def compare_runs(
    runs: Sequence[Run],
    problems: Sequence[Problem],
    to: Path,
    split: str = "val",
    x: str = PARAMS.field,
    weights: str = KEPT,
    together: bool = False,
) -> Report:
    """Compare runs that were found, as `compare` does; `problems` are those that were left out so far."""
    against = named_axis(x)
    if weights not in WEIGHTS:
        raise RecordError(f"there are no weights called '{weights}'; {suggestion(weights, WEIGHTS, 'there are')}")
    groups, left_out = group(runs, split, weights)
    problems = [*problems, *left_out]
    if not groups:
        raise RecordError(_nothing(runs, problems, split))
    groups = ordered(groups)
    table = rows(groups, against, together)
    notes = _notes(table, groups, against, together)
    budgets = at_equal_budgets(table)
    pictures = draw(table, against, together)
    content: dict[str, bytes] = {
        "html": page(table, groups, notes, problems, x, together).encode(),
        "md": _markdown(table, notes, budgets, problems).encode(),
        "csv": to_csv(table).encode(),
        "json": _json(table, notes, problems, against).encode(),
        "png": pictures.png,
        "svg": pictures.svg,
    }
    files = {suffix: Path(to) / f"{NAME}.{suffix}" for suffix in content}
    for suffix, path in files.items():
        write_bytes(path, content[suffix])
    return Report(split, tuple(table), tuple(notes), tuple(budgets), tuple(problems), tuple(files.values()))


def _nothing(runs: Sequence[Run], problems: Sequence[Problem], split: str) -> str:
    if not runs:
        return f"no run here is finished: {'; '.join(map(str, problems))}"
    splits = sorted({result.split for run in runs for result in run.record.results})
    known = f"they have: {', '.join(splits)}" if splits else "they have no results at all"
    return f"none of the {len(runs)} runs has a result on the split '{split}'; {known}"


def _notes(table: Sequence[Row], groups: Sequence[Group], x: Axis, together: bool) -> list[str]:
    """Return what a reader must know to read the table rightly, one sentence or two per note."""
    images = ", ".join(f"{n:,}" for n in sorted({row.images for row in table}))
    data = ", ".join(sorted({row.data for row in table}))
    split = table[0].split
    notes = [
        f"Accuracy: single view, last epoch, on the {split} split of {data} ({images} images): mean and 95% "
        f"t-interval over n seeds. Front *: no other row has {x.no_worse} and as high an accuracy. "
        "Ties: rows whose intervals overlap, so that their order is not known. Difference: to the best row that costs "
        "no more, over the seeds that both have."
    ]
    if len(table) > MOST_TIED:
        notes.append(f"Of more than {MOST_TIED} comparable rows, ties are told with those on the front alone.")
    if split == "test":
        notes.append("This is the test split: report by it, but do not choose by it.")
    single = sum(row.n == 1 for row in table)
    if single:
        which = "All rows" if single == len(table) else f"{single} of {len(table)} rows"
        notes.append(f"{which} have one seed (n=1) and so no interval: their order may be chance.")
    sets = sorted({row.set for row in table})
    if len(sets) > 1 and together:
        notes.append(f"Asked for: one front over rows that are not comparable, for they differ: {'; '.join(sets)}.")
    elif len(sets) > 1:
        notes.append(f"Not all rows are comparable; fronts and ties are kept apart: {'; '.join(sets)}.")
    notes += _recipe_notes(table, groups)
    devices = sorted({run.record.training.device for g in groups for run in g.runs})
    if len(devices) > 1:
        notes.append(f"Speeds are not comparable: they were measured on {', '.join(devices)}.")
    return notes


def _recipe_notes(table: Sequence[Row], groups: Sequence[Group]) -> list[str]:
    """Return for each of several recipes its hash and the settings in which it differs from the others."""
    labels = {row.recipe_hash: row.recipe for row in table}
    if len(labels) == 1:
        return []
    settings = {g.conditions.recipe_hash: g.runs[0].record.recipe.settings for g in groups}
    hashes = sorted(labels)
    differing = differences([settings[digest] for digest in hashes])
    if not differing:
        return ["The recipes have different hashes, but no setting that they record differs."]
    notes = []
    for i, digest in enumerate(hashes):
        parts = [f"{key}={values[i]}" for key, values in differing.items()]
        more = f" and {len(parts) - MOST_SETTINGS} more" if len(parts) > MOST_SETTINGS else ""
        notes.append(f"Recipe {labels[digest]} ({digest[:8]}): {', '.join(parts[:MOST_SETTINGS])}{more}.")
    return notes


def _json(table: Sequence[Row], notes: Sequence[str], problems: Sequence[Problem], x: Axis) -> str:
    """Return the comparison as plain data for machines."""
    content = {
        "schema": SCHEMA,
        "x": x.field,
        "rows": to_json(table),
        "notes": notes,
        "left_out": [{"folder": str(problem.folder), "reason": problem.reason} for problem in problems],
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _others(files: Sequence[Path]) -> str:
    """Return the files beside the first, which differ from it in the suffix alone."""
    return f" and {', '.join(path.suffix for path in files[1:])} beside it"


def _left_out(problems: Sequence[Problem]) -> list[str]:
    if not problems:
        return []
    return [f"Left out ({len(problems)}):", *(f"  {problem}" for problem in problems)]


def _markdown(
    table: Sequence[Row], notes: Iterable[str], budgets: Sequence[Sequence[str]], problems: Sequence[Problem]
) -> str:
    """Return the comparison as a Markdown page."""
    lines = ["# Comparison", "", to_markdown(table)]
    if budgets:
        lines += [f"## {EQUAL}", "", lines_to_markdown(budgets)]
    lines += [f"- {escape_markdown(note)}" for note in notes]
    lines += ["", f"![Accuracy against cost]({NAME}.png)", ""]
    if problems:
        lines += [f"## Left out ({len(problems)})", ""]
        lines += [f"- {escape_markdown(str(problem))}" for problem in problems]
    return "\n".join(lines).rstrip() + "\n"
