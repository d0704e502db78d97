"""Making the parts of a run and letting Lightning train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig
from torch import nn

from archbuilder.assemble import Block, assemble
from archbuilder.data.augment import from_settings
from archbuilder.data.images import Dataset
from archbuilder.errors import ConfigError, TrainingError
from archbuilder.graph import Graph
from archbuilder.record import Result, Training
from archbuilder.training import checkpoints
from archbuilder.training.compiling import compile_net
from archbuilder.training.datamodule import Batches
from archbuilder.training.ema import averaged_copy
from archbuilder.training.evaluate import evaluate
from archbuilder.training.keeper import Files, Keeper
from archbuilder.training.latency import latency
from archbuilder.training.memory import ONE_VALUE, is_out_of_memory, out_of_memory, too_little_to_evaluate
from archbuilder.training.metrics import MetricsFile
from archbuilder.training.module import Classifier
from archbuilder.training.parts import make, make_callbacks, quiet
from archbuilder.training.prepare import prepare, recipe_callbacks
from archbuilder.training.progress import Bar, Stopwatch, progress
from archbuilder.training.provenance import device_name
from archbuilder.training.resume import CHECKPOINTS, Identity, differences
from archbuilder.training.settings import checkpoint_seconds
from archbuilder.training.signals import RESUME_ME, say
from archbuilder.training.trackers import start
from archbuilder.training.weights import make_optimizer


@dataclass(frozen=True)
class Fitted:
    """A trained network, what the training took, and the results of the last epoch's weights.

    `kept` is the network with the weights that are handed on: averaged ones where there are, which is what an average
    is for; the raw ones lie in the checkpoint. Of several processes, all but the `main` one have no results, and leave
    writing to it. `processes` is how many shared the training.
    """

    net: Block
    kept: nn.Module
    training: Training
    results: list[Result]
    main: bool
    processes: int


def fit(
    config: DictConfig,
    settings: dict[str, Any],
    graph: Graph,
    dataset: Dataset,
    identity: Identity,
    resume: Path | None = None,
    loggers: Mapping[str, Logger] | None = None,
    watchers: Sequence[lightning.Callback] = (),
) -> Fitted:
    """Train a network, from the checkpoint `resume` on if there is one, and evaluate it on every held-out split.

    `watchers` are callbacks that only look on, such as those of a benchmark.
    Raises ConfigError for settings that fit no optimizer, schedule, trainer, logger or callback, and
    TrainingError where no result came of it.
    """
    quiet()
    batches = Batches(
        dataset,
        from_settings(settings["augment"]),
        settings["batch_size"],
        settings["seed"],
        settings["channels_last"],
    )
    lightning.seed_everything(settings["seed"], workers=True, verbose=False)
    module = _module(config, settings, graph, dataset)
    folder = Path(config.folder)
    keeper = Keeper(folder / CHECKPOINTS, identity, checkpoint_seconds(config), resume)
    loggers = loggers or {}
    trainer = _trainer(config, settings, [Stopwatch(), MetricsFile(folder), keeper, *watchers], loggers)
    start(loggers)
    with _told_if_stopped(trainer, "at once; the same command goes on from what was saved"):
        trained = _trained(trainer, module, batches, resume)
    if not trained:
        raise out_of_memory(module, batches)
    with _told_if_stopped(trainer, "during the last evaluation; the same command evaluates again"):
        training = _training(keeper, trainer, graph)
        results = _evaluated(dataset, module, trainer, batches) if trainer.is_global_zero else []
    # Those that count come last.
    kept = list(module.weights.values())[-1]
    return Fitted(module.net, kept, training, results, trainer.is_global_zero, trainer.world_size)


@contextmanager
def _told_if_stopped(trainer: lightning.Trainer, how: str) -> Iterator[None]:
    """Leave with a line and the code that means `start me again` where Lightning would leave without a word."""
    try:
        yield
    except (SystemExit, KeyboardInterrupt) as leaving:
        if isinstance(leaving, SystemExit) and leaving.code not in (None, 1):
            raise
        if trainer.is_global_zero:
            say(f"stopped {how}")
        raise SystemExit(RESUME_ME) from None


def _trained(trainer: lightning.Trainer, module: Classifier, batches: Batches, resume: Path | None) -> bool:
    """Train; return False where the memory did not suffice for a step, once what it held is free again."""
    try:
        trainer.fit(module, datamodule=batches, ckpt_path=resume, weights_only=True)
    except MisconfigurationException as error:
        raise ConfigError("trainer and callbacks", " ".join(str(error).split())) from None
    except ValueError as error:
        if ONE_VALUE not in str(error):
            raise
        raise ConfigError(
            "batch_size", f"{batches.batch_size} leaves a norm but one number per channel to go by; use 2 or more"
        ) from None
    except RuntimeError as error:
        if "conditioned on metric" in str(error):  # early stopping
            raise ConfigError("callbacks", " ".join(str(error).split())) from None
        if not is_out_of_memory(error):
            raise
        if not module.training:  # an epoch's evaluation, which it was switched for
            raise too_little_to_evaluate(batches) from None
        return False
    return True


def _evaluated(dataset: Dataset, module: Classifier, trainer: lightning.Trainer, batches: Batches) -> list[Result]:
    try:
        return evaluate(dataset, module, trainer, batches)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise too_little_to_evaluate(batches) from None


def _module(config: DictConfig, settings: dict[str, Any], graph: Graph, dataset: Dataset) -> Classifier:
    """Return a new network with its optimizer, schedule and average."""
    net = assemble(graph)
    prepare(net, settings, dataset)
    if settings["channels_last"]:
        net = net.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(config.optimizer, net, settings["norm_bias_lr"])
    averaged = averaged_copy(net) if settings["ema"] else None
    module = Classifier(net, optimizer, make(config.schedule, "schedule"), settings["label_smoothing"], averaged)
    for network in module.weights.values():
        compile_net(network, settings["compile"])
    return module


def _trainer(
    config: DictConfig, settings: dict[str, Any], own: list[lightning.Callback], loggers: Mapping[str, Logger]
) -> lightning.Trainer:
    [stopwatch] = [callback for callback in own if isinstance(callback, Stopwatch)]
    shown = progress(stopwatch)
    trainer: lightning.Trainer = make(
        config.trainer,
        "trainer",
        **{key: settings["trainer"][key] for key in ("accelerator", "devices", "precision")},
        callbacks=[*own, *shown, *recipe_callbacks(settings), *make_callbacks(config.callbacks)],
        # Lightning's own default would be a logger that writes beside ours.
        logger=list(loggers.values()) or False,
        default_root_dir=config.folder,
        enable_progress_bar=any(isinstance(callback, Bar) for callback in shown),
        enable_checkpointing=True,
    )
    trainer.strategy.checkpoint_io = Files()
    return trainer


def _training(keeper: Keeper, trainer: lightning.Trainer, graph: Graph) -> Training:
    """Return what the training took, all sittings together, as the last checkpoint tells it."""
    path, _ = checkpoints.newest(keeper.folder)
    content = checkpoints.read(path) if path else None
    if content is None or differences(content, keeper.identity):
        raise TrainingError(
            f"there is nothing left to train: it was trained for {trainer.current_epoch} of {trainer.max_epochs} "
            "epochs; raise trainer.max_epochs, or whatever else limits it"
        )
    watch = content["callbacks"]["Stopwatch"]
    return Training(
        epochs=content["archbuilder"]["position"][0],
        steps=content["global_step"],
        seconds=watch["wall"],
        images_per_second=watch["images"] / watch["seconds"] if watch["seconds"] else 0.0,
        latency=latency(graph, trainer.strategy.root_device),
        device=device_name(trainer.strategy.root_device),
        precision=str(trainer.precision),
    )
