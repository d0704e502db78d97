"""Numbers and shapes as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as people write it: 64x8x8."""
    return "x".join(str(side) for side in shape)


def count_text(number: int) -> str:
    """Return a number with its thousands apart; nothing for none."""
    return f"{number:,}" if number else ""


def share_text(part: int, total: int) -> str:
    """Return a part of a total in percent; nothing for none."""
    return f"{part / total:.1%}" if part else ""


def field_text(field: tuple[int, int] | None, sees_all: bool = False) -> str:
    """Return a receptive field as height x width, `all` where it is the whole picture, `?` where it is unknown."""
    return "all" if sees_all else shape_text(field) if field else "?"


def printable(text: str) -> str:
    """Return a text on one line, in which what cannot be printed is shown in escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def markup(text: str) -> str:
    """Return a text that XML and HTML take as text, also in quotes."""
    return escape(printable(text), quote=True)


def count_of(number: int, what: str) -> str:
    """Return how many there are of something: `1 layer`, `2,000 layers`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
