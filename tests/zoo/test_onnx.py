"""The ONNX of a package: any number of pictures, norms folded, torch's answers, and nothing about the machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import archbuilder
from archbuilder.assemble import Block
from archbuilder.errors import PackageError
from archbuilder.zoo.golden import Golden
from archbuilder.zoo.onnx import check_onnx, run, session, to_onnx

BLOCKS = {
    "input": [3, 8, 8],
    "classes": 4,
    "style": {"norm": "batch", "act": "relu"},
    "stem": {"conv": {"block": "conv", "out": 8}},
    "stages": {"one": {"block": "conv", "out": 8}, "two": {"block": "pointwise", "out": 8, "via": "linear"}},
    "head": {"pool": {"block": "global_pool"}, "classifier": {"block": "linear", "out": "classes"}},
}


def lively(net: Block) -> Block:
    """Give a network's norms statistics of their own, as training does, and return it in evaluation mode."""
    [shape] = net.graph.inputs.values()
    for seed in range(3):
        net.train()(torch.randn(16, *shape, generator=torch.Generator().manual_seed(seed)))
    return net.eval()


def golden(net: Block) -> Golden:
    [shape] = net.graph.inputs.values()
    inputs = torch.randn(4, *shape, generator=torch.Generator().manual_seed(9))
    with torch.inference_mode():
        return Golden(torch.zeros(4, *shape, dtype=torch.uint8), inputs, net(inputs))


@pytest.fixture(scope="module")
def model(exported: Path) -> onnx.ModelProto:
    return onnx.load(exported / "model.onnx")


def test_it_is_one_file_of_one_set_of_operators_that_the_checker_takes(model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", 20)]
    assert not any(tensor.external_data for tensor in model.graph.initializer)


def test_it_takes_any_number_of_pictures(model: onnx.ModelProto) -> None:
    [image], [logits] = model.graph.input, model.graph.output
    shapes = [[dim.dim_param or dim.dim_value for dim in v.type.tensor_type.shape.dim] for v in (image, logits)]
    assert (image.name, logits.name, shapes) == ("image", "logits", [["batch", 3, 16, 16], ["batch", 10]])
    running = session(model.SerializeToString())
    for size in (1, 3, 2000):
        assert run(running, torch.zeros(size, 3, 16, 16)).shape == (size, 10)


def test_norms_are_folded_into_the_convolutions_before_them(model: onnx.ModelProto) -> None:
    kinds = {node.op_type for node in model.graph.node}
    assert "Conv" in kinds
    assert "BatchNormalization" not in kinds


def test_it_says_nothing_about_how_it_was_made(model: onnx.ModelProto) -> None:
    parts = (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.initializer)
    assert not any(part.metadata_props or part.doc_string for part in parts)
    assert (model.producer_name, model.producer_version) == ("archbuilder", archbuilder.__version__)


def test_weights_keep_the_names_of_their_layers(model: onnx.ModelProto) -> None:
    assert "stages.stage1.0.conv.weight" in {tensor.name for tensor in model.graph.initializer}


def test_it_answers_as_torch_does_at_several_batch_sizes_and_equal_networks_give_equal_bytes() -> None:
    net = lively(archbuilder.build(BLOCKS))
    made = to_onnx(net)
    assert check_onnx(made, net, golden(net)) < 1e-5
    assert to_onnx(net) == made


def test_auxiliary_heads_are_left_out() -> None:
    head = {"from": "stages.one", "block": "auxiliary_head", "classes": "classes", "weight": 0.3}
    net = lively(archbuilder.build({**BLOCKS, "outputs": {"aux": head}}))
    assert any(name.startswith("outputs.aux.") for name in net.state_dict())
    made = to_onnx(net)
    graph = onnx.load_model_from_string(made).graph
    assert [value.name for value in graph.output] == ["logits"]
    assert not [tensor.name for tensor in graph.initializer if "aux" in tensor.name]
    check_onnx(made, net, golden(net))


def test_other_answers_are_refused() -> None:
    net = lively(archbuilder.build(BLOCKS))
    made = to_onnx(net)
    known = golden(net)
    with pytest.raises(PackageError, match=r"with 4 pictures at once, .* differ from torch's by 0\.01"):
        check_onnx(made, net, Golden(known.pictures, known.inputs, known.logits + 0.01))
    with pytest.raises(PackageError, match=r"differ from torch's by inf"):
        check_onnx(made, net, Golden(known.pictures, known.inputs, known.logits * np.nan))
    other = lively(archbuilder.build(BLOCKS))
    with pytest.raises(PackageError, match="with 1 pictures at once"):
        check_onnx(made, other, known)


def test_operators_of_another_version_are_refused() -> None:
    net = lively(archbuilder.build(BLOCKS))
    model = onnx.load_model_from_string(to_onnx(net))
    model.opset_import[0].version = 19
    with pytest.raises(PackageError, match=r"\{'ai\.onnx': 19\}, not of ai\.onnx 20 alone"):
        check_onnx(model.SerializeToString(), net, golden(net))


class Svd(torch.nn.Module):
    """Of an operator that ONNX does not have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest: torch.Tensor = torch.linalg.svdvals(x.flatten(1)).max()
        return x + largest


class Deciding(torch.nn.Module):
    """Which way to go, its input decides."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (Svd, r"^model: torch cannot make ONNX of it: No ONNX function found for .*aten\._linalg_svd"),
        (Deciding, r"^model: torch cannot make ONNX of it: Could not guard on data-dependent expression"),
    ],
)
def test_what_cannot_become_onnx_is_told(module: type[torch.nn.Module], told: str) -> None:
    net = archbuilder.build(BLOCKS).eval()
    net.get_submodule("stages.two").conv = module()
    with pytest.raises(PackageError, match=told):
        to_onnx(net)


def test_what_onnxruntime_does_not_take_is_told() -> None:
    net = lively(archbuilder.build(BLOCKS))
    model = onnx.load_model_from_string(to_onnx(net))
    model.graph.node[0].op_type = "Nothing"
    with pytest.raises(PackageError, match=r"^model: onnxruntime cannot run it"):
        check_onnx(model.SerializeToString(), net, golden(net))
