from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from archbuilder.data.draws import Draws, alternated, around, draw, whole

LARGEST = 1 - 2**-24  # the largest float32 below 1


def test_each_image_gets_a_number_of_its_own_for_each_purpose() -> None:
    drawn = torch.stack(draw(500, torch.Generator().manual_seed(0)))
    assert drawn.shape == (len(Draws._fields), 500)
    assert ((drawn >= 0) & (drawn < 1)).all()
    # 120 pairs of purposes: with 500 independent numbers each, correlations stay below 5 of their deviations.
    correlations = torch.corrcoef(drawn) - torch.eye(len(drawn))
    assert correlations.abs().max() < 5 / 500**0.5


@given(st.integers(-50, 50), st.integers(1, 5000))
def test_whole_numbers_stay_within_their_bounds_and_reach_both(low: int, count: int) -> None:
    ends = whole(torch.tensor([0.0, LARGEST]), low, low + count - 1)
    assert ends.tolist() == [low, low + count - 1]


def test_whole_numbers_are_equally_likely() -> None:
    counts = torch.bincount(whole(torch.arange(1000) / 1000, 0, 9))
    assert counts.tolist() == [100] * 10


def test_around_reaches_from_one_end_to_the_other() -> None:
    assert around(torch.tensor([0.0, 0.5, 1.0]), 0.25, 1.0).tolist() == [0.75, 1.0, 1.25]


@given(st.lists(st.integers(0, 1), min_size=1, max_size=8), st.integers(0, 100))
def test_alternated_draws_mirror_each_image_in_every_other_epoch(first: list[int], epoch: int) -> None:
    draws = draw(len(first), torch.Generator().manual_seed(0))
    now, then = (alternated(draws, torch.tensor(first), e).flip < 0.5 for e in (epoch, epoch + 1))
    assert torch.equal(now, ~then)
    assert now.tolist() == [bool(bit) != bool(epoch % 2) for bit in first]
