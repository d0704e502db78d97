"""Tick marks for an axis of counts on a logarithmic scale."""

from __future__ import annotations

import math

MOST = 9
FEWEST = 4
# From few marks per decade to many; each mantissa is a number that people round to.
MANTISSAS = (
    (1.0,),
    (1.0, 3.0),
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
)


def log_ticks(low: float, high: float) -> list[float]:
    """Return 4 to 9 round values between two positive counts, spread for a logarithmic axis.

    Where even the densest series per decade has too few between them, they are evenly spaced values.
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in MANTISSAS:
        marks = [m * 10.0**d for d in decades for m in mantissas if low <= m * 10.0**d <= high]
        if FEWEST <= len(marks) <= MOST:
            return marks
        if len(marks) > MOST and mantissas == MANTISSAS[0]:
            return marks[:: math.ceil(len(marks) / MOST)]
    return _even_ticks(low, high)


def _even_ticks(low: float, high: float) -> list[float]:
    """Return multiples of 1, 2, 2.5 or 5 times a power of ten."""
    unit = 10.0 ** math.floor(math.log10((high - low) / FEWEST))
    step = next(m * unit for m in (10.0, 5.0, 2.5, 2.0, 1.0) if (high - low) // (m * unit) >= FEWEST)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]
