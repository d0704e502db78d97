"""Trackers beside a run's own files: TensorBoard, Weights & Biases, MLflow, or any other logger of Lightning.

Lightning gives them the figures of each epoch; what the run's record says, they are told once it is written.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import DictConfig

from archbuilder.errors import ArchbuilderError, ConfigError
from archbuilder.record import RECORD_FILE, Record, content_hash
from archbuilder.training.ema import RAW
from archbuilder.training.parts import make
from archbuilder.training.resume import Identity

EXTRAS = ("tensorboard", "wandb", "mlflow")
ID_TAG = "archbuilder.id"


@dataclass(frozen=True)
class Tracked:
    """What trackers know a run by: its folder, the sweep that it is part of, and an id.

    The id is the same whenever the run is gone on with, so that one run is one run in the tracker too.
    """

    folder: Path
    sweep: str | None
    id: str

    @property
    def name(self) -> str:
        return self.folder.name


def tracked(config: DictConfig, identity: Identity) -> Tracked:
    """Return what trackers know the run of this configuration by."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    folder = Path(config.folder).resolve()
    in_sweep = HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN
    # With the folder: the same settings are trained elsewhere too, and may be told to the same server.
    number = content_hash({"folder": str(folder), **identity})[:16]
    return Tracked(folder, str(config.sweep) if in_sweep else None, number)


# -- making them: what `conf/logger/` describes partly, `run` completes; a setting that is said there wins -------------


def tensorboard_logger(run: Tracked, **settings: Any) -> TensorBoardLogger:
    """Return a logger that writes events below the run's folder."""
    import tensorboard  # noqa: F401 - where it is missing, Lightning would make a folder before it says so

    return TensorBoardLogger(**{"save_dir": run.folder, "name": "tensorboard", "version": "", **settings})


def wandb_logger(run: Tracked, **settings: Any) -> WandbLogger:
    """Return a logger to a run of Weights & Biases, the one that is there already if there is one."""
    own = {"name": run.name, "id": run.id, "group": run.sweep, "save_dir": run.folder}
    return WandbLogger(**{**own, **settings})


def mlflow_logger(run: Tracked, tracking_uri: str, experiment_name: str, **settings: Any) -> MLFlowLogger:
    """Return a logger to a run of MLflow, the one that is there already if there is one."""
    place = settings.get("artifact_location")
    tags = {ID_TAG: run.id, **({"sweep": run.sweep} if run.sweep else {}), **settings.pop("tags", {})}
    own = {"run_name": run.name, "run_id": _earlier(tracking_uri, experiment_name, place, run.id), "tags": tags}
    return MLFlowLogger(experiment_name, tracking_uri=tracking_uri, **{**own, **settings})


@rank_zero_only
def _earlier(tracking_uri: str, experiment_name: str, artifact_location: str | None, number: str) -> str | None:
    """Return MLflow's own id, which nobody can choose, of the run that was begun before."""
    from filelock import FileLock
    from mlflow import MlflowClient

    # Jobs of a sweep may begin at once, and MLflow's database is broken when two of them make it.
    lock = content_hash([str(Path.cwd()), tracking_uri])[:16]
    with FileLock(Path(tempfile.gettempdir(), f"archbuilder-{lock}.lock"), mode=0o666):
        client = MlflowClient(tracking_uri)
        experiment = client.get_experiment_by_name(experiment_name)
        place = experiment.experiment_id if experiment else client.create_experiment(experiment_name, artifact_location)
    for found in client.search_runs([place], f"tags.`{ID_TAG}` = '{number}'", max_results=1):
        client.update_run(found.info.run_id, status="RUNNING")
        return str(found.info.run_id)
    return None


def make_loggers(config: Mapping[str, Any] | None, run: Tracked) -> dict[str, Logger]:
    """Return the loggers of the group by their names; raises ConfigError for anything that is none."""
    loggers = {}
    for name, node in (config or {}).items():
        if node is None:
            continue
        with _told(name):
            made = make(node, f"logger.{name}")
            logger = made(run) if isinstance(made, functools.partial) else made
        if not isinstance(logger, Logger):
            raise ConfigError(f"logger.{name}", f"{type(logger).__name__} is no logger of Lightning; say its _target_")
        loggers[name] = logger
    return loggers


