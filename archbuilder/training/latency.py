"""How long a network takes for one image alone."""

from __future__ import annotations

import time
from statistics import median

import torch

from archbuilder.assemble import assemble
from archbuilder.graph import Graph

WARM_UP = 5
MOST = 50
ENOUGH_SECONDS = 0.5


def latency(graph: Graph, device: torch.device) -> float:
    """Return the median seconds from one image [1, C, H, W] to its logits, in evaluation mode and 32 bits.

    Measured on a network of its own, since neither what the weights are nor how the trained one was compiled counts.
    """
    net = assemble(graph).eval().to(device)
    image = torch.rand(1, *next(iter(graph.inputs.values())), device=device)
    seconds: list[float] = []
    with torch.inference_mode():
        for _ in range(WARM_UP):
            net(image)
        while len(seconds) < MOST and sum(seconds) < ENOUGH_SECONDS:
            _wait(device)
            begin = time.perf_counter()
            net(image)
            _wait(device)
            seconds.append(time.perf_counter() - begin)
    return median(seconds)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
