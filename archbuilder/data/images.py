"""Labelled images in memory: the data set that every source returns, its checks and its hold-out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from archbuilder.errors import ConfigError, DataError
from archbuilder.record import Data

# The hold-out is the same for every run and machine, so that accuracies on it can be compared.
HOLDOUT_SEED = 0

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled images on the CPU: `images` uint8 [N, C, H, W], `labels` int64 [N]."""

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Array) -> Images:
        """Return the images and labels at `indices`, in that order."""
        chosen = torch.from_numpy(indices)
        return Images(self.images[chosen], self.labels[chosen])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Named splits ("train", "val" and perhaps "test") and the names of the classes."""

    name: str
    splits: dict[str, Images]
    labels: list[str]

    @property
    def shape(self) -> list[int]:
        """Return [channels, height, width] of an image."""
        return list(self.splits["train"].images.shape[1:])

    @property
    def mean(self) -> list[float]:
        """Return each channel's mean over the training images, scaled to 0..1."""
        return self._moments[0]

    @property
    def std(self) -> list[float]:
        """Return each channel's standard deviation over the training images, scaled to 0..1.

        At least 1/255, one grey level, so that a constant channel does not divide by zero.
        """
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[list[float], list[float]]:
        # From integer histograms: exact sums, so that the figures are the same on every machine.
        train = self.splits["train"].images
        counts = [torch.bincount(channel.flatten(), minlength=256).tolist() for channel in train.unbind(1)]
        pixels = sum(counts[0])
        sums = [sum(level * n for level, n in enumerate(count)) for count in counts]
        squares = [sum(level * level * n for level, n in enumerate(count)) for count in counts]
        deviations = [math.sqrt(q * pixels - s * s) / pixels / 255 for s, q in zip(sums, squares, strict=True)]
        return [s / pixels / 255 for s in sums], [max(d, 1 / 255) for d in deviations]

    @cached_property
    def fingerprint(self) -> str:
        """Return the sha256 (hex) of every split's name, shape, pixels and labels."""
        digest = hashlib.sha256()
        for name, split in sorted(self.splits.items()):
            digest.update(f"{name} {list(split.images.shape)}\n".encode())
            digest.update(split.images.contiguous().numpy().data)
            digest.update(split.labels.numpy().astype("<i8").data)
        return digest.hexdigest()

    def describe(self) -> Data:
        """Return what the record of a run stores about its data."""
        sizes = {name: len(split) for name, split in self.splits.items()}
        return Data(self.name, self.fingerprint, sizes, list(self.labels), self.shape, list(self.mean), list(self.std))


def from_numpy(images: Array, labels: Array, source: str) -> Images:
    """Return Images from arrays as files hold them: uint8 [N, H, W, C] or [N, H, W], integer labels [N].

    Raises DataError, naming `source`, where the arrays are of another type or shape.
    """
    if images.dtype != np.uint8:
        raise DataError(f"{source}: images are of type {images.dtype}; save them as uint8, 0..255")
    if images.ndim not in (3, 4):
        raise DataError(f"{source}: images have the shape {list(images.shape)}; save them as [N, H, W, C]")
    if images.ndim == 4 and images.shape[3] > 4 >= images.shape[1]:
        raise DataError(
            f"{source}: images of the shape {list(images.shape)} have their channels first; "
            "save them as [N, H, W, C]: images.transpose(0, 2, 3, 1)"
        )
    if labels.dtype.kind not in "iu":
        raise DataError(f"{source}: labels are of type {labels.dtype}; save them as integers, 0..classes-1")
    pixels = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    # np.array, not ascontiguousarray: a copy of our own, since the caller's array may be read-only.
    result = Images(torch.from_numpy(np.array(pixels, order="C")), torch.from_numpy(labels.astype(np.int64)))
    check(result, source)
    return result


