"""An axis of counts has some round marks, whatever it spans."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archbuilder.compare.ticks import log_ticks
from archbuilder.compare.words import short


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (20_000, 2_000_000, "30k 100k 300k 1M"),
        (1_000, 10_000_000, "1k 10k 100k 1M 10M"),
        (50_000, 500_000, "50k 100k 200k 500k"),
        (200_000, 400_000, "200k 250k 300k 400k"),
        (240_000, 300_000, "240k 250k 260k 270k 280k 290k 300k"),
    ],
)
def test_marks_are_round(low: float, high: float, labels: str) -> None:
    assert " ".join(map(short, log_ticks(low, high))) == labels


@given(st.floats(0.5, 1e9), st.floats(1.5, 1e12))
@example(0.5, 1e12)
def test_there_are_four_to_nine_marks_inside_and_no_two_read_the_same(low: float, ratio: float) -> None:
    high = low * ratio
    marks = log_ticks(low, high)
    assert 4 <= len(marks) <= 9
    assert marks == sorted(marks)
    assert all(low <= mark <= high or math.isclose(mark, low) or math.isclose(mark, high) for mark in marks)
    assert len({short(mark) for mark in marks}) == len(marks)
