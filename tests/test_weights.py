"""Weights are copied by order of execution, or not at all."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archbuilder
from archbuilder.weights import TransferError, executed, transfer

SOURCE = {
    "input": [3, 8, 8],
    "style": {"norm": "batch", "act": "relu"},
    "stages": {"a": {"block": "conv", "out": 4}, "b": {"block": "pointwise", "out": 5}},
    "head": {"drop": {"block": "dropout", "rate": 0.5}, "classifier": {"block": "linear", "out": 2}},
}


def reference(width: int = 4) -> nn.Sequential:
    """Return the same network by hand; its modules are named and listed in another way."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 5, 1, bias=False), nn.BatchNorm2d(5), nn.ReLU(),
        nn.Flatten(), nn.Dropout(), nn.Linear(5 * 64, 2),
    )  # fmt: skip


def test_the_model_computes_what_the_reference_computes() -> None:
    theirs, ours = reference(), archbuilder.build(SOURCE)
    for _ in range(3):
        theirs(torch.randn(4, 3, 8, 8))
    transfer(theirs, ours)
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(theirs.eval()(x), ours.eval()(x))


def test_neither_sides_state_nor_torchs_random_state_is_changed_by_looking() -> None:
    theirs = reference().eval()
    before = {name: tensor.clone() for name, tensor in theirs.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    executed(theirs, [torch.zeros(2, 3, 8, 8)])
    assert torch.equal(torch.rand(3), expected)
    assert not theirs.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in theirs.state_dict().items())


def test_the_first_difference_is_shown_from_both_sides_and_nothing_is_copied() -> None:
    ours = archbuilder.build(SOURCE)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    with pytest.raises(
        TransferError, match=r"number 1 .* 0 \(weight \[6, 3, 3, 3\]\).* stages\.a\.conv \(weight \[4, 3"
    ):
        transfer(reference(width=6), ours)
    with pytest.raises(TransferError, match="the reference has nothing more"):
        transfer(reference()[:6], ours)
    assert all(torch.equal(tensor, before[name]) for name, tensor in ours.state_dict().items())
