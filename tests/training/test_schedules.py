"""Learning rates over a run."""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from archbuilder.errors import ConfigError
from archbuilder.language.yaml import load
from archbuilder.paths import conf_dir
from archbuilder.training import schedules
from archbuilder.training.module import MakeSchedule
from archbuilder.training.schedules import constant, cosine, linear, one_cycle

ALL: list[Any] = [
    made
    for name, made in vars(schedules).items()
    if inspect.isfunction(made) and made.__module__ == schedules.__name__ and not name.startswith("_")
]
FALLING = [make for make in ALL if "end" in inspect.signature(make).parameters]


def test_every_schedule_is_found_and_has_its_settings() -> None:
    assert {constant, cosine, linear, one_cycle} <= set(ALL)
    for make in ALL:
        path = conf_dir() / "schedule" / f"{make.__name__}.yaml"
        assert path.is_file(), f"write conf/schedule/{path.name}, with _target_ and every parameter but the first two"
        said = load(path)
        assert said.pop("_target_") == f"{schedules.__name__}.{make.__name__}"
        assert said.pop("_partial_") is True
        parameters = list(inspect.signature(make).parameters.values())[2:]
        assert said == {one.name: one.default for one in parameters}, f"{path.name} says the defaults of its function"


def optimizer(*rates: float) -> torch.optim.Optimizer:
    """Return an optimizer with a parameter group for each learning rate, or one of 1.0."""
    groups = [{"params": [torch.zeros(1, requires_grad=True)], "lr": rate} for rate in rates or (1.0,)]
    return torch.optim.SGD(groups, lr=1.0)


def rates(schedule: LRScheduler, steps: int) -> list[float]:
    """Return the learning rate that each of `steps` steps uses."""
    used = []
    for _ in range(steps):
        used.append(float(schedule.optimizer.param_groups[0]["lr"]))
        schedule.optimizer.step()
        schedule.step()
    return used


# The peak of one_cycle is torch's, which lies elsewhere.
@pytest.mark.parametrize("make", [make for make in FALLING if make is not one_cycle])
@given(steps=st.integers(1, 200), warmup=st.floats(0, 0.9), start=st.floats(0, 1), end=st.floats(0, 1))
def test_it_rises_to_the_peak_then_falls_and_never_leaves_its_bounds(
    make: MakeSchedule, steps: int, warmup: float, start: float, end: float
) -> None:
    used = rates(make(optimizer(), steps, warmup, start, end), steps)  # type: ignore[call-arg]
    rising = round(steps * warmup)
    assert all(min(start, end) - 1e-6 <= rate <= 1 + 1e-6 for rate in used)
    assert used[: rising + 1] == sorted(used[: rising + 1])
    assert used[rising:] == sorted(used[rising:], reverse=True)
    if rising < steps:
        assert used[rising] == pytest.approx(1), (
            "a schedule whose peak lies elsewhere is left out here, as one_cycle is"
        )


@given(steps=st.integers(10, 200), warmup=st.floats(0.2, 0.8), start=st.floats(0.01, 0.5), end=st.floats(1e-4, 0.5))
def test_one_cycle_is_that_of_torch(steps: int, warmup: float, start: float, end: float) -> None:
    theirs = OneCycleLR(
        optimizer(), 1.0, total_steps=steps, pct_start=warmup, cycle_momentum=False,
        div_factor=1 / start, final_div_factor=start / end,
    )  # fmt: skip
    assert rates(one_cycle(optimizer(), steps, warmup, start, end), steps) == pytest.approx(rates(theirs, steps))


@given(steps=st.integers(1, 5), warmup=st.floats(0, 0.99))
def test_one_cycle_fits_the_shortest_of_runs(steps: int, warmup: float) -> None:
    used = rates(one_cycle(optimizer(), steps, warmup), steps)
    assert all(0 <= rate <= 1 for rate in used)


@pytest.mark.parametrize("make", FALLING)
@pytest.mark.parametrize("end", [0.0, 0.2])
def test_it_ends_near_the_end(make: MakeSchedule, end: float) -> None:
    last = rates(make(optimizer(), 200, 0.1, 0.0, end), 200)[-1]  # type: ignore[call-arg]
    assert last == pytest.approx(end, abs=0.006), "what has an `end` comes near it; call it otherwise where it does not"


def test_cosine_is_that_of_torch_behind_the_warm_up() -> None:
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer(), T_max=90, eta_min=0.1)
    assert rates(cosine(optimizer(), 100, 0.1, end=0.1), 100)[10:] == pytest.approx(rates(theirs, 90))


def test_linear_is_half_way_down_in_the_middle() -> None:
    used = rates(linear(optimizer(), 100, 0.0, end=0.5), 100)
    assert (used[0], used[50]) == pytest.approx((1.0, 0.75))


def test_constant_stays() -> None:
    assert rates(constant(optimizer(), 10), 10) == [1.0] * 10


def test_constant_rises_where_it_is_told_to() -> None:
    assert rates(constant(optimizer(), 10, warmup=0.4), 10) == pytest.approx([0.2, 0.4, 0.6, 0.8, *[1.0] * 6])


@pytest.mark.parametrize("make", ALL)
def test_every_parameter_group_keeps_its_own_rate(make: MakeSchedule) -> None:
    schedule = make(optimizer(1.0, 64.0), 20)
    for _ in range(20):
        first, second = (group["lr"] for group in schedule.optimizer.param_groups)
        assert second == pytest.approx(64 * first)
        schedule.optimizer.step()
        schedule.step()


@pytest.mark.parametrize("make", ALL)
def test_a_resumed_schedule_goes_on_exactly(make: MakeSchedule) -> None:
    whole = rates(make(optimizer(), 30), 30)
    first = make(optimizer(), 30)
    begun = rates(first, 11)
    state = copy.deepcopy((first.state_dict(), first.optimizer.state_dict()))
    second = make(optimizer(), 30)
    second.load_state_dict(state[0])
    second.optimizer.load_state_dict(state[1])
    with warnings.catch_warnings():
        # The steps were taken before, by the other optimizer.
        warnings.simplefilter("ignore")
        assert begun + rates(second, 19) == whole


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("warmup", [-0.1, 1, 2])
def test_a_warmup_that_is_no_share_is_refused(make: MakeSchedule, warmup: float) -> None:
    with pytest.raises(ConfigError, match="no share of the steps"):
        make(optimizer(), 10, warmup)  # type: ignore[call-arg]


@pytest.mark.parametrize("make", FALLING)
@pytest.mark.parametrize("key", ["start", "end"])
@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_rate_that_is_no_share_is_refused(make: MakeSchedule, key: str, share: float) -> None:
    with pytest.raises(ConfigError, match=f"schedule.{key}: .* no share of the learning rate"):
        make(optimizer(), 10, **{key: share})
