"""Forward and backward of whole networks: time and peak memory as ratios to torchvision's, in the same run.

python -m benchmarks.step [--rounds N] [--batch N] [--side N] [--device cuda]

Time is the median over rounds of the ratio between two neighbouring steps. Memory is the most that torch's allocator
holds at once during one step, beyond weights and images.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import torch
import torchvision
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import archbuilder
from benchmarks.timing import alternating

NETWORKS = ("resnet50", "mobilenet_v2")


def step(net: nn.Module, images: Tensor) -> Callable[[], None]:
    """Return one step: the mean of the logits, its gradients."""

    def run() -> None:
        net.zero_grad(set_to_none=True)
        net(images).float().mean().backward()
        if images.device.type == "cuda":
            torch.cuda.synchronize()

    return run


def peak_bytes(net: nn.Module, images: Tensor) -> int:
    """Return how many bytes one step needs at most, weights and images aside."""
    net.zero_grad(set_to_none=True)
    run = step(net, images)
    if images.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    # torch counts no peak on the CPU, but its profiler sees every allocation.
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        run()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--side", type=int, default=96, help="height and width of the images")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    images = torch.rand(options.batch, 3, options.side, options.side, device=options.device)
    rows = [
        f"{'network':14} {'step':>9} {'torchvision':>12} {'ratio':>6} {'memory':>11} {'torchvision':>12} {'ratio':>6}"
    ]
    for name in NETWORKS:
        ours = archbuilder.build(f"imagenet/{name}").to(options.device)
        theirs = getattr(torchvision.models, name)().to(options.device)
        steps = step(ours, images), step(theirs, images)
        for warm_up in (*steps, *steps):
            warm_up()
        mine, peer, ratio = alternating(*steps, options.rounds)
        here, there = peak_bytes(ours, images), peak_bytes(theirs, images)
        rows.append(
            f"{name:14} {mine * 1e3:7.1f}ms {peer * 1e3:10.1f}ms {ratio:6.3f} "
            f"{here / 2**20:8.1f}MiB {there / 2**20:9.1f}MiB {here / there:6.3f}"
        )
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
