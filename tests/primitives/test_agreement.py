"""What a primitive says about itself and what its module does: parameters, shapes, MACs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archbuilder.api import build, describe, expand
from archbuilder.errors import ConfigError
from archbuilder.primitives import REGISTRY
from tests.primitives.cases import CASES, ONE, SEVERAL, behind_flatten, layer, single, tensors


def test_every_primitive_has_cases() -> None:
    missing = set(REGISTRY) - {*ONE, *SEVERAL}
    assert not missing, f"give {', '.join(sorted(missing))} arguments in ONE or SEVERAL of tests/primitives/cases.py"
    gone = {*ONE, *SEVERAL} - set(REGISTRY)
    assert not gone, f"take {', '.join(sorted(gone))} out of tests/primitives/cases.py: there is no such primitive"


@pytest.mark.parametrize(("op", "arguments", "shapes"), CASES, ids=[f"{op}-{arguments}" for op, arguments, _ in CASES])
def test_parameters_shapes_and_macs(op: str, arguments: dict[str, Any], shapes: list[tuple[int, int, int]]) -> None:
    source = single(op, arguments, shapes)
    network, description = build(source), describe(source)
    assert sum(p.numel() for p in network.parameters()) == description.params

    graph = network.graph
    predicted = graph.nodes[0].shapes
    for training in (True, False):
        network.train(training)
        with FlopCounterMode(display=False) as counter:
            made = network.get_submodule("stages.layer")(*tensors(shapes))
        made = made if isinstance(made, tuple) else (made,)
        assert [tuple(value.shape) for value in made] == [(2, *shape) for shape in predicted]
        assert counter.get_total_flops() == 2 * 2 * description.macs  # two images, two operations each
        assert network(*tensors(shapes)).shape == (2, *graph.shapes[0])


@pytest.mark.parametrize("op", ["conv", "pointwise", "reduce", "expand", "linear", "fuse"])
def test_what_multiplies_has_macs(op: str) -> None:
    assert describe(single(op, {"out": 8})).macs > 0


@given(
    size=st.integers(1, 14),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 4),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_sizes_behind_a_convolution_are_torchs(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    arguments = {"out": 1, "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    reference = nn.Conv2d(1, 1, kernel, stride, padding, dilation)
    _agrees(single("conv", arguments, [(1, size, size + 1)]), reference, (1, size, size + 1))


@given(
    size=st.integers(1, 14),
    kernel=st.integers(1, 6),
    stride=st.integers(1, 5),
    padding=st.integers(0, 3),
    ceil=st.booleans(),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_sizes_and_values_behind_a_pool_are_torchs(
    size: int, kernel: int, stride: int, padding: int, ceil: bool
) -> None:
    arguments = {"kernel": kernel, "stride": stride, "padding": padding, "ceil": ceil}
    for op, reference in (
        ("max_pool", nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)),
        ("avg_pool", nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil)),
    ):
        shape = (1, size, size + 1)
        source = single(op, arguments, [shape])
        if _agrees(source, reference, shape):
            torch.testing.assert_close(build(source)(*tensors([shape])), reference(*tensors([shape])))


def _agrees(source: dict[str, Any], reference: nn.Module, shape: tuple[int, int, int]) -> bool:
    """Check that a model of one layer is refused exactly where torch refuses, and has torch's shape otherwise.

    Returns whether it is taken.
    """
    predicted: tuple[int, ...] | None
    actual: tuple[int, ...] | None
    try:
        predicted = expand(source).shapes[0]
    except ConfigError:
        predicted = None
    try:
        actual = tuple(reference(torch.zeros(2, *shape)).shape[1:])
    except RuntimeError:
        actual = None
    assert predicted == actual
    return predicted is not None


@pytest.mark.parametrize("op", sorted(ONE))
def test_a_flattened_input_is_taken_or_refused(op: str) -> None:
    for arguments in ONE[op]:
        told = behind_flatten(op, arguments)
        assert told is None or "flattened to [8]" in told or "add up" in told


def test_weights_are_drawn_from_torchs_random_state() -> None:
    torch.manual_seed(3)
    first = layer("conv", {"out": 6}).state_dict()
    torch.manual_seed(3)
    second = layer("conv", {"out": 6}).state_dict()
    third = layer("conv", {"out": 6}).state_dict()
    assert torch.equal(first["conv.weight"], second["conv.weight"])
    assert not torch.equal(first["conv.weight"], third["conv.weight"])
