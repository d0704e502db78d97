"""Weights come back as they were written, whatever tensors a network has."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from archbuilder.errors import PackageError
from archbuilder.zoo.weights import read_weights, write_weights

KINDS = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)


class Buffer(nn.Module):
    """As a primitive of another package may have it."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.register_buffer("kept", torch.ones(2, 3).to(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_of_any_type_come_back(tmp_path: Path, kind: torch.dtype) -> None:
    write_weights(Buffer(kind), tmp_path / "weights")
    with torch.device("meta"):
        net = Buffer(kind)
    read_weights(net, tmp_path / "weights")
    assert torch.equal(net.state_dict()["kept"], torch.ones(2, 3).to(kind))


def test_a_type_that_a_package_does_not_hold_is_told_with_its_name(tmp_path: Path) -> None:
    net = Buffer(torch.complex64)
    with pytest.raises(PackageError, match=r"weights: 'kept' is of torch\.complex64, which no package holds"):
        write_weights(net, tmp_path / "weights")
    assert not (tmp_path / "weights").exists()
    write_weights(Buffer(torch.float32), tmp_path / "weights")
    with pytest.raises(PackageError, match="which no package holds"):
        read_weights(net, tmp_path / "weights")


def test_tensors_that_several_layers_share_come_back_in_each(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    write_weights(net, tmp_path / "weights")
    other = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    read_weights(other, tmp_path / "weights")
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in net.state_dict().items())
