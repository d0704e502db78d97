"""Images per second of the whole training loop against a bare PyTorch loop over the same network, data, augmentation.

python -m benchmarks.training [--images N] [--epochs N] [--batch N] [--rounds N] [--trainer cpu|gpu] [--compile whole]

Both sides train resnet20 from the same batches: ours through Lightning with all that a run does (metrics, schedule,
weight decay groups, checks, checkpoints), the bare one with forward, backward and step alone. They take turns. What is
not steps is told apart: the time until the first step, and what an epoch takes beyond its steps and its evaluation.

The ratio is that of the median seconds from one step to the next, over all steps but those of a round's first epoch:
on a machine that others share, whole epochs differ by more than what is measured; theirs is told too.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
import time
from dataclasses import dataclass
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
        self.mark("step", module)

    def on_validation_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.mark("evaluating", module)

    def on_validation_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self.mark("evaluated", module)

    def mark(self, name: str, module: lightning.LightningModule) -> None:
        # Within an epoch nothing waits for the device: its queue is full, so that steps begin as often as they end.
        if name != "step" and module.device.type == "cuda":
            torch.cuda.synchronize()
        self.marks.append((name, time.perf_counter()))


@dataclass(frozen=True)
class Times:
    """Seconds: of each epoch's steps and from step to step, in all epochs but the first; and of what is beside them."""

    epochs: list[float]
    steps: list[float]
    start: float = 0.0
    between: float = 0.0

    @property
    def step(self) -> float:
        return median(self.steps)


def ours(dataset: Dataset, options: argparse.Namespace) -> Times:
    """Train through the run's own loop."""
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
    starts = [when for name, when in clock.marks if name == "start"]
    first = next(when for name, when in clock.marks if name == "step")
    epochs, steps = [], []
    for start, end in zip(starts, [*starts[1:], math.inf], strict=True):
        marks = [when for name, when in clock.marks if name == "step" and start <= when < end]
        epochs.append(marks[-1] - start)
        steps.append(gaps([start, *marks]))
    return Times(epochs[1:], list(itertools.chain(*steps[1:])), first - begin, median(_beside(clock.marks)))


def _beside(marks: list[tuple[str, float]]) -> list[float]:
    """Return the seconds from the last step of each epoch to the start of the next, evaluation left out."""
    found, last, evaluation = [], 0.0, 0.0
    for name, when in marks:
        if name == "start" and last:
            found.append(when - last - evaluation)
        if name == "step":
            last, evaluation = when, 0.0
        if name in ("evaluating", "evaluated"):
            evaluation += when if name == "evaluated" else -when
    return found


def gaps(marks: list[float]) -> list[float]:
    """Return the seconds from each mark to the next."""
    return [later - earlier for earlier, later in itertools.pairwise(marks)]


def bare(dataset: Dataset, options: argparse.Namespace, device: str) -> Times:
    """Train in the plainest loop."""
    net = archbuilder.build("resnet20").to(device).to(memory_format=torch.channels_last)
    compile_net(net, options.compile)
    optimizer = torch.optim.SGD(decay_groups(net), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    source = BatchSource(
        dataset, "train", options.batch, train=True, augment=Augment(**LIGHT), device=device, channels_last=True
    )
    epochs, steps = [], []
    for _ in range(options.epochs):
        marks = [time.perf_counter()]
        for images, labels in source:
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                loss = functional.cross_entropy(net(images), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            marks.append(time.perf_counter())
        if device == "cuda":
            torch.cuda.synchronize()
        epochs.append(time.perf_counter() - marks[0])
        steps.append(gaps(marks))
    return Times(epochs[1:], list(itertools.chain(*steps[1:])))


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
    if options.epochs < 2:
        parser.error("--epochs: the first one is not counted; use 2 or more")
    if options.images < options.batch:
        parser.error(f"--images: a batch has {options.batch}; use as many or more, or a smaller --batch")
    device = "cuda" if options.trainer == "gpu" else "cpu"
    dataset = synthetic(options.images)
    pairs: list[tuple[Times, Times]] = []
    for round_ in range(options.rounds):
        # In turns, so that load on the machine meets both.
        if round_ % 2:
            plain = bare(dataset, options, device)
            whole = ours(dataset, options)
        else:
            whole = ours(dataset, options)
            plain = bare(dataset, options, device)
        pairs.append((whole, plain))
        print(
            f"ours {options.batch / whole.step:,.0f} img/s, bare loop {options.batch / plain.step:,.0f}: "
            f"{plain.step / whole.step:.3f} by steps, {median(plain.epochs) / median(whole.epochs):.3f} by epochs; "
            f"{whole.start:.2f} s to the first step, {1000 * whole.between:.0f} ms per epoch beside steps and "
            "evaluation",
            flush=True,
        )
    steps = [median(itertools.chain(*(pair[side].steps for pair in pairs))) for side in (0, 1)]
    print(
        f"all rounds: {steps[1] / steps[0]:.3f} by steps, "
        f"{median(median(b.epochs) / median(a.epochs) for a, b in pairs):.3f} by epochs"
    )


if __name__ == "__main__":
    main()
