"""Kernels decay; norms, biases and scales do not."""

from __future__ import annotations

import pytest

import archbuilder
from archbuilder.training.weights import decay_groups


@pytest.mark.parametrize("model", ["plain", "mobilenet_small", "densenet_small"])
def test_every_parameter_is_in_one_group_and_only_kernels_decay(model: str) -> None:
    net = archbuilder.build(model)
    decaying, resting = decay_groups(net)
    assert len(decaying["params"]) + len(resting["params"]) == len(list(net.parameters()))
    names = {id(parameter): name for name, parameter in net.named_parameters()}
    assert {names[id(p)].rsplit(".", 2)[1] for p in decaying["params"]} <= {"conv", "linear"}
    assert all(names[id(p)].endswith(("norm.weight", ".bias")) for p in resting["params"])
    assert resting["weight_decay"] == 0
    assert "weight_decay" not in decaying
