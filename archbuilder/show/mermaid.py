"""A diagram as a Mermaid flowchart, which many pages and editors draw themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archbuilder.show.diagram import Diagram, Part, label
from archbuilder.show.text import printable


def mermaid(diagram: Diagram) -> str:
    """Return a diagram as the text of a Mermaid flowchart, boxes as subgraphs."""
    names: dict[str, str] = {}
    _number(diagram.parts, names)
    edges = (f"  {names[source]} --> {names[target]}" for source, target in diagram.edges)
    head = f"%% {_text(diagram.title)}: {', '.join(diagram.notes)}"
    return "\n".join([head, "flowchart TD", *_parts(diagram.parts, names, "  "), *edges, ""])


def _number(parts: tuple[Part, ...], names: dict[str, str]) -> None:
    """Give every part a name that means nothing to Mermaid."""
    for part in parts:
        names[part.path] = f"n{len(names)}"
        _number(part.parts, names)


def _parts(parts: tuple[Part, ...], names: Mapping[str, str], indent: str) -> Iterator[str]:
    for part in parts:
        name = names[part.path]
        if part.parts:
            yield f'{indent}subgraph {name} ["{_text(f"{part.name} {part.kind}")}"]'
            yield from _parts(part.parts, names, indent + "  ")
            yield f"{indent}end"
        else:
            opening, closing = ("([", "])") if not part.kind else ("[", "]")
            yield f'{indent}{name}{opening}"{_label(part)}"{closing}'


def _label(part: Part) -> str:
    return "<br/>".join(_text(text) for text in label(part, ", "))


_ENTITIES = {"#": "#35;", "&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;", "%": "#37;"}


def _text(text: str) -> str:
    """Return a text that Mermaid takes as text, on one line."""
    return "".join(_ENTITIES.get(letter, letter) for letter in printable(text))
