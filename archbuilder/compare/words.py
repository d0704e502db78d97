"""Numbers and names as people read them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from decimal import ROUND_CEILING, Context

NAME = "comparison"
"""Of the files that a comparison writes, without their suffix."""
LONGEST_LABEL = 36
UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(count: float) -> str:
    """Return a count with three significant digits and a unit: 950, 30k, 1.25M, 36.5M, 4.1G."""
    for size, unit in UNITS:
        if abs(count) >= 0.9995 * size:  # so that 999,950 is rounded to 1M, not to 1000k
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"


def exact(count: int) -> str:
    """Return a count as `short` does where that loses nothing, otherwise in full: 300k, but 300,400."""
    text = short(count)
    size = next((size for size, unit in UNITS if text.endswith(unit)), 1)
    return text if round(float(text.rstrip("TGMk")) * size) == count else f"{count:,}"


def at_most(number: float) -> str:
    """Return a number, 0 or more, with one digit and rounded up: what is said to be no more than it is no more."""
    return f"{float(Context(1, ROUND_CEILING).create_decimal_from_float(number)):.1g}"


def cut(name: str, longest: int = LONGEST_LABEL) -> str:
    """Shorten a long name in its middle: what tells variants apart stands at its ends."""
    half = longest // 2 - 1
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def spans(numbers: Sequence[int]) -> str:
    """Return increasing whole numbers as spans: `1-3 5`."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in found)


def escape_markdown(text: str) -> str:
    """Return text on one line that GitHub-flavoured Markdown shows as it is, in a table cell too."""
    escaped = re.sub(r"([\\|*_`<>\[\]~&])", r"\\\1", " ".join(text.split()))
    # A backslash keeps neither a formula nor the mention of a person from being made of these.
    return re.sub("[$@]", lambda found: f"<span>{found[0]}</span>", escaped)


def markdown_table(titles: Sequence[str], lines: Iterable[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return a GitHub-flavoured Markdown table of texts; `right` are the columns, from 0, that stand to the right."""
    rule = ["---:" if i in right else ":---" for i in range(len(titles))]
    escaped = (map(escape_markdown, line) for line in lines)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (titles, rule, *escaped))
