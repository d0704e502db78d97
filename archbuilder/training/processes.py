"""Training in other processes than the command's own: a sweep's jobs, and those that share one job's training."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, read_write

from archbuilder.errors import ConfigError
from archbuilder.language.overrides import quoted


def is_follower(trainer: Mapping[str, Any] | None) -> bool:
    """Tell whether this process trains along with another one, which speaks and writes for all."""
    ranks = ["LOCAL_RANK", "SLURM_PROCID"]
    if "TORCHELASTIC_RUN_ID" in os.environ:  # what torchrun starts; others may mean other things by it
        ranks.append("RANK")
    if str((trainer or {}).get("num_nodes", 1)) != "1":  # nodes may well have numbers and nothing in common
        ranks.append("NODE_RANK")
    return any(int(os.environ.get(rank, "0")) > 0 for rank in ranks)


def is_launched() -> bool:
    """Tell whether this is a job of a sweep that a launcher runs in a process of its own, maybe beside others."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    if not HydraConfig.initialized():
        return False
    hydra: Any = HydraConfig.get()
    return hydra.mode == RunMode.MULTIRUN and not str(hydra.launcher._target_).endswith(".BasicLauncher")


@contextmanager
def group() -> Iterator[None]:
    """Leave no trace of a group of processes behind: the next job of a sweep makes one of its own."""
    import torch

    before = {name: os.environ.get(name) for name in _VARIABLES}
    try:
        yield
    finally:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


# What Lightning sets for the processes that it starts, and takes for a sign that they were started.
_VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "LOCAL_RANK", "WORLD_SIZE")


def repeat_this_job(config: DictConfig) -> None:
    """Make Lightning start its further processes with this very job and folder, not with the whole command.

    Lightning repeats the command line, which in a sweep would start the sweep anew, each time into another folder.
    Raises ConfigError in a launcher's process, which neither has that command nor can be forked.
    """
    from hydra.core.hydra_config import HydraConfig

    strategy = str(config.trainer.get("strategy", "auto"))
    if is_launched() and os.environ.get("SLURM_NTASKS", "1") == "1" and _is_several(config.trainer):
        raise ConfigError(
            "trainer",
            "a job that hydra/launcher starts trains in one process on one device; "
            "write trainer=auto, or sweep without a launcher",
        )
    if not HydraConfig.initialized() or "spawn" in strategy or "fork" in strategy:
        return
    hydra: Any = HydraConfig.instance().cfg
    folder = Path(config.folder).resolve()
    own = [source.path for source in hydra.hydra.runtime.config_sources if source.provider == "command-line"]
    places = [word for path in own for word in ("--config-dir", path)]
    sys.argv[1:] = [*places, *hydra.hydra.overrides.task, f"folder={quoted(str(folder))}"]
    # Lightning gives this one on.
    with read_write(hydra.hydra):
        hydra.hydra.run.dir = str(folder)


def _is_several(trainer: DictConfig) -> bool:
    """Tell whether these settings of a trainer want more than one process."""
    devices = trainer.get("devices", "auto")
    one = len(devices) == 1 if OmegaConf.is_list(devices) else str(devices) in ("auto", "1")
    return str(trainer.get("strategy", "auto")) != "auto" or not one
