"""The data as Lightning asks for it: whole splits on the device that trains."""

from __future__ import annotations

from typing import Any

import lightning

from archbuilder.data.augment import Augment
from archbuilder.data.batches import BatchSource
from archbuilder.data.images import Dataset

# Evaluation keeps no gradients, so it affords larger batches, though not any: so many, or so many times the training's.
EVALUATION_BATCH, EVALUATION_TIMES = 512, 4


class Batches(lightning.LightningDataModule):
    """Gives the trainer a BatchSource for each split, made where and when training starts."""

    def __init__(self, dataset: Dataset, augment: Augment, batch_size: int, seed: int, channels_last: bool) -> None:
        super().__init__()
        self.dataset = dataset
        self.augment = augment
        self.batch_size = batch_size
        self.seed = seed
        self.channels_last = channels_last
        self.train: BatchSource | None = None

    def train_dataloader(self) -> BatchSource:
        self.train = self._source("train", self.batch_size, train=True, augment=self.augment)
        # Asked for anew in later epochs where trainer.reload_dataloaders_every_n_epochs says so.
        self.train.set_epoch(self.trainer.current_epoch)  # type: ignore[union-attr]
        return self.train

    @property
    def where(self) -> str:
        """Where the training images lie, and why."""
        return self.train.where if self.train is not None else "nowhere yet"

    def go_to(self, epoch: int, batch: int) -> None:
        """Let the next training batch be that of an epoch (from 0), as when a run goes on."""
        assert self.train is not None
        self.train.set_position(epoch, batch)

    @property
    def evaluation_batch(self) -> int:
        """How many images are evaluated at once; the figure does not change a result."""
        return max(self.batch_size, min(EVALUATION_BATCH, EVALUATION_TIMES * self.batch_size))

    def val_dataloader(self) -> BatchSource:
        return self._source("val", self.evaluation_batch)

    def test_dataloader(self) -> BatchSource:
        return self._source("test", self.evaluation_batch)

    def _source(self, split: str, batch_size: int, **options: Any) -> BatchSource:
        assert self.trainer is not None
        return BatchSource(
            self.dataset,
            split,
            batch_size,
            seed=self.seed,
            device=self.trainer.strategy.root_device,
            rank=self.trainer.global_rank,
            world=self.trainer.world_size,
            channels_last=self.channels_last,
            **options,
        )
