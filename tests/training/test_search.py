"""A search that is started again has as many trials left as its storage lacks, and those that were cut short wait."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.trial import TrialState

from archbuilder.training.search import go_on

CHOICES: dict[str, optuna.distributions.BaseDistribution] = {
    "seed": optuna.distributions.CategoricalDistribution(["1", "2", "3"])
}


def configured(folder: Path, n_trials: int = 5) -> DictConfig:
    """Return the part of a sweep's configuration that a search reads."""
    sweeper = {"storage": f"sqlite:///{folder}/optuna.db", "study_name": "pareto", "n_trials": n_trials}
    return OmegaConf.create({"hydra": {"sweep": {"dir": str(folder)}, "sweeper": sweeper}})


def study_of(config: DictConfig) -> optuna.Study:
    sweeper = config.hydra.sweeper
    return optuna.create_study(
        study_name=sweeper.study_name,
        storage=sweeper.storage,
        directions=["maximize", "minimize"],
        load_if_exists=True,
    )


def test_a_new_search_has_all_its_trials_before_it_and_a_folder_for_its_storage(tmp_path: Path) -> None:
    config = configured(tmp_path / "new")
    go_on(config)
    assert config.hydra.sweeper.n_trials == 5
    assert (tmp_path / "new").is_dir()


def test_finished_and_failed_trials_count_and_one_that_was_cut_short_is_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured(tmp_path)
    study = study_of(config)
    study.tell(study.ask(CHOICES), [0.5, 1000])
    study.tell(study.ask(CHOICES), state=TrialState.FAIL)
    cut_short = study.ask(CHOICES)
    go_on(config)
    assert config.hydra.sweeper.n_trials == 3
    assert "2 of 5 trials are stored" in capsys.readouterr().out
    again = study_of(config).ask(CHOICES)
    assert (again.number, again.params) == (cut_short.number, cut_short.params)


@pytest.mark.parametrize("n_trials", [0, 1, 2])
def test_a_search_that_has_what_it_wants_does_nothing_more(tmp_path: Path, n_trials: int) -> None:
    config = configured(tmp_path, n_trials)
    study = study_of(config)
    for _ in range(2):
        study.tell(study.ask(CHOICES), [0.5, 1000])
    go_on(config)
    assert config.hydra.sweeper.n_trials == 0
