from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
import torchvision.datasets

from archbuilder.data import load
from archbuilder.data.downloads import cifar10, cifar100, fashion_mnist
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


def write_cifar100(folder: Path, classes: int = 100) -> None:
    """Write a small CIFAR-100 as its archive unpacks, the only image of each class in its own grey."""
    place = folder / "cifar-100-python"
    place.mkdir()
    names = {"fine_label_names": [f"class {i}" for i in range(classes)]}
    (place / "meta").write_bytes(pickle.dumps(names))
    for split, n in (("train", 3 * classes), ("test", classes)):
        labels = [i % classes for i in range(n)]
        pixels = np.repeat(np.array(labels, np.uint8)[:, None], 3072, axis=1)
        (place / split).write_bytes(pickle.dumps({"data": pixels, "fine_labels": labels}))


def test_cifar100_as_its_archive_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The sums of the real files, which the small ones cannot have.
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda path, md5=None: Path(path).is_file())
    write_cifar100(tmp_path)
    dataset = cifar100(root=str(tmp_path), holdout=100, download=False)
    assert dataset.describe().splits == {"train": 200, "val": 100, "test": 100}
    assert (dataset.name, dataset.shape, len(dataset.labels), dataset.labels[7]) == (
        "cifar100",
        [3, 32, 32],
        100,
        "class 7",
    )
    for split in dataset.splits.values():
        assert torch.equal(split.images[:, 1, 5, 6].long(), split.labels)
    assert torch.bincount(dataset.splits["val"].labels).tolist() == [1] * 100


def write_idx(path: Path, values: Any) -> None:
    """Write an array of bytes in MNIST's format: 0, 0, 8, the number of sizes, the sizes, the bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes())


def write_fashion(folder: Path) -> Path:
    """Write a small Fashion-MNIST as its files unpack."""
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, n in (("train", 30), ("t10k", 10)):
        labels = (np.arange(n) % 10).astype(np.uint8)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels)
        write_idx(raw / f"{prefix}-images-idx3-ubyte", np.broadcast_to(labels[:, None, None], (n, 28, 28)).copy())
    return raw


def test_fashion_mnist_as_its_files_unpack(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    dataset = fashion_mnist(root=str(tmp_path), holdout=10, download=False)
    assert dataset.describe().splits == {"train": 20, "val": 10, "test": 10}
    assert (dataset.name, dataset.shape, dataset.labels[:2]) == (
        "fashion_mnist",
        [1, 28, 28],
        ["T-shirt/top", "Trouser"],
    )
    for split in dataset.splits.values():
        assert torch.equal(split.images[:, 0, 5, 6].long(), split.labels)


def test_a_file_cut_short_is_told_like_a_missing_one(tmp_path: Path) -> None:
    path = write_fashion(tmp_path) / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="Fashion-MNIST is not there and could not be read"):
        fashion_mnist(root=str(tmp_path), download=False)


@pytest.mark.parametrize(
    ("source", "title", "patched"),
    [
        (cifar100, "CIFAR-100", "cifar.download_and_extract_archive"),
        (fashion_mnist, "Fashion-MNIST", "mnist.download_and_extract_archive"),
    ],
)
def test_the_others_say_too_how_to_go_on_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, source: Any, title: str, patched: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(f"torchvision.datasets.{patched}", refuse)
    with pytest.raises(DataError) as caught:
        source(root=str(tmp_path))
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}: {title} is not there and could not be downloaded")
    assert "put " in message
    assert 'data=arrays "data.train=folder/train_*.npz"' in message
    with pytest.raises(DataError, match=r"could not be read \(Dataset not found.*set data.download=true"):
        source(root=str(tmp_path), download=False)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real images are not here")
def test_the_real_images_split_into_45000_and_5000() -> None:
    dataset = load({"name": "arrays", "train": str(REAL / "train_*.npz"), "holdout": 5000})
    assert dataset.describe().splits == {"train": 45_000, "val": 5_000}
    assert torch.bincount(dataset.splits["val"].labels).tolist() == [500] * 10
    assert dataset.mean == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-3)
