"""What is said of an evaluation: a table in the terminal, a page, and JSON, from the same figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbuilder.compare.words import escape_markdown
from archbuilder.evaluation.figures import ClassFigures, Figures, Share
from archbuilder.evaluation.picture import draw
from archbuilder.files import write_bytes, write_json, write_text
from archbuilder.record import Result

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = 1
JSON_FILE = "evaluation.json"
MARKDOWN_FILE = "evaluation.md"
PICTURE_FILE = "confusion.png"
MOST_CLASSES = 20
"""In the terminal; of more, those of the lowest accuracy are shown."""

HEADINGS = ("class", "n", "accuracy %", "95% interval", "mostly taken for")
INTERVAL = (
    "Intervals (Wilson) tell how much the choice of these images leaves open; what another seed of training would "
    "change is not in them."
)
FLIPS = (
    "The accuracy is that of a single view. With flips, the logits of each image and of its mirror image are averaged: "
    "twice the cost, and a figure to be compared only with its like."
)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of a network on one split, what it was evaluated on, and what to know when reading them.

    `trained_on` is name and fingerprint of the training's data, empty where not known. `flips` is the accuracy of
    logits averaged over each image and its mirror image, where asked for. `recorded` is what the record says of the
    same images.
    """

    path: Path
    kind: str
    network: str
    data: str
    fingerprint: str
    trained_on: tuple[str, str]
    split: str
    labels: tuple[str, ...]
    device: str
    figures: Figures
    flips: Share | None
    recorded: tuple[Result, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain data; shares lie in 0..1."""
        found = self.figures
        return {
            "schema": SCHEMA,
            "path": str(self.path),
            "kind": self.kind,
            "network": self.network,
            "data": {"name": self.data, "fingerprint": self.fingerprint, "split": self.split},
            "trained_on": dict(zip(("name", "fingerprint"), self.trained_on, strict=True)),
            "device": self.device,
            "n": found.accuracy.n,
            "accuracy": asdict(found.accuracy),
            "top5": asdict(found.top5) if found.top5 else None,
            "accuracy_with_flips": asdict(self.flips) if self.flips else None,
            "loss": found.loss,
            "calibration": {
                "error": found.calibration_error,
                "confidence": found.confidence,
                "bins": [asdict(each) for each in found.bins],
            },
            "classes": [self._class(i) for i in range(len(self.labels))],
            "confusion": found.confusion.tolist(),
            "recorded": [asdict(result) for result in self.recorded],
            "notes": list(self.notes),
        }

    def _class(self, i: int) -> dict[str, Any]:
        each = self.figures.classes[i]
        other = {"label": self.labels[each.taken_for[0]], "count": each.taken_for[1]} if each.taken_for else None
        return {
            "label": self.labels[i],
            "accuracy": asdict(each.accuracy) if each.accuracy else None,
            "taken_for": other,
        }

    def write(self, folder: Path) -> tuple[Path, ...]:
        """Write evaluation.json, evaluation.md and confusion.png into a folder, and return their paths."""
        paths = (folder / JSON_FILE, folder / MARKDOWN_FILE, folder / PICTURE_FILE)
        picture = draw(self.figures.confusion, self.labels, self._title())
        write_bytes(paths[2], picture)
        write_text(paths[1], self.to_markdown())
        write_json(paths[0], self.to_json())
        return paths

    def to_markdown(self) -> str:
        """Return the evaluation as a Markdown page, every class and every bin of the confidence in it."""
        bins = [
            (f"{each.low:.3f} to {each.high:.3f}", f"{each.n:,}", _cell(each.confidence), _cell(each.accuracy))
            for each in self.figures.bins
        ]
        parts = [
            f"# {escape_markdown(self._title())}",
            *(escape_markdown(note) for note in self.notes),
            _markdown(("figure", "value", HEADINGS[3]), list(self._rows())),
            f"{INTERVAL} {FLIPS}" if self.flips else INTERVAL,
            "## Classes",
            _markdown(HEADINGS, [self._class_row(i) for i in range(len(self.labels))]),
            f"![How many images of each class were taken for which]({PICTURE_FILE})",
            "## Calibration",
            _markdown(("confidence", "n", "mean confidence %", "accuracy %"), bins),
        ]
        return "\n\n".join(parts) + "\n"

    def print(self, console: Console | None = None) -> None:
        """Print figures, classes and notes, fitted to the width of the console."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text  # labels and paths are no markup

        console = console or Console()
        console.print(Text(self._title(), style="bold"))
        summary = Table("", "", HEADINGS[3], box=None, pad_edge=False)
        for row in self._rows():
            summary.add_row(*(Text(cell) for cell in row))
        console.print(summary)
        for note in self.notes:
            console.print(Text(f"! {note}"))
        shown = self._shown()
        table = Table(box=None, pad_edge=False)
        for place, heading in enumerate(HEADINGS):
            table.add_column(heading, justify="left" if place in (0, 4) else "right", overflow="fold")
        for i in shown:
            table.add_row(*(Text(cell) for cell in self._class_row(i)))
        console.print()
        console.print(table)
        if len(shown) < len(self.labels):
            console.print(Text(f"the {len(shown)} least accurate of {len(self.labels)} classes; --to DIR writes all"))

    def _title(self) -> str:
        return f"{self.network} on {self.data}, split {self.split} ({self.figures.accuracy.n:,} images)"

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield the figures of the whole: name, value, interval."""
        found = self.figures
        yield "accuracy", *_texts(found.accuracy)
        for result in self.recorded:
            yield f"recorded, {result.weights} weights", percent(result.accuracy), ""
        if found.top5:
            yield "top-5 accuracy", *_texts(found.top5)
        if self.flips:
            yield "accuracy with flips", *_texts(self.flips)
        yield "loss", f"{found.loss:.4f}", ""
        yield "mean confidence", percent(found.confidence), ""
        yield "calibration error", percent(found.calibration_error), ""

    def _shown(self) -> Sequence[int]:
        """Return the classes for the terminal: all in their order, or of many the least accurate, worst first."""
        if len(self.labels) <= MOST_CLASSES:
            return range(len(self.labels))
        known = [(each.accuracy.value, i) for i, each in enumerate(self.figures.classes) if each.accuracy]
        return [i for _, i in sorted(known)[: MOST_CLASSES // 2]]

    def _class_row(self, i: int) -> tuple[str, ...]:
        each = self.figures.classes[i]
        return self.labels[i], *_class_texts(each), self._taken_for(each)

    def _taken_for(self, each: ClassFigures) -> str:
        return f"{self.labels[each.taken_for[0]]} ({each.taken_for[1]:,})" if each.taken_for else ""


def percent(value: float) -> str:
    """Return a share as people read it: 98.05%."""
    return f"{100 * value:.2f}%"


def _texts(part: Share) -> tuple[str, str]:
    return percent(part.value), f"{percent(part.low)} to {percent(part.high)}"


def _class_texts(each: ClassFigures) -> tuple[str, str, str]:
    if each.accuracy is None:
        return "0", "", ""
    part = each.accuracy
    return f"{part.n:,}", _cell(part.value), f"{_cell(part.low)} to {_cell(part.high)}"


def _cell(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"


def _markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, [":---", *["---:"] * (len(headings) - 1)], *([escape_markdown(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
