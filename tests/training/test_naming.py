"""A sweep has the same name when the same command is given again, whatever runs its jobs."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from archbuilder.training import naming

COMMAND = ["-m", "model=plain,nin", "hydra/sweeper=pareto"]


def name(monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    """Return what a sweep is called by a configuration of a program with these arguments."""
    naming.register()
    monkeypatch.setattr("sys.argv", ["train.py", *words])
    return str(OmegaConf.create({"sweep": "${sweep_name:}"}).sweep)


@pytest.mark.parametrize(
    "word",
    [
        "hydra/launcher=gpus",
        "hydra.launcher.n_jobs=3",
        "+hydra.launcher.ray.init.num_cpus=2",
        "hydra.sweeper.n_trials=50",
        "hydra.sweeper.n_jobs=4",
    ],
)
def test_who_runs_the_jobs_and_for_how_long_does_not_count(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    assert name(monkeypatch, *COMMAND, word) == name(monkeypatch, *COMMAND)


@pytest.mark.parametrize("word", ["seed=2", "hydra.sweeper.direction=maximize", "hydra/sweeper/sampler=random"])
def test_what_is_trained_does(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    assert name(monkeypatch, *COMMAND, word) != name(monkeypatch, *COMMAND)
