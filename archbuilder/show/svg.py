"""A diagram as SVG: boxes with text, edges around them, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from archbuilder.show.diagram import Diagram, Part, label
from archbuilder.show.layout import Line, Placed, place
from archbuilder.show.text import markup

FONT = "font-family='Helvetica, Arial, sans-serif'"
NAME_SIZE, TEXT_SIZE, HEAD_SIZE = 13.0, 11.0, 16.0
LINE_HEIGHT = 15.0
NODE_PADDING = 9.0
MARGIN = 16.0
HEAD = 66.0
PALE, DEEP = (255, 255, 255), (143, 188, 230)
INK, GREY, EDGE, SKIP = "#1b2733", "#5b6875", "#7b8894", "#c2571a"


def svg(diagram: Diagram) -> str:
    """Return a diagram as the text of an SVG picture, with a tooltip on every part."""
    size = {part.path: _size(part) for part in _innermost(diagram.parts)}
    title = {part.path: text_width(_title(part), TEXT_SIZE, bold=True) for part in _boxes(diagram.parts)}
    root = place(diagram, size, title)
    head = [diagram.title, ", ".join(diagram.notes), "darker: a larger share of the MACs"]
    width = max(root.width, *(text_width(text, size) for text, size in zip(head, _HEAD_SIZES, strict=True)))
    width, height = width + 2 * MARGIN, root.height + 2 * MARGIN + HEAD
    left = (width - root.width) / 2
    body = [*_parts(root), *_lines(root), *_titles(root)]
    sides = f"width='{width:.0f}' height='{height:.0f}' viewBox='0 0 {width:.0f} {height:.0f}'"
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' {sides} {FONT} role='img'>",
            f"<title>{markup(diagram.title)}</title>",
            "<rect width='100%' height='100%' fill='#ffffff'/>",
            *_head(head),
            f"<g transform='translate({left:.1f} {HEAD + MARGIN:.1f})'>",
            *body,
            "</g>",
            "</svg>",
            "",
        ]
    )


_HEAD_SIZES = (HEAD_SIZE, TEXT_SIZE, TEXT_SIZE)


def _head(texts: list[str]) -> Iterator[str]:
    for index, (text, size) in enumerate(zip(texts, _HEAD_SIZES, strict=True)):
        weight = " font-weight='bold'" if index == 0 else ""
        y = MARGIN + HEAD_SIZE + index * 18
        look = f"font-size='{size}' fill='{INK if index == 0 else GREY}'{weight}"
        yield f"<text x='{MARGIN}' y='{y}' {look}>{markup(text)}</text>"


def _innermost(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        if part.parts:
            yield from _innermost(part.parts)
        else:
            yield part


def _boxes(parts: tuple[Part, ...]) -> Iterator[Part]:
    for part in parts:
        if part.parts:
            yield part
            yield from _boxes(part.parts)


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return about how wide a text is, in pixels: rather too much than too little."""
    narrow = sum(letter in "fijlt.,:;' |()[]" for letter in text)
    wide = sum(letter in "mwMW%@" or ord(letter) > 0x2E7F for letter in text)
    return size * (0.58 * len(text) - 0.24 * narrow + 0.32 * wide) * (1.06 if bold else 1.0)


def _texts(part: Part) -> list[str]:
    return label(part, " \N{MIDDLE DOT} ")


def _title(part: Part) -> str:
    return f"{part.name} {part.kind}"


def _size(part: Part) -> tuple[float, float]:
    name, *rest = _texts(part)
    width = max(text_width(name, NAME_SIZE, bold=True), *(text_width(text, TEXT_SIZE) for text in rest))
    return max(width, 60.0) + 2 * NODE_PADDING, LINE_HEIGHT * len(_texts(part)) + 2 * NODE_PADDING - 4


def _parts(placed: Placed) -> Iterator[str]:
    """Yield boxes and nodes, outer before inner."""
    if placed.inside:
        if placed.part.path:
            yield _group(
                placed, f"<rect {_frame(placed)} rx='8' fill='#f5f7f9' stroke='#c5cdd5'{_dashes(placed.part)}/>"
            )
        for inner in placed.inside:
            yield from _parts(inner)
    else:
        yield _group(placed, "".join(_node(placed)))


def _group(placed: Placed, content: str) -> str:
    facts = "\n".join(markup(f"{name}: {value}") for name, value in placed.part.facts.items())
    return f"<g class='part' data-path='{markup(placed.part.path)}'><title>{facts}</title>{content}</g>"


def _frame(placed: Placed) -> str:
    return f"x='{placed.x:.1f}' y='{placed.y:.1f}' width='{placed.width:.1f}' height='{placed.height:.1f}'"


def _dashes(part: Part) -> str:
    return " stroke-dasharray='5 3'" if part.auxiliary else ""


def _node(placed: Placed) -> Iterator[str]:
    part = placed.part
    if part.folded:
        # A second sheet behind the first: there is more inside.
        x, y = placed.x + 4, placed.y + 4
        yield (
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{placed.width:.1f}' height='{placed.height:.1f}' rx='5' "
            f"fill='#ffffff' stroke='#9aa6b2'/>"
        )
    rounding = placed.height / 2 if not part.kind else 5
    yield f"<rect {_frame(placed)} rx='{rounding}' fill='{_colour(part.heat)}' stroke='#5b6875'{_dashes(part)}/>"
    middle = placed.x + placed.width / 2
    for index, text in enumerate(_texts(part)):
        y = placed.y + NODE_PADDING + 9 + index * LINE_HEIGHT
        look = (
            f"font-size='{NAME_SIZE}' font-weight='bold' fill='{INK}'"
            if index == 0
            else f"font-size='{TEXT_SIZE}' fill='{INK}'"
        )
        yield f"<text x='{middle:.1f}' y='{y:.1f}' text-anchor='middle' {look}>{markup(text)}</text>"


def _colour(heat: float) -> str:
    red, green, blue = (round(pale + (deep - pale) * heat) for pale, deep in zip(PALE, DEEP, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def _lines(placed: Placed) -> Iterator[str]:
    for line in placed.lines:
        yield _edge(line)
    for inner in placed.inside:
        yield from _lines(inner)


def _edge(line: Line) -> str:
    """Return an edge that runs straight down inside ranks and bends between them."""
    (x, y), *rest = line.corners
    path = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        if abs(to_x - x) < 0.5:
            path.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            half = (y + to_y) / 2
            path.append(f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
    colour = SKIP if line.skips else EDGE
    drawn = f"<path d='{' '.join(path)}' fill='none' stroke='{colour}' stroke-width='1.5'/>"
    if line.ends:
        drawn += f"<path d='M{x:.1f} {y:.1f} l-4 -7 h8 z' fill='{colour}'/>"
    return drawn


def _titles(placed: Placed) -> Iterator[str]:
    """Yield the titles of all boxes."""
    for inner in placed.inside:
        if inner.inside:
            name, kind = markup(inner.part.name), markup(inner.part.kind)
            yield (
                f"<text x='{inner.x + 10:.1f}' y='{inner.y + 16:.1f}' font-size='{TEXT_SIZE}' fill='{GREY}'>"
                f"<tspan font-weight='bold' fill='{INK}'>{name}</tspan> {kind}</text>"
            )
            yield from _titles(inner)
