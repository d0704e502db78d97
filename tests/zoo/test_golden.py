"""Golden answers: pictures, what they become, and the logits that they must give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.zoo.golden import allowed, difference, make_golden, read_golden
from archbuilder.zoo.onnx import run, session


def test_a_package_gives_its_golden_logits_in_torch_and_in_onnxruntime(package: Path) -> None:
    net = archbuilder.load(package)
    golden = read_golden(net, package / "golden.safetensors")
    assert golden.pictures.dtype == torch.uint8
    assert golden.pictures.shape == golden.inputs.shape == (4, 3, 16, 16)
    assert torch.equal(net.preprocess(golden.pictures), golden.inputs)
    with torch.inference_mode():
        assert torch.equal(net(golden.inputs), golden.logits)
    assert difference(run(session(package / "model.onnx"), golden.inputs), golden.logits) <= allowed(golden.logits)


def test_the_pictures_are_the_same_for_every_network_of_that_input_and_differ_from_one_another(package: Path) -> None:
    net = archbuilder.load(package)
    first, second = make_golden(net), make_golden(net)
    assert torch.equal(first.pictures, second.pictures)
    assert len({picture.numpy().tobytes() for picture in first.pictures}) == len(first.pictures)
    assert len({logits.numpy().tobytes() for logits in first.logits}) == len(first.logits)


def test_another_network_gives_others(package: Path) -> None:
    net = archbuilder.load(package)
    golden = read_golden(net, package / "golden.safetensors")
    with torch.inference_mode():
        for parameter in net.parameters():
            parameter.mul_(1.01)
        assert difference(net(golden.inputs), golden.logits) > allowed(golden.logits)


def test_other_names_shapes_or_types_are_refused(package: Path, tmp_path: Path) -> None:
    net = archbuilder.load(package)
    tensors = load_file(package / "golden.safetensors")
    path = tmp_path / "golden.safetensors"
    for changed, telling in (
        ({**tensors, "more": torch.zeros(1)}, "more"),
        ({"pictures": tensors["pictures"]}, "inputs"),
        ({**tensors, "logits": tensors["logits"][:, :9].contiguous()}, "shape"),
        ({**tensors, "inputs": tensors["inputs"].half()}, "dtype"),
    ):
        save_file(changed, path)
        with pytest.raises(PackageError, match=rf"golden\.safetensors: .*{telling}"):
            read_golden(net, path)


def test_what_is_no_number_or_of_another_shape_is_infinitely_far() -> None:
    assert difference([[1.0, 2.0]], [[1.0, 2.5]]) == 0.5
    assert difference([[np.nan]], [[1.0]]) == difference([[1.0]], [[np.inf]]) == difference([1.0], [[1.0]]) == np.inf
