"""Images per second of BatchSource against torchvision's per-image pipeline, on the same images.

All sides shift by up to 4 pixels, mirror, normalise and yield float32 batches; they take turns, so that a
busy machine slows all. torchvision is measured with reflection, which is the same augmentation, and with
constant padding, which is faster there. Run: python -m benchmarks.input_source --images 10000
Where other processes keep the cores busy, OMP_WAIT_POLICY=PASSIVE or OMP_NUM_THREADS=1 spares torch's threads
waiting for one another.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.transforms.functional import to_pil_image

from archbuilder.data.augment import Augment
from archbuilder.data.batches import BatchSource
from archbuilder.data.images import Dataset, Images, checked


class PerImage(torch.utils.data.Dataset[Any]):
    """What torchvision's CIFAR10 does for each image: from array to PIL, then the transforms."""

    def __init__(self, dataset: Dataset, padding: str) -> None:
        self.pixels = [to_pil_image(image) for image in dataset.splits["train"].images]
        self.labels = dataset.splits["train"].labels.tolist()
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4, padding_mode=padding),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(dataset.mean, dataset.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.pixels[index]), self.labels[index]


def synthetic(n: int) -> Dataset:
    """Return n random 3x32x32 training images in 10 classes."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8, generator=generator)
    train = Images(pixels, torch.randint(0, 10, (n,), generator=generator))
    return checked("synthetic", {"train": train, "val": train}, [str(i) for i in range(10)])


def images_per_second(batches: Iterable[Any]) -> float:
    """Return the rate of one epoch; the last batch is waited for where the device works on its own."""
    start, count = time.perf_counter(), 0
    for images, _ in batches:
        count += len(images)
    if images.is_cuda:
        torch.cuda.synchronize()
    return count / (time.perf_counter() - start)


def main() -> None:
    """Measure both sides in turn, and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="processes of torchvision's side")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--stream", action="store_true", help="images stay on the host and are sent batch by batch")
    chosen = parser.parse_args()
    if chosen.images < chosen.batch:
        parser.error(f"--images: a batch has {chosen.batch}; use as many or more, or a smaller --batch")
    dataset = synthetic(chosen.images)
    ours = BatchSource(
        dataset,
        "train",
        chosen.batch,
        train=True,
        augment=Augment(flip=True, translate=4),
        device=chosen.device,
        channels_last=chosen.channels_last,
        limit=0 if chosen.stream else None,
    )
    sides: dict[str, Iterable[Any]] = {"BatchSource": ours}
    for padding in ("reflect", "constant"):
        sides[f"torchvision, {padding}"] = DataLoader(
            PerImage(dataset, padding),
            batch_size=chosen.batch,
            shuffle=True,
            drop_last=True,
            num_workers=chosen.workers,
        )
    images_per_second(ours)  # the first epoch pays for allocations
    rounds = [[images_per_second(side) for side in sides.values()] for _ in range(chosen.rounds)]
    medians = [statistics.median(rates) for rates in zip(*rounds, strict=True)]
    print(f"{chosen.images} images {ours.where}, batch {chosen.batch}, {torch.get_num_threads()} threads")
    for name, median in zip(sides, medians, strict=True):
        print(f"{name:24}{median:>10,.0f} images/s   BatchSource is {medians[0] / median:.1f} times as fast")


if __name__ == "__main__":
    main()
