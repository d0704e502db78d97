"""Searches by Optuna: what they are told, what they do about failures, and how they go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from archbuilder.record import Record, read_record
from tests.launchers.sweeps import children, finish, start, sweep, until

SEARCH = ("hydra/sweeper=pareto", "sweep=search")


def study(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name="pareto", storage=f"sqlite:///{folder}/runs/search/optuna.db")


def records(folder: Path) -> list[Record]:
    return [read_record(path) for path in sorted(folder.glob("runs/search/*/record.json"))]


def test_accuracy_and_parameters_are_weighed_and_a_trial_that_fails_does_not_end_the_search(tmp_path: Path) -> None:
    # Drawn so that the first two of four trials fail, in one run, and the others are of both widths. (The sweeper
    # itself gives up where the last trial of a whole grid fails.)
    drawn = ("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=4", "hydra.sweeper.n_trials=4")
    done = sweep(tmp_path, *SEARCH, *drawn, "seed=-1,1", "model.scale.width=0.5,1")
    assert done.returncode == 1, done.stderr
    trials = study(tmp_path).trials
    assert sorted(trial.state.name for trial in trials) == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    told = {tuple(trial.values) for trial in trials if trial.values}
    assert told == {(record.results[-1].accuracy, record.cost.params) for record in records(tmp_path)}
    assert len({params for _, params in told}) == 2
    assert "Left out (1)" in done.stdout
    assert "3 jobs: 2 finished, 1 failed" in done.stdout
    assert len(list(tmp_path.glob("runs/search/*/failure.txt"))) == 1


@pytest.mark.parametrize("jobs", [(), ("hydra/launcher=cpus", "hydra.sweeper.n_jobs=2")], ids=["basic", "cpus"])
def test_killed_and_started_again_it_goes_on_to_the_number_of_trials(tmp_path: Path, jobs: tuple[str, ...]) -> None:
    command = (*SEARCH, "hydra.sweeper.n_trials=4", "hydra.sweeper.direction=maximize", "seed=range(1,1000)", *jobs)
    process = start(tmp_path, *command)
    folder = tmp_path / "runs" / "search"
    until(lambda: 0 < len(records(tmp_path)) < len(list(folder.glob("*/.hydra"))), process)
    for job in children(process.pid):
        os.kill(job, signal.SIGKILL)
    finish(process, signal.SIGKILL)
    cut_short = [trial.params for trial in study(tmp_path).trials if trial.state == TrialState.RUNNING]
    assert cut_short
    before = {path: path.read_bytes() for path in folder.glob("*/record.json")}
    done = sweep(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    trials = study(tmp_path).trials
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 4
    assert all(params in [trial.params for trial in trials] for params in cut_short)
    assert {path: path.read_bytes() for path in before} == before
    accuracies = {record.seed: [record.results[-1].accuracy] for record in records(tmp_path)}
    assert {trial.params["seed"]: trial.values for trial in trials} == accuracies
