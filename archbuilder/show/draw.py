"""Drawing a network into a file, in the form that the file's name asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from archbuilder.errors import ConfigError, suggestion
from archbuilder.files import write_text
from archbuilder.show.diagram import Diagram, diagram
from archbuilder.show.html import html
from archbuilder.show.mermaid import mermaid
from archbuilder.show.svg import svg
from archbuilder.show.tree import Network, levels

FORMS: dict[str, Callable[[Diagram], str]] = {".svg": svg, ".html": html, ".mmd": mermaid}
MOST_DRAWN = 1000


def checked_suffix(path: Path) -> str:
    """Return which form a file's name asks for; raises ConfigError for any but .svg, .html and .mmd."""
    suffix = path.suffix.lower()
    if suffix not in FORMS:
        near = suggestion(suffix, FORMS) if suffix else ""
        hint = f"; {near}" if near.startswith("did") else ""
        *others, last = FORMS
        raise ConfigError("--draw", f"'{path.name}' does not end in {', '.join(others)} or {last}{hint}")
    return suffix


def draw(network: Network, to: Path, depth: int | None = None) -> str:
    """Draw a network into a file, atomically; return a sentence about it. Raises ConfigError where it is too large."""
    form = FORMS[checked_suffix(to)]
    if depth == 0:
        raise ConfigError("--depth", "nothing is left to draw at 0 levels; use 1 or more")
    counts = levels(network.root)
    nodes = counts[min(depth, len(counts)) - 1] if depth and counts else 0
    if nodes > MOST_DRAWN:
        fitting = max((level for level, count in enumerate(counts, 1) if count <= MOST_DRAWN), default=0)
        hint = f"use --depth {fitting}" if fitting else "even the sections are too many"
        raise ConfigError("--depth", f"{nodes:,} nodes are more than {MOST_DRAWN:,}, too many to draw; {hint}")
    drawn = diagram(network, depth)
    write_text(to, form(drawn))
    more = f"; folded below level {drawn.depth}, --depth {drawn.depth + 1} shows more" if drawn.deeper else ""
    return f"drawn in {to}{more}"
