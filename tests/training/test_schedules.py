"""Learning rates over a run."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import LRScheduler

from archbuilder.errors import ConfigError
from archbuilder.training.schedules import constant, cosine


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def rates(schedule: LRScheduler, steps: int) -> list[float]:
    """Return the learning rate that each of `steps` steps uses."""
    used = []
    for _ in range(steps):
        used.append(float(schedule.optimizer.param_groups[0]["lr"]))
        schedule.optimizer.step()
        schedule.step()
    return used


@given(steps=st.integers(1, 200), warmup=st.floats(0, 0.9))
def test_cosine_rises_to_the_peak_then_falls_and_never_leaves_its_bounds(steps: int, warmup: float) -> None:
    used = rates(cosine(optimizer(), steps, warmup), steps)
    rising = round(steps * warmup)
    assert all(0 <= rate <= 1 + 1e-6 for rate in used)
    assert used[: rising + 1] == sorted(used[: rising + 1])
    assert used[rising:] == sorted(used[rising:], reverse=True)
    if rising < steps:
        assert used[rising] == pytest.approx(1)


def test_cosine_ends_near_zero() -> None:
    assert rates(cosine(optimizer(), 100, 0.1), 100)[-1] < 0.01


@pytest.mark.parametrize("warmup", [-0.1, 1, 2])
def test_a_warmup_that_is_no_share_is_refused(warmup: float) -> None:
    with pytest.raises(ConfigError, match="no share of the steps"):
        cosine(optimizer(), 10, warmup)


def test_constant_stays() -> None:
    assert rates(constant(optimizer(), 10), 10) == [1.0] * 10
