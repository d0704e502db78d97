"""Train a network, or sweep over several and compare them: `train.py`, and `python -m archbuilder.train` without it."""

import os
import sys

import hydra
from omegaconf import DictConfig

from archbuilder.paths import conf_dir
from archbuilder.training.entry import errors_for_people, job, model_overrides


@hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name="train")
def main(config: DictConfig) -> float | tuple[float, int] | None:
    """Run one job of the sweep, or the only one; return its objectives, which a search weighs."""
    return job(config)


def start() -> None:
    """Do what the command line says."""
    # Hydra would print its own view of an error and exit; with this it lets the error through.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    sys.argv[1:] = model_overrides(sys.argv[1:])
    with errors_for_people():
        main()


if __name__ == "__main__":
    start()
