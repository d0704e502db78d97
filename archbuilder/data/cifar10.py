"""CIFAR-10 through torchvision, which downloads it once (170 MB) and verifies it."""

from __future__ import annotations

import http.client
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from archbuilder.data.images import Dataset, Images, checked, from_numpy
from archbuilder.data.images import holdout as hold_out
from archbuilder.errors import DataError


def cifar10(
    root: str = "datasets",
    holdout: int | float = 5000,
    download: bool = True,
) -> Dataset:
    """Return CIFAR-10: 3x32x32, 50,000 images split into train and val by `holdout`, 10,000 in test.

    `root` is the folder that holds it or receives it; `holdout` is a fraction or a count, 5,000 as in the
    ResNet paper. Raises DataError where the files are neither there nor to be had.
    """
    train, labels = _read(root, True, download)
    test, _ = _read(root, False, download)
    kept, val = hold_out(train, holdout)
    return checked("cifar10", {"train": kept, "val": val, "test": test}, labels)


def _read(root: str, train: bool, download: bool) -> tuple[Images, list[str]]:
    from torchvision.datasets import CIFAR10

    folder = Path(root).expanduser()
    try:
        content: Any = CIFAR10(str(folder), train=train, download=download)
    except (OSError, RuntimeError, http.client.HTTPException, tarfile.TarError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{folder}: CIFAR-10 is not there and could not be {'downloaded' if download else 'read'} "
            f"({reason}); {'' if download else 'set data.download=true, or '}put cifar-10-python.tar.gz into "
            "that folder, or, offline, use npz files that you have: "
            'data=arrays "data.train=folder/train_*.npz" data.test=folder/test.npz'
        ) from None
    images = from_numpy(np.asarray(content.data), np.asarray(content.targets), f"{folder}: CIFAR-10")
    return images, list(content.classes)
