"""The results of a run: its last weights on every held-out split, the whole of it."""

from __future__ import annotations

import itertools
import math

import lightning
import torch

from archbuilder.data.images import Dataset
from archbuilder.errors import TrainingError
from archbuilder.record import Result
from archbuilder.training.datamodule import Batches
from archbuilder.training.module import Classifier, Means


def evaluate(dataset: Dataset, module: Classifier, trainer: lightning.Trainer, batches: Batches) -> list[Result]:
    """Return accuracy and loss of the weights of `module`, raw and averaged, on val and test.

    Raises TrainingError where that is no result to compare.
    """
    alone = trainer if trainer.world_size == 1 else _single(trainer)
    results = []
    for split, weights in itertools.product(("val", "test"), module.weights):
        if split in dataset.splits:
            module.evaluated = weights
            means = _means(split, module, alone, batches)
            _check(split, means, len(dataset.splits[split]))
            results.append(Result(split, weights, means.accuracy, means.loss, means.n))
    return results


def _single(trainer: lightning.Trainer) -> lightning.Trainer:
    """Return a trainer of one process: shares of several would have to be of equal length."""
    return lightning.Trainer(
        accelerator=trainer.accelerator.name(),
        devices=_same(trainer.strategy.root_device),
        precision=trainer.precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _same(device: torch.device) -> int | list[int]:
    """Return which devices to ask for: the very one that was trained on, or the only one."""
    return [device.index] if device.type == "cuda" and device.index is not None else 1


def _means(split: str, module: Classifier, trainer: lightning.Trainer, batches: Batches) -> Means:
    run_through = {"val": trainer.validate, "test": trainer.test}[split]
    run_through(module, datamodule=batches, verbose=False)
    return {"val": module.val_totals, "test": module.test_totals}[split].means()


def _check(split: str, means: Means, size: int) -> None:
    if means.n != size:
        raise TrainingError(
            f"{means.n} of the {size} images of {split} were evaluated, which is no result to compare; "
            "leave out what limits evaluation, such as trainer.limit_val_batches"
        )
    if not math.isfinite(means.loss):
        raise TrainingError(
            f"the loss on {split} is {means.loss} at the end of training, so there is no result; "
            "use a lower optimizer.lr, a longer schedule.warmup, or trainer.gradient_clip_val=1"
        )
