"""Numbers and names as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(count: float) -> str:
    """Return a count with three significant digits and a unit: 950, 30k, 1.25M, 36.5M, 4.1G."""
    for size, unit in UNITS:
        if abs(count) >= 0.9995 * size:  # so that 999,950 is rounded to 1M, not to 1000k
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"


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
    return re.sub(r"([\\|*_`<>\[\]~])", r"\\\1", " ".join(text.split()))
