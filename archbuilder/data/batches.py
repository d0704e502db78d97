"""Batches made on the device, whole ones at a time: no workers, no per-image work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from archbuilder.data.augment import Augment
from archbuilder.data.draws import Draws, alternated, draw
from archbuilder.data.images import Dataset
from archbuilder.data.storage import Storage
from archbuilder.errors import ConfigError, DataError, suggestion

Batch = tuple[torch.Tensor, torch.Tensor]

# What generators are for; together with seed, epoch and batch it decides their state.
ORDER, FIRST_FLIPS, AUGMENT = 0, 1, 2


class BatchSource:
    """Iterates over a split's batches: images float32 [B, C, H, W], normalised, and labels.

    Labels are int64 [B]; with mixup or cutmix float32 [B, classes], probabilities that sum to 1.

    With `train`, each iteration is the next epoch: a fresh permutation, augmented; a ragged last batch is
    dropped unless it is the only one. Otherwise all images come once, in order and untouched.
    Of `world` processes each takes its own share, as `rank`; `batch_size` counts one process's images.

    A batch depends on nothing but (seed, epoch, rank, world, its number in the epoch): any epoch may be
    begun anywhere, and gives the very batches that it would have given. What is drawn does not depend on the
    device either.

    The images lie on the device where they fit, in `limit` bytes if that is given, and are otherwise sent
    batch by batch, which gives the same batches; `where` tells which and why.
    """

    def __init__(
        self,
        dataset: Dataset,
        split: str,
        batch_size: int,
        *,
        train: bool = False,
        augment: Augment | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world: int = 1,
        channels_last: bool = False,
        limit: int | None = None,
    ) -> None:
        if split not in dataset.splits:
            raise DataError(f"{dataset.name}: no split '{split}'; {suggestion(split, dataset.splits, 'there')}")
        content = dataset.splits[split]
        _check(batch_size, seed, rank, world)
        if len(content) < world:
            raise DataError(
                f"{dataset.name}, split {split}: {len(content)} images are too few for {world} processes; "
                f"use at most {len(content)}"
            )
        self.augment = augment or Augment()
        self.augment.check(dataset.shape)
        self.batch_size, self.train, self.seed, self.rank, self.world = batch_size, train, seed, rank, world
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.device = torch.device(device)
        self.classes = len(dataset.labels)
        self.storage = Storage(content, self.device, limit)
        self.scale, self.offset = scale_and_offset(dataset.mean, dataset.std, device)
        # 1 for each image that the first epoch mirrors, else 0; the next epoch mirrors the others.
        self.first_flips = torch.randint(0, 2, (len(content),), generator=self._generator(0, FIRST_FLIPS, 0))
        self.next_epoch, self.next_batch = 0, 0

    @property
    def where(self) -> str:
        """Return where the images lie and why, such as "resident on cpu (154 MB)"."""
        return self.storage.where

    def __len__(self) -> int:
        """Return the number of batches that this process gets in a whole epoch."""
        if self.train:
            return max(1, self._share() // self.batch_size)
        start, stop = self._bounds()
        return -(-(stop - start) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._shuffled() if self.train else self._in_order()

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of `epoch` (from 0), from its beginning; counting goes on.

        It may be called until the iteration's first batch is taken.
        """
        self.set_position(epoch, 0)

    def set_position(self, epoch: int, batch: int) -> None:
        """Make the next iteration that of `epoch` from its batch number `batch` on (both from 0).

        So training resumes in the middle of an epoch; the iteration after that is the whole next epoch. `batch`
        may be the number of batches: nothing is left then. It may be called until the iteration's first batch is
        taken. Raises ConfigError (`batch`) for a number that the epoch does not have.
        """
        if not 0 <= batch <= len(self):
            raise ConfigError(
                "batch",
                f"there is no batch {batch} in an epoch of {len(self)}; go on with the batch size and the number of "
                "processes that the training began with",
            )
        self.next_epoch, self.next_batch = epoch, batch

    def _in_order(self) -> Iterator[Batch]:
        start, stop = self._bounds()
        for images, labels in self.storage.chunks(self._places(torch.arange(start, stop))):
            yield self._normalised(images).contiguous(memory_format=self.format), labels

    def _shuffled(self) -> Iterator[Batch]:
        # Counted with the first batch, not in __iter__: Lightning asks for iterators that it never uses,
        # and calls the hook in which set_epoch belongs (on_train_epoch_start) after asking.
        epoch, first = self.next_epoch, self.next_batch
        self.next_epoch, self.next_batch = epoch + 1, 0
        places = self._places(self._order(epoch))[first:]
        chunks = self.storage.chunks(places)
        for number, (chosen, (images, labels)) in enumerate(zip(places, chunks, strict=True), first):
            draws = self._draws(epoch, number, chosen)
            shown = self.augment.hide(self._normalised(self.augment.move(images, draws)), draws)
            shown, labels = self.augment.mix(shown, labels, draws, self.classes)
            yield shown.contiguous(memory_format=self.format), labels

    def _places(self, order: torch.Tensor) -> list[torch.Tensor]:
        """Return the part of an order that each batch takes."""
        return [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(len(self))]

    def _order(self, epoch: int) -> torch.Tensor:
        """Return this rank's places: a stride through the permutation that all ranks draw alike."""
        order = torch.randperm(len(self.storage), generator=self._generator(epoch, ORDER, 0))
        return order[self.rank :: self.world][: self._share()]

    def _draws(self, epoch: int, batch: int, chosen: torch.Tensor) -> Draws:
        """Return what chance decides about a batch, of the images at the `chosen` places."""
        draws = draw(len(chosen), self._generator(epoch, AUGMENT + self.rank, batch), self.device)
        if self.augment.flip != "alternating":
            return draws
        return alternated(draws, self.first_flips.index_select(0, chosen), epoch)

    def _generator(self, epoch: int, purpose: int, batch: int) -> torch.Generator:
        # Mixed rather than added, so that seed 0's epoch 1 is not seed 1's epoch 0.
        mixed = np.random.SeedSequence([self.seed, epoch, purpose, batch]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(mixed) >> 1)

    def _share(self) -> int:
        """Return how many training images each process gets: the same number for all."""
        return len(self.storage) // self.world

    def _bounds(self) -> tuple[int, int]:
        """Return where this process's part begins and ends in evaluation: together the parts are all."""
        n = len(self.storage)
        return n * self.rank // self.world, n * (self.rank + 1) // self.world

    def _normalised(self, images: torch.Tensor) -> torch.Tensor:
        return torch.mul(images, self.scale).add_(self.offset)


def scale_and_offset(
    mean: Sequence[float], std: Sequence[float], device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return float32 [1, C, 1, 1] each, so that pixel * scale + offset = (pixel / 255 - mean) / std."""
    centre = torch.tensor(mean, dtype=torch.float64).view(1, -1, 1, 1)
    spread = torch.tensor(std, dtype=torch.float64).view(1, -1, 1, 1)
    return (1 / (255 * spread)).float().to(device), (-centre / spread).float().to(device)


def _check(batch_size: int, seed: int, rank: int, world: int) -> None:
    if batch_size < 1:
        raise ConfigError("batch_size", f"{batch_size} images; use at least 1")
    if seed < 0:
        raise ConfigError("seed", f"{seed} is negative; use 0, 1, 2, ...")
    if not 0 <= rank < world:
        raise ConfigError("rank", f"{rank} of {world} processes; ranks are 0..{world - 1}")
