"""An ONNX file is run only where it is plain arithmetic of bounded size on the network's input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.graph import Graph
from archbuilder.zoo.onnx import to_onnx
from archbuilder.zoo.onnx_rules import check_rules

MODELS = [model for model in archbuilder.models() if "/" not in model] + ["imagenet/convnext_tiny"]


@pytest.fixture(scope="module")
def made() -> tuple[bytes, Graph]:
    net = archbuilder.build("plain", ["model.input=[3,8,8]"]).eval()
    return to_onnx(net), net.graph


def refused(made: tuple[bytes, Graph], folder: Path, edit: Callable[[ModelProto], object]) -> str:
    """Return why an edited file is refused."""
    model = onnx.load_model_from_string(made[0])
    edit(model)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(PackageError) as error:
        check_rules(path, made[1])
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value)


def first(model: ModelProto) -> NodeProto:
    node: NodeProto = model.graph.node[0]
    return node


def behind(model: ModelProto, *nodes: NodeProto) -> None:
    """Put nodes between the last one and the output."""
    model.graph.node[-1].output[0] = "before"
    model.graph.node.extend(nodes)


def constant(model: ModelProto, name: str, values: object) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(values), name))


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_what_is_exported_keeps_the_rules(model: str, tmp_path: Path) -> None:
    net = archbuilder.build(model).eval()
    (tmp_path / "model.onnx").write_bytes(to_onnx(net))
    check_rules(tmp_path / "model.onnx", net.graph)


def test_a_small_network_keeps_the_rules(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(made[0])
    check_rules(tmp_path / "model.onnx", made[1])


def test_what_is_no_onnx_is_told(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    for content in (b"", b"\xff" * 100, made[0][: len(made[0]) // 2]):
        (tmp_path / "model.onnx").write_bytes(content)
        with pytest.raises(PackageError, match=r"model\.onnx: "):
            check_rules(tmp_path / "model.onnx", made[1])


def test_operators_of_others_are_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    def own(model: ModelProto) -> None:
        first(model).domain = "com.somebody"
        model.opset_import.append(helper.make_opsetid("com.somebody", 1))

    assert "com.somebody" in refused(made, tmp_path, own)
    assert "com.other" in refused(
        made, tmp_path, lambda model: model.opset_import.append(helper.make_opsetid("com.other", 1))
    )
    assert "'RandomNormal'" in refused(made, tmp_path, lambda model: setattr(first(model), "op_type", "RandomNormal"))


def test_functions_loops_and_graphs_in_graphs_are_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    function = helper.make_function("", "Mine", ["x"], ["y"], [node], [helper.make_opsetid("", 20)])
    assert "more than one graph" in refused(made, tmp_path, lambda model: model.functions.append(function))
    inner = helper.make_attribute("body", GraphProto(name="inner"))
    assert "a graph inside" in refused(made, tmp_path, lambda model: first(model).attribute.append(inner))
    assert "'Loop'" in refused(made, tmp_path, lambda model: setattr(first(model), "op_type", "Loop"))


def test_tensors_in_other_files_are_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    def outside(tensor: TensorProto) -> None:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")

    assert "lies in another file" in refused(made, tmp_path, lambda model: outside(model.graph.initializer[0]))

    def hidden(model: ModelProto) -> None:
        attribute = AttributeProto(name="value", type=AttributeProto.TENSOR)
        outside(attribute.t)
        model.graph.node.append(NodeProto(op_type="Constant", output=["far"], attribute=[attribute]))

    assert "lies in another file" in refused(made, tmp_path, hidden)


def add_constant(model: ModelProto, attribute: AttributeProto) -> None:
    model.graph.node.append(NodeProto(op_type="Constant", output=["far"], attribute=[attribute]))


def test_sparse_tensors_are_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    """Their parts may lie in another file as well."""
    values = helper.make_tensor("values", TensorProto.FLOAT, [2], [1.0, 2.0])
    sparse = helper.make_sparse_tensor(values, helper.make_tensor("places", TensorProto.INT64, [2], [0, 1]), [10])
    for attribute in (
        AttributeProto(name="sparse_value", type=AttributeProto.SPARSE_TENSOR, sparse_tensor=sparse),
        AttributeProto(name="sparse_values", type=AttributeProto.SPARSE_TENSORS, sparse_tensors=[sparse]),
    ):
        add = partial(add_constant, attribute=attribute)
        assert "has a sparse tensor in 'Constant'" in refused(made, tmp_path, add)


def test_a_fixed_number_of_images_is_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    for values in ("input", "output"):

        def fix(model: ModelProto, values: str = values) -> None:
            getattr(model.graph, values)[0].type.tensor_type.shape.dim[0].dim_value = 4

        assert "of a fixed number of images" in refused(made, tmp_path, fix)


def test_pooling_behind_channels_that_lie_innermost_has_a_size(tmp_path: Path) -> None:
    head = {"pool": {"block": "global_pool"}, "classifier": {"block": "linear", "out": "classes"}}
    last = {"block": "pointwise", "out": 8, "via": "linear"}
    net = archbuilder.build({"input": [3, 8, 8], "classes": 4, "stages": {"last": last}, "head": head}).eval()
    (tmp_path / "model.onnx").write_bytes(to_onnx(net))
    check_rules(tmp_path / "model.onnx", net.graph)


def test_other_inputs_and_outputs_are_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    for edit in (
        lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 4096),
        lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING),
        lambda model: model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1])),
        lambda model: model.graph.output.pop(),
        lambda model: model.graph.input[0].type.tensor_type.ClearField("shape"),
    ):
        assert "does not take" in refused(made, tmp_path, edit)


def test_much_out_of_little_is_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    def larger(model: ModelProto) -> None:
        for name, value in (("columns", [0, 0, 0, 2**33]), ("start", [0]), ("end", [10]), ("axis", [1])):
            constant(model, name, value)
        behind(
            model,
            helper.make_node("Pad", ["before", "columns"], ["wide"]),
            helper.make_node("Slice", ["wide", "start", "end", "axis"], ["logits"]),
        )

    assert "more elements than" in refused(made, tmp_path, larger)


def sized_by_the_image(model: ModelProto, made: str, *nodes: NodeProto) -> None:
    """Put nodes behind the last one, for which `many` is a number that the image decides and `made` is what grows."""
    for name, number in (("zero", 0), ("one", 1), ("four", [4]), ("axis", [0])):
        constant(model, name, np.array(number, np.int64))
    behind(
        model,
        helper.make_node("ReduceMax", ["image"], ["largest"], keepdims=0),
        helper.make_node("Cast", ["largest"], ["many"], to=TensorProto.INT64),
        *nodes,
    )
    # What the file says of it is no evidence.
    model.graph.value_info.append(helper.make_tensor_value_info(made, TensorProto.INT64, [4]))


def test_sizes_that_nothing_tells_are_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    def counted(model: ModelProto) -> None:
        count = helper.make_node("Range", ["zero", "many", "one"], ["long"])
        sized_by_the_image(model, "long", count, helper.make_node("Identity", ["before"], ["logits"]))

    assert "nothing tells the size of the value 'long'" in refused(made, tmp_path, counted)

    def straight_into_the_output(model: ModelProto) -> None:
        sized_by_the_image(
            model,
            "sizes",
            helper.make_node("Unsqueeze", ["many", "axis"], ["wide"]),
            helper.make_node("Concat", ["four", "wide"], ["sizes"], axis=0),
            helper.make_node("Resize", ["before", "", "", "sizes"], ["logits"], mode="nearest"),
        )

    assert "nothing tells the size of the value 'logits'" in refused(made, tmp_path, straight_into_the_output)


def test_a_file_or_a_graph_larger_than_the_networks_is_refused(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(made[0] + b"\x3a\x80\x80\x80\x08" + b"\x0a\x00" * 2**23)  # empty nodes, 16 MiB of them
    with pytest.raises(PackageError, match=r"larger than .* bytes, which is more than the network needs"):
        check_rules(path, made[1])

    def many(model: ModelProto) -> None:
        model.graph.node.extend(helper.make_node("Relu", ["image"], [f"y{number}"]) for number in range(1000))

    assert "operators, more than the network's layers become" in refused(made, tmp_path, many)


def test_shapes_that_do_not_fit_are_told(made: tuple[bytes, Graph], tmp_path: Path) -> None:
    def misfit(model: ModelProto) -> None:
        constant(model, "odd", np.zeros((7, 7), np.float32))
        behind(model, helper.make_node("MatMul", ["before", "odd"], ["logits"]))

    assert "do not fit one another" in refused(made, tmp_path, misfit)