# -- around the training ---------------------------------------------------------------------------------------------


def start(loggers: Mapping[str, Logger]) -> None:
    """Begin the trackers' runs; raises ConfigError, before anything is trained, where one cannot be reached."""
    for name, logger in loggers.items():
        with _told(name):
            getattr(logger, "experiment", None)  # which Lightning makes of those who ask first


@contextmanager
def closing(loggers: Mapping[str, Logger]) -> Iterator[None]:
    """End the trackers' runs, as failed ones where an exception passes; the next job of a sweep begins its own."""
    failed = True
    try:
        yield
        failed = False
    finally:
        for name, logger in loggers.items():
            with _harmless(name):
                logger.finalize("failed" if failed else "success")
                if isinstance(logger, WandbLogger):  # Lightning leaves its run open, for the next one to fall into
                    import wandb

                    wandb.finish(exit_code=int(failed))


def tell(loggers: Mapping[str, Logger], record: Record) -> None:
    """Tell trackers what the record says, once it is written; a failure is printed and harms nothing."""
    for name, logger in loggers.items():
        with _harmless(name):
            if isinstance(logger, TensorBoardLogger):
                # Written empty with the first figures, and not again while it is there.
                Path(logger.log_dir, logger.NAME_HPARAMS_FILE).unlink(missing_ok=True)
                # It sets figures against one another only where they come with the hyper-parameters.
                logger.log_hyperparams(hyperparameters(record), figures(record), record.training.steps)
            else:
                logger.log_hyperparams(hyperparameters(record))
                logger.log_metrics(figures(record), record.training.steps)


# -- what they are told ----------------------------------------------------------------------------------------------


def hyperparameters(record: Record) -> dict[str, Any]:
    """Return what was decided before the run: keys as in the record, joined by `/`; numbers, words and None.

    The same for every run with the same id: MLflow refuses a parameter that changes.
    """
    return dict(
        _flat(
            {
                "architecture": dataclasses.asdict(record.architecture),
                "data": {"name": record.data.name, "fingerprint": record.data.fingerprint},
                "seed": record.seed,
                "recipe": {"hash": record.recipe.hash, **record.recipe.settings},
            }
        )
    )


def figures(record: Record) -> dict[str, float]:
    """Return what came of the run, to be set against one another over runs: `params`, `macs`, `val_accuracy`, ..."""
    values: dict[str, float] = dataclasses.asdict(record.cost)
    for result in record.results:
        # Averaged weights are always named.
        kind = "" if result.weights == RAW else f"_{result.weights}"
        values |= {f"{result.split}_accuracy{kind}": result.accuracy, f"{result.split}_loss{kind}": result.loss}
    took = record.training
    measured = {key: getattr(took, key) for key in ("epochs", "seconds", "images_per_second", "latency")}
    return {**values, **measured}


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}/{name}" if key else str(name))
    else:
        yield key, json.dumps(value) if isinstance(value, list) else value


# -- what goes wrong in them, which is of every kind -----------------------------------------------------------------


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn whatever a tracker raises into ConfigError."""
    try:
        yield
    except ArchbuilderError:
        raise
    except ModuleNotFoundError as error:
        known = f'{error.name or name} is not installed; pip install "archbuilder[{name}]"'
        raise ConfigError(f"logger.{name}", known if name in EXTRAS else _line(error)) from None
    except Exception as error:
        raise ConfigError(f"logger.{name}", _line(error)) from None


@contextmanager
def _harmless(name: str) -> Iterator[None]:
    """Print whatever a tracker raises: the run is over, and its files say everything."""
    try:
        yield
    except Exception as error:
        print(f"logger.{name}: {_line(error)}; this tracker may lack what {RECORD_FILE} says", file=sys.stderr)


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