def check(images: Images, source: str) -> None:
    """Raise DataError, naming `source`, unless there are uint8 images [N, C, H, W] and as many labels."""
    pixels, labels = images.images, images.labels
    if pixels.dtype != torch.uint8 or pixels.ndim != 4:
        raise DataError(
            f"{source}: images are {pixels.dtype} of the shape {list(pixels.shape)}; "
            "they have to be torch.uint8 of the shape [N, C, H, W]"
        )
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise DataError(
            f"{source}: labels are {labels.dtype} of the shape {list(labels.shape)}; "
            "they have to be torch.int64 of the shape [N]"
        )
    if pixels.numel() == 0:
        raise DataError(f"{source}: there are no images, their shape is {list(pixels.shape)}; leave it out")
    if len(pixels) != len(labels):
        raise DataError(f"{source}: {len(pixels)} images but {len(labels)} labels; give each image one label")


def check_labels(images: Images, classes: int, source: str) -> None:
    """Raise DataError, naming `source`, where a label is not in 0..classes-1."""
    wrong = images.labels[(images.labels < 0) | (images.labels >= classes)]
    if len(wrong):
        raise DataError(
            f"{source}: {len(wrong)} of {len(images)} labels are out of range, for example {int(wrong[0])}; "
            f"with {classes} classes labels are 0..{classes - 1}: mend them, or name more classes"
        )


def checked(name: str, splits: Mapping[str, Images], labels: Sequence[str], source: str = "") -> Dataset:
    """Return a Dataset whose splits fit one another and whose labels all have a name.

    Raises DataError that names `source` (the data's name where it is not given) and the split.
    """
    source = source or name
    for split in ("train", "val"):
        if split not in splits:
            raise DataError(f"{source}: there is no split '{split}'; give train and val, and test if you like")
    if repeated := {label for label in labels if list(labels).count(label) > 1}:
        raise DataError(f"{source}: two classes are called '{min(repeated)}'; give each its own name")
    for split, images in splits.items():
        check(images, f"{source}, split {split}")
        check_labels(images, len(labels), f"{source}, split {split}")
        here, train = list(images.images.shape[1:]), list(splits["train"].images.shape[1:])
        if here != train:
            raise DataError(
                f"{source}, split {split}: images are {here} (channels, height, width), "
                f"but those of train are {train}; resize one of them"
            )
    return Dataset(name, dict(splits), list(labels))


def holdout(images: Images, share: float) -> tuple[Images, Images]:
    """Split `images` into (train, val), each class giving val the same share.

    `share` is a fraction (a float between 0 and 1) or a count (an int); the count is exact, each class's
    part is within 1 of its share, and the choice depends on nothing but the labels. Order is kept.
    Raises ConfigError at `data.holdout` where one of the two would be empty.
    """
    count = _count(share, len(images))
    labels = images.labels.numpy()
    # The generator's raw output, because numpy keeps that the same between versions, unlike permutation().
    order = np.argsort(np.random.PCG64(HOLDOUT_SEED).random_raw(len(labels)), kind="stable")
    kept_out = np.zeros(len(labels), dtype=bool)
    for label, n in _largest_remainder(np.bincount(labels), count).items():
        kept_out[order[labels[order] == label][:n]] = True
    return images.take(np.flatnonzero(~kept_out)), images.take(np.flatnonzero(kept_out))


def _count(share: float, total: int) -> int:
    """Return how many of `total` images a fraction or count holds out."""
    if isinstance(share, float) and not 0 < share < 1:
        raise ConfigError("data.holdout", f"{share} is no fraction between 0 and 1; a count is a whole number")
    count = round(share * total) if isinstance(share, float) else share
    if not 1 <= count < total:
        raise ConfigError(
            "data.holdout",
            f"{share} would hold out {count} of {total} images; leave at least one on either side: "
            f"a count of 1..{total - 1}, or a fraction",
        )
    return count


def _largest_remainder(sizes: Array, count: int) -> dict[int, int]:
    """Share `count` out among classes in proportion to their sizes; in integers, so ties are exact."""
    total = int(sizes.sum())
    quotas = {label: divmod(int(size) * count, total) for label, size in enumerate(sizes)}
    rest = count - sum(whole for whole, _ in quotas.values())
    nearest = sorted(quotas, key=lambda label: (-quotas[label][1], label))[:rest]
    return {label: whole + (label in nearest) for label, (whole, _) in quotas.items()}
