"""Images per second with and without a 1x1 that reduces before each 3x3: the networks of docs/results/reduction.

python -m benchmarks.reduction [--device cpu|cuda] [--batch N] [--rounds N] [--seconds S]

Three networks of one depth take turns: `resnet_bottleneck` as wide as 100k parameters allow, whose 3x3s see a quarter
of the channels; the same without reduction, as wide; and without reduction within 100k parameters. Told are medians
over rounds of images per second, forward with the loss, and forward and backward, with ratios to the first.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from torch.nn import functional

import archbuilder

_BARE = [f"model.stages.stage{number}.ratio=1" for number in (1, 2, 3)]
NETWORKS = {
    "reduced": ["model.budget.params=100k"],
    "unreduced_as_wide": ["model.scale.width=0.66", *_BARE],
    "unreduced_within_100k": ["model.budget.params=100k", *_BARE],
}


def steps(net: Any, images: torch.Tensor, train: bool) -> Callable[[], None]:
    """Return what runs one batch [N, C, H, W] through `net`, and back where it trains, in bfloat16 on a GPU."""
    net.train(train)
    labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    half = torch.autocast("cuda", torch.bfloat16, enabled=images.device.type == "cuda")

    def step() -> None:
        with torch.set_grad_enabled(train), half:
            out = net(images)
            loss = functional.cross_entropy(out, labels)
        if train:
            net.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]

    return step


def rate(step: Callable[[], None], batch: int, device: str, seconds: float) -> float:
    """Return images per second over about so many seconds, and one block at least; a first step is not counted."""
    # In blocks, so that a GPU's queue is full.
    block = 20 if device == "cuda" else 1
    step()
    _finish(device)
    begin, done = time.perf_counter(), 0
    while not done or time.perf_counter() - begin < seconds:
        for _ in range(block):
            step()
        _finish(device)
        done += batch * block
    return done / (time.perf_counter() - begin)


def _finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    if options.batch < 1 or options.rounds < 1:
        parser.error("--batch, --rounds: nothing would be measured; use at least 1")
    images = torch.randn(options.batch, 3, 32, 32, device=options.device).to(memory_format=torch.channels_last)
    nets, costs = {}, {}
    for name, words in NETWORKS.items():
        costs[name] = archbuilder.describe("resnet_bottleneck", words)
        net = archbuilder.build("resnet_bottleneck", overrides=words)
        nets[name] = net.to(options.device).to(memory_format=torch.channels_last)
    found: dict[tuple[str, bool], list[float]] = {(name, train): [] for name in nets for train in (False, True)}
    for _ in range(options.rounds):
        for (name, train), rates in found.items():
            step = steps(nets[name], images, train)
            rates.append(rate(step, options.batch, options.device, options.seconds))
    print(f"{_machine(options.device)}, torch {torch.__version__}, batches of {options.batch}, {options.rounds} rounds")
    print("| network | params | MACs | forward img/s | ratio | with backward img/s | ratio |")
    print("| :--- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, cost in costs.items():
        cells = []
        for train in (False, True):
            own, first = median(found[name, train]), median(found["reduced", train])
            cells += [f"{own:,.0f}", f"{own / first:.2f}"]
        print(f"| {name} | {cost.params:,} | {cost.macs:,} | {' | '.join(cells)} |")


def _machine(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else f"CPU, {torch.get_num_threads()} threads"


if __name__ == "__main__":
    main()
