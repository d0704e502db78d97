"""A search by Optuna that goes on: what is stored counts, and what was cut short comes first."""

from __future__ import annotations

import logging
from pathlib import Path

from omegaconf import DictConfig, read_write


def go_on(config: DictConfig) -> None:
    """Prepare the sweeper for what its storage holds: so many trials less, those that were running again waiting.

    Optuna's sweeper alone would add `n_trials` new ones at each start.
    """
    # It tells all its plugins otherwise.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from optuna.storages import get_storage
    from optuna.trial import TrialState

    sweeper = config.hydra.sweeper
    # For a database in it.
    Path(config.hydra.sweep.dir).mkdir(parents=True, exist_ok=True)
    storage = get_storage(sweeper.storage)
    try:
        study = storage.get_study_id_from_name(sweeper.study_name)
    except KeyError:
        return
    trials = storage.get_all_trials(study)
    for trial in trials:
        if trial.state == TrialState.RUNNING:
            storage.set_trial_state(trial._trial_id, TrialState.WAITING)
    finished = sum(trial.state.is_finished() for trial in trials)
    print(f"{finished} of {sweeper.n_trials} trials are stored in {sweeper.storage}")
    with read_write(config.hydra):
        sweeper.n_trials = max(0, sweeper.n_trials - finished)
