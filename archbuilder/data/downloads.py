"""CIFAR-10, CIFAR-100 and Fashion-MNIST through torchvision, which downloads each once and verifies it."""

from __future__ import annotations

import http.client
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from archbuilder.data.images import Dataset, Images, checked, from_numpy
from archbuilder.data.images import holdout as hold_out
from archbuilder.errors import DataError

# No network, no files, or damaged ones: torchvision lets through what reading them happens to raise.
UNREADABLE = (
    OSError,
    RuntimeError,
    http.client.HTTPException,
    tarfile.TarError,
    ValueError,
    AssertionError,
    EOFError,
)


class Download(NamedTuple):
    """A data set's own name, its class in torchvision.datasets, and what to put where by hand."""

    title: str
    source: str
    by_hand: str


CIFAR10 = Download("CIFAR-10", "CIFAR10", "cifar-10-python.tar.gz into that folder")
CIFAR100 = Download("CIFAR-100", "CIFAR100", "cifar-100-python.tar.gz into that folder")
FASHION = Download("Fashion-MNIST", "FashionMNIST", "its four .gz files into FashionMNIST/raw in that folder")


def cifar10(
    root: str = "datasets",
    holdout: int | float = 5000,
    download: bool = True,
) -> Dataset:
    """Return CIFAR-10: 3x32x32, 10 classes, 50,000 images split into train and val by `holdout`, 10,000 in test.

    `root` is the folder that holds it or receives it (170 MB); `holdout` is a fraction or a count, 5,000 as in
    the ResNet paper. Raises DataError where the files are neither there nor to be had.
    """
    return _split("cifar10", CIFAR10, root, holdout, download)


def cifar100(
    root: str = "datasets",
    holdout: int | float = 5000,
    download: bool = True,
) -> Dataset:
    """Return CIFAR-100: like CIFAR-10, with 100 classes of 500 training images each (169 MB)."""
    return _split("cifar100", CIFAR100, root, holdout, download)


def fashion_mnist(
    root: str = "datasets",
    holdout: int | float = 5000,
    download: bool = True,
) -> Dataset:
    """Return Fashion-MNIST: 1x28x28, 10 classes, 60,000 images for train and val, 10,000 in test (31 MB)."""
    return _split("fashion_mnist", FASHION, root, holdout, download)


def _split(name: str, download: Download, root: str, holdout: int | float, allowed: bool) -> Dataset:
    train, labels = _read(download, root, True, allowed)
    test, _ = _read(download, root, False, allowed)
    kept, val = hold_out(train, holdout)
    return checked(name, {"train": kept, "val": val, "test": test}, labels)


def _read(download: Download, root: str, train: bool, allowed: bool) -> tuple[Images, list[str]]:
    """Return the training or the test images and the names of the classes."""
    import torchvision.datasets

    folder = Path(root).expanduser()
    try:
        content: Any = getattr(torchvision.datasets, download.source)(str(folder), train=train, download=allowed)
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{folder}: {download.title} is not there and could not be {'downloaded' if allowed else 'read'} "
            f"({reason:.300}); {'' if allowed else 'set data.download=true, or '}put {download.by_hand}, or, offline, "
            'use npz files that you have: data=arrays "data.train=folder/train_*.npz" data.test=folder/test.npz'
        ) from None
    images = from_numpy(np.asarray(content.data), np.asarray(content.targets), f"{folder}: {download.title}")
    return images, list(content.classes)
