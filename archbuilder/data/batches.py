"""Batches from a split that lies whole on the device: no workers, no per-image work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from archbuilder.data.augment import Augment
from archbuilder.data.images import Dataset
from archbuilder.errors import ConfigError, DataError, suggestion

Batch = tuple[torch.Tensor, torch.Tensor]


class BatchSource:
    """Iterates over a split's batches: images float32 [B, C, H, W], normalised, and labels int64 [B].

    With `train`, each iteration is the next epoch: a fresh permutation, augmented; a ragged last batch is
    dropped unless it is the only one. Otherwise all images come once, in order and untouched.
    Of `world` processes each takes its own share, as `rank`; `batch_size` counts one process's images.
    Everything drawn depends on (seed, epoch), augmentation also on the rank.
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
    ) -> None:
        if split not in dataset.splits:
            raise DataError(f"{dataset.name}: no split '{split}'; {suggestion(split, dataset.splits, 'there')}")
        content = dataset.splits[split]
        _check(batch_size, seed, rank, world)
        if train and len(content) < world:
            raise DataError(
                f"{dataset.name}, split {split}: {len(content)} images are too few for {world} processes; "
                f"use at most {len(content)}"
            )
        self.augment = augment or Augment()
        self.augment.check(*dataset.shape[1:])
        self.batch_size, self.train, self.seed, self.rank, self.world = batch_size, train, seed, rank, world
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.images = content.images.to(device)
        self.labels = content.labels.to(device)
        self.scale, self.offset = scale_and_offset(dataset.mean, dataset.std, device)
        self.next_epoch = 0

    def __len__(self) -> int:
        """Return the number of batches that this process gets."""
        if self.train:
            return max(1, self._share() // self.batch_size)
        start, stop = self._bounds()
        return -(-(stop - start) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._shuffled() if self.train else self._in_order()

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of `epoch` (from 0), as when training resumes; counting goes on.

        It may be called until the iteration's first batch is taken.
        """
        self.next_epoch = epoch

    def _in_order(self) -> Iterator[Batch]:
        start, stop = self._bounds()
        for i in range(start, stop, self.batch_size):
            end = min(i + self.batch_size, stop)
            yield (
                self._normalised(self.images[i:end]).contiguous(memory_format=self.format),
                self.labels[i:end],
            )

    def _shuffled(self) -> Iterator[Batch]:
        # Counted with the first batch, not in __iter__: Lightning asks for iterators that it never uses,
        # and calls the hook in which set_epoch belongs (on_train_epoch_start) after asking.
        epoch, self.next_epoch = self.next_epoch, self.next_epoch + 1
        order = self._order(epoch)
        generator = self._generator(epoch, 1 + self.rank)
        for i in range(len(self)):
            chosen = order[i * self.batch_size : (i + 1) * self.batch_size]
            moved = self.augment.move(self.images.index_select(0, chosen), generator)
            images = self.augment.hide(self._normalised(moved), generator)
            yield images.contiguous(memory_format=self.format), self.labels.index_select(0, chosen)

    def _order(self, epoch: int) -> torch.Tensor:
        """Return this rank's indices: a stride through the permutation that all ranks draw alike."""
        n = len(self.images)
        order = torch.randperm(n, generator=self._generator(epoch, 0), device=self.images.device)
        return order[self.rank :: self.world][: self._share()]

    def _generator(self, epoch: int, stream: int) -> torch.Generator:
        # Mixed rather than added, so that seed 0's epoch 1 is not seed 1's epoch 0.
        mixed = np.random.SeedSequence([self.seed, epoch, stream]).generate_state(1, np.uint64)[0]
        return torch.Generator(self.images.device).manual_seed(int(mixed) >> 1)

    def _share(self) -> int:
        """Return how many training images each process gets: the same number for all."""
        return len(self.images) // self.world

    def _bounds(self) -> tuple[int, int]:
        """Return where this process's part begins and ends in evaluation: together the parts are all."""
        n = len(self.images)
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
