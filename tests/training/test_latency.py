"""The latency of a network is that of one image, whatever the batch it was trained with."""

from __future__ import annotations

import torch

import archbuilder
from archbuilder.training.latency import latency


def test_a_network_of_more_layers_takes_longer() -> None:
    short, long = (
        latency(archbuilder.expand("resnet20", [f"model.stages.stage1.repeat={n}"]), torch.device("cpu"))
        for n in (1, 40)
    )
    assert 0 < short < long < 10
