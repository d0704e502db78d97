"""Images per second of the whole training loop against a bare PyTorch loop over the same network, data, augmentation.

python -m benchmarks.training [--images N] [--epochs N] [--batch N] [--rounds N] [--trainer cpu|gpu] [--compile whole]

Both sides train resnet20 from the same batches: ours through Lightning with all that a run does (metrics, schedule,
weight decay groups, checks, checkpoints), the bare one with forward, backward and step alone. They take turns. What is
not steps is told apart: the time until the first step, and what an epoch takes beyond its steps.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from statistics import median
from typing import Any

import lightning
import torch
from torch.nn import functional

import archbuilder
from archbuilder.data.augment import Augment
from archbuilder.data.batches import BatchSource
from archbuilder.data.images import Dataset
from archbuilder.training.compiling import compile_net
from archbuilder.training.weights import decay_groups
from benchmarks.input_source import synthetic

LIGHT: dict[str, Any] = {"flip": True, "translate": 4}


class Clock(lightning.Callback):
    """Notes when epochs of training begin and end, the device being done."""

    def __init__(self) -> None:
        self.marks: list[tuple[str, float]] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.mark("start", module)

    def on_train_batch_end(self, trainer: lightning.Trainer, module: Any, outputs: Any, batch: Any, index: int) -> None:
        if index == 0:
            self.mark("first", module)
        if index + 1 == trainer.num_training_batches:
            self.mark("end", module)

    def mark(self, name: str, module: lightning.LightningModule) -> None:
        if module.device.type == "cuda":
            torch.cuda.synchronize()
        self.marks.append((name, time.perf_counter()))


def ours(dataset: Dataset, options: argparse.Namespace) -> dict[str, float]:
    """Train through the run's own loop; return seconds: of the epochs' steps, until the first, beside the steps."""
    from hydra import compose, initialize_config_dir

    from archbuilder.paths import conf_dir
    from archbuilder.training.fit import fit
    from archbuilder.training.settings import checked_settings

    with tempfile.TemporaryDirectory() as folder, initialize_config_dir(str(conf_dir()), version_base="1.3"):
        words = [f"trainer={options.trainer}", f"trainer.max_epochs={options.epochs}", f"batch_size={options.batch}"]
        words += ["model=resnet20", "name=resnet20", f"folder='{folder}'", f"compile={options.compile}"]
        config = compose("train", overrides=words)
        clock = Clock()
        settings = checked_settings(config)
        begin = time.perf_counter()
        fit(config, settings, archbuilder.expand("resnet20"), dataset, {}, watchers=[clock])
        total = time.perf_counter() - begin
    starts, firsts, ends = ([when for name, when in clock.marks if name == kind] for kind in ("start", "first", "end"))
    # The first epoch warms up on both sides.
    steps = [end - start for start, end in zip(starts, ends, strict=True)][1:]
    between = [start - end for start, end in zip(starts[1:], ends, strict=False)]
    return {"epoch": median(steps), "start": firsts[0] - begin, "between": median(between), "total": total}


def bare(dataset: Dataset, options: argparse.Namespace, device: str) -> float:
    """Return the seconds of an epoch of the plainest loop."""
    net = archbuilder.build("resnet20").to(device).to(memory_format=torch.channels_last)
    compile_net(net, options.compile)
    optimizer = torch.optim.SGD(decay_groups(net), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    source = BatchSource(
        dataset, "train", options.batch, train=True, augment=Augment(**LIGHT), device=device, channels_last=True
    )
    seconds = []
    for _ in range(options.epochs):
        begin = time.perf_counter()
        for images, labels in source:
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                loss = functional.cross_entropy(net(images), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    return median(seconds[1:])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trainer", default="cpu", choices=("cpu", "gpu"))
    parser.add_argument("--compile", default="none", choices=("none", "whole", "blocks"))
    options = parser.parse_args()
    device = "cuda" if options.trainer == "gpu" else "cpu"
    dataset = synthetic(options.images)
    images = options.images // options.batch * options.batch
    pairs = []
    for round_ in range(options.rounds):
        # In turns, so that load on the machine meets both.
        if round_ % 2:
            plain = bare(dataset, options, device)
            whole = ours(dataset, options)
        else:
            whole = ours(dataset, options)
            plain = bare(dataset, options, device)
        pairs.append((whole, plain))
        ratio = plain / whole["epoch"]
        print(
            f"ours {images / whole['epoch']:,.0f} img/s, bare loop {images / plain:,.0f}: {ratio:.3f}; "
            f"{whole['start']:.2f} s to the first step, {whole['between']:.2f} s between epochs, evaluation included",
            flush=True,
        )
    print(f"median ratio {median(plain / whole['epoch'] for whole, plain in pairs):.3f}")


if __name__ == "__main__":
    main()
