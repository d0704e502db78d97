"""Making the parts of a run and letting Lightning train."""

from __future__ import annotations

import itertools
import sys
import time
from dataclasses import dataclass
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig

from archbuilder.assemble import assemble
from archbuilder.data.augment import from_settings
from archbuilder.data.images import Dataset
from archbuilder.errors import TrainingError
from archbuilder.graph import Graph
from archbuilder.record import Result
from archbuilder.training.compiling import compile_net
from archbuilder.training.datamodule import Batches
from archbuilder.training.ema import averaged_copy
from archbuilder.training.module import Classifier
from archbuilder.training.parts import make, make_all, make_callbacks, quiet
from archbuilder.training.prepare import prepare, recipe_callbacks
from archbuilder.training.progress import Bar, Stopwatch, progress
from archbuilder.training.weights import make_optimizer


@dataclass(frozen=True)
class Fitted:
    """A trained network, its trainer, what the training took, and the results of the last epoch's weights."""

    module: Classifier
    trainer: lightning.Trainer
    seconds: float
    images_per_second: float
    results: list[Result]


def fit(config: DictConfig, settings: dict[str, Any], graph: Graph, dataset: Dataset) -> Fitted:
    """Train a network and evaluate it on every held-out split.

    Raises ConfigError for settings that fit no optimizer, schedule, trainer, logger or callback, and
    TrainingError where no result came of it.
    """
    quiet()
    augment = from_settings(settings["augment"])
    lightning.seed_everything(settings["seed"], workers=True, verbose=False)
    net = assemble(graph)
    prepare(net, settings, dataset)
    if settings["channels_last"]:
        net = net.to(memory_format=torch.channels_last)
    optimizer = make_optimizer(config.optimizer, net, settings["norm_bias_lr"])
    averaged = averaged_copy(net) if settings["ema"] else None
    module = Classifier(net, optimizer, make(config.schedule, "schedule"), settings["label_smoothing"], averaged)
    for network in module.weights.values():
        compile_net(network, settings["compile"])
    batches = Batches(dataset, augment, settings["batch_size"], settings["seed"], settings["channels_last"])
    stopwatch = Stopwatch()
    trainer = _trainer(config, settings, stopwatch)
    start = time.perf_counter()
    try:
        trainer.fit(module, datamodule=batches)
    except SystemExit as stop:
        # Lightning's way out of Ctrl-C (with a code) and of SIGTERM (without one, which would look like success).
        text = f"stopped in epoch {trainer.current_epoch + 1} of {trainer.max_epochs}; nothing was recorded"
        print(f"{text}, the same command starts it again", file=sys.stderr)
        raise SystemExit(130 if stop.code else 143) from None
    seconds = time.perf_counter() - start
    return Fitted(module, trainer, seconds, stopwatch.images_per_second, _evaluate(dataset, module, trainer, batches))


def _trainer(config: DictConfig, settings: dict[str, Any], stopwatch: Stopwatch) -> lightning.Trainer:
    shown = progress(stopwatch)
    callbacks = [*recipe_callbacks(settings), *make_callbacks(config.callbacks)]
    trainer: lightning.Trainer = make(
        config.trainer,
        "trainer",
        **{key: settings["trainer"][key] for key in ("accelerator", "devices", "precision")},
        callbacks=[stopwatch, *shown, *callbacks],
        logger=make_all(config.logger, "logger"),
        default_root_dir=config.folder,
        enable_progress_bar=any(isinstance(callback, Bar) for callback in shown),
        enable_checkpointing=any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
    )
    return trainer


def _evaluate(dataset: Dataset, module: Classifier, trainer: lightning.Trainer, batches: Batches) -> list[Result]:
    """Return accuracy and loss of the last epoch's weights, raw and averaged, on each held-out split, all of it."""
    runs = {"val": (trainer.validate, module.val_totals), "test": (trainer.test, module.test_totals)}
    results = []
    for split, weights in itertools.product(runs, module.weights):
        if split not in dataset.splits:
            continue
        run_through, totals = runs[split]
        module.evaluated = weights
        run_through(module, datamodule=batches, verbose=False)
        means, size = totals.means(), len(dataset.splits[split])
        if means.n != size:
            raise TrainingError(
                f"{means.n} of the {size} images of {split} were evaluated, which is no result to compare; "
                "leave out what limits evaluation, such as trainer.limit_val_batches"
            )
        if not torch.isfinite(torch.tensor(means.loss)):
            raise TrainingError(
                f"the loss on {split} is {means.loss} at the end of training, so there is no result; "
                "use a lower optimizer.lr, a longer schedule.warmup, or trainer.gradient_clip_val=1"
            )
        results.append(Result(split, weights, means.accuracy, means.loss, means.n))
    return results
