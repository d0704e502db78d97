"""Short runs for tests: the shipped configuration on small digits, one epoch."""

from __future__ import annotations

from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from archbuilder.paths import conf_dir
from archbuilder.record import Record
from archbuilder.training.run import run

SMALL = ("data.size=16", "model.input=[3,16,16]", "augment=shift", "trainer=cpu", "trainer.max_epochs=1", "model=plain")


def configured(folder: Path, *overrides: str) -> DictConfig:
    """Return what `train.py` would be given for a small run into `folder`, with `overrides`."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        # `name` and `folder` come from Hydra's own state, which only a whole application has.
        return compose("train", overrides=[*SMALL, "name=small", f"folder='{folder}'", *overrides])


def trained(folder: Path, *overrides: str) -> Record:
    """Train a small run into `folder` and return its record."""
    folder.mkdir(parents=True, exist_ok=True)
    return run(configured(folder, *overrides))
