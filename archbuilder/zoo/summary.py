"""One package in a terminal: what it is, what it is worth, what it costs, where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from archbuilder.evaluation.figures import share
from archbuilder.evaluation.report import percent
from archbuilder.show.table import Line, Page
from archbuilder.show.text import printable, shape_text
from archbuilder.zoo.facts import UNCHECKED, Facts, mapping, results, text
from archbuilder.zoo.files import SIGNATURE_FILE

MOST_LABELS = 10
LONGEST = 2000
"""Characters of what is told; JSON has all."""
DIGITS = 12
"""Of a hash: enough to know it again, while JSON has all."""


def summary_pages(facts: Facts) -> list[Page]:
    """Return what a person asks about a package: results, everything else about it, and its files, each as a table."""
    path = facts.path
    where = "sizes and metadata are what the manifest says; `archbuilder zoo verify` checks what the files hold"
    told = [Line((what, cut(words, LONGEST))) for what, words in _told(facts)]
    return [
        Page(f"{path.name}: {facts.network} on {facts.data or 'data unknown'}", *_results(facts)),
        Page("", _TOLD, told, (), (), _TOLD, folded=_TOLD),
        Page("", ("file", "bytes", "sha256"), _files(facts), (), (where,), ("file", "sha256")),
    ]


_TOLD = ("what", "told")


def _results(facts: Facts) -> tuple[Any, ...]:
    headings = ("split", "weights", "accuracy", "95% interval", "n", "loss")
    lines = []
    for result in results(facts.metadata):
        found = share(round(result.accuracy * result.n), result.n)
        span = f"{percent(found.low)} to {percent(found.high)}"
        words = (printable(result.split), printable(result.weights))
        lines.append(Line((*words, percent(result.accuracy), span, f"{result.n:,}", f"{result.loss:.4f}")))
    notes = () if lines else ("no evaluation is told; archbuilder eval makes one",)
    return headings, lines, (), notes, ("split", "weights"), ("loss", "n", "95% interval")


def _told(facts: Facts) -> Iterator[tuple[str, str]]:
    told, cost = facts.metadata, facts.cost
    preprocessing = told["preprocessing"]
    labels: list[str] = told["labels"]
    yield "license", facts.license or "none is named, so ask before you use it"
    yield "signature", f"signed, {UNCHECKED}" if facts.signature is not None else "none"
    if cost:
        yield "params", f"{cost.params:,} ({cost.trainable_params:,} trainable)"
        yield "MACs", f"{cost.macs:,} per image"
        yield "peak activations", f"{cost.peak_activations:,} elements per image"
    yield "input", shape_text(preprocessing["shape"])
    yield "preprocessing", _pairs(preprocessing)
    more = f" and {len(labels) - MOST_LABELS} more" if len(labels) > MOST_LABELS else ""
    yield "labels", f"{len(labels)}: {', '.join(labels[:MOST_LABELS])}{more}"
    yield from _rest(told)


def _rest(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what only tells where the weights come from, in the order of the metadata."""
    for key, value in told.items():
        if key in ("schema", "name", "network", "cost", "results", "labels", "preprocessing", "license"):
            continue
        if key == "recipe":
            yield key, f"{text(mapping(value).get('hash'))[:DIGITS]} (archbuilder zoo show --json tells its settings)"
        elif value not in (None, {}, []):
            yield key, _pairs(value) if isinstance(value, dict) else short(value)


def _files(facts: Facts) -> list[Line]:
    lines = [Line((name, f"{told['size']:,}", str(told["sha256"])[:DIGITS])) for name, told in facts.files.items()]
    return lines if facts.signature is None else [*lines, Line((SIGNATURE_FILE, f"{facts.signature:,}", "-"))]


def _pairs(content: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {short(value)}" for key, value in content.items())


def short(value: Any) -> str:
    """Return plain data in words, of a hash and of a number no more digits than people read."""
    if isinstance(value, dict):
        return f"({_pairs(value)})"
    if isinstance(value, list):
        return f"[{', '.join(map(short, value))}]"
    if isinstance(value, str):
        return value[:DIGITS] if _HASH.fullmatch(value) else value
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_HASH = re.compile("[0-9a-f]{32,}")


def cut(words: str, longest: int) -> str:
    """Return words on one line, of which the end is left out where there are many."""
    line = printable(words)
    return line if len(line) <= longest else f"{line[: longest - 4]} ..."
