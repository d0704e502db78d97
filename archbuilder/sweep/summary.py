"""A sweep in numbers: how many jobs are where, and how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from archbuilder.errors import RecordError
from archbuilder.sweep.lock import is_attended
from archbuilder.sweep.plan import Plan, read_plan
from archbuilder.sweep.states import FAILED, FINISHED, RUNNING, STOPPED, State, states


@dataclass(frozen=True)
class Summary:
    """The runs of a sweep's folder, how many jobs of the last command have not begun, and the seconds left.

    `waiting` and `seconds_left` are None where they are not known. `attended` tells whether the command is at work.
    """

    runs: tuple[State, ...]
    waiting: int | None
    seconds_left: float | None
    attended: bool

    def of(self, state: str) -> list[State]:
        """Return the runs in a state."""
        return [run for run in self.runs if run.state == state]

    @property
    def over(self) -> bool:
        """Whether nothing is at work and nothing will be, unless the command is given again."""
        return not self.of(RUNNING) and not self.attended

    def counts(self) -> str:
        """Return how many jobs are in each state, in words: `9 of 12 finished, 1 running, 2 waiting`."""
        total = len(self.runs) + (self.waiting or 0)
        parts = [f"{len(self.of(FINISHED))} of {total} finished"]
        parts += [f"{len(found)} {state}" for state in (RUNNING, FAILED, STOPPED) if (found := self.of(state))]
        return ", ".join(parts + ([f"{self.waiting} waiting"] if self.waiting else []))


def summary(folder: Path, now: float) -> Summary:
    """Return where a sweep stands at a time in seconds since 1970; raises RecordError for a folder of no sweep."""
    if not folder.is_dir():
        raise RecordError(f"{folder}: there is no such folder; name that of a sweep, below runs/")
    found, plan = states(folder, now), read_plan(folder)
    if not found and plan is None:
        raise RecordError(f"{folder}: is no sweep's folder; name one that `train.py -m` wrote, below runs/")
    waiting = _waiting(found, plan)
    return Summary(tuple(found), waiting, _left(found, waiting, plan), is_attended(folder))


def _waiting(runs: Sequence[State], plan: Plan | None) -> int | None:
    """Return how many jobs of the last command have not begun: to each that has, the command has come since."""
    if plan is None or plan.jobs is None:
        return None
    return max(plan.jobs - sum(run.touched >= plan.began for run in runs), 0)


def _left(runs: Sequence[State], waiting: int | None, plan: Plan | None) -> float | None:
    """Return the seconds left: what those at work lack, and as much per waiting job as one took under this command."""
    working = [run for run in runs if run.state == RUNNING]
    took = [
        run.ended - run.touched
        for run in runs
        if plan and run.state == FINISHED and run.touched >= plan.began and run.ended > run.touched
    ]
    took += [left + run.training_for for run in working if (left := run.seconds_left) is not None]
    if not working or waiting is None or not took:
        return None
    lacking = [
        max(mean(took) - run.training_for, 0.0) if run.seconds_left is None else run.seconds_left for run in working
    ]
    return (sum(lacking) + waiting * mean(took)) / len(working)
