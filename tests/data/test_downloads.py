from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision.datasets

from archbuilder.data import load
from archbuilder.data.downloads import cifar10
from archbuilder.errors import DataError

REAL = Path(__file__).parents[3] / "shared" / "cifar10"


class StandIn:
    """What torchvision's CIFAR10 offers, small: 100 training images, 20 test images."""

    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    def __init__(self, root: str, train: bool, download: bool) -> None:
        n = 100 if train else 20
        self.data = np.full((n, 32, 32, 3), 200 if train else 100, dtype=np.uint8)
        self.targets = [i % 10 for i in range(n)]


def test_training_images_are_split_by_class_and_the_test_split_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", StandIn)
    dataset = cifar10(holdout=20)
    data = dataset.describe()
    assert data.splits == {"train": 80, "val": 20, "test": 20}
    assert (data.shape, data.labels[0], data.labels[9]) == ([3, 32, 32], "airplane", "truck")
    assert torch.bincount(dataset.splits["val"].labels).tolist() == [2] * 10
    assert (dataset.splits["train"].images == 200).all()
    assert (dataset.splits["test"].images == 100).all()


def test_the_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    roots = []

    class Recording(StandIn):
        def __init__(self, root: str, **rest: Any) -> None:
            roots.append(root)
            super().__init__(root, **rest)

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Recording)
    cifar10(root="~/data", holdout=20)
    assert set(roots) == {str(Path.home() / "data")}


def test_without_network_the_error_says_how_to_go_on_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", refuse)
    with pytest.raises(DataError) as caught:
        cifar10(root=str(tmp_path))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: CIFAR-10 is not there and could not be downloaded")
    assert "no route to host" in message
    assert 'data=arrays "data.train=folder/train_*.npz"' in message


def test_without_the_files_and_without_leave_to_download_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"could not be read \(Dataset not found.*set data.download=true"):
        cifar10(root=str(tmp_path), download=False)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real images are not here")
def test_the_real_images_split_into_45000_and_5000() -> None:
    dataset = load({"name": "arrays", "train": str(REAL / "train_*.npz"), "holdout": 5000})
    assert dataset.describe().splits == {"train": 45_000, "val": 5_000}
    assert torch.bincount(dataset.splits["val"].labels).tolist() == [500] * 10
    assert dataset.mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-3)
