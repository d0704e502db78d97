"""What an ONNX file may hold before it is run: plain arithmetic on one tensor of images, of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbuilder.errors import PackageError
from archbuilder.graph import flatten
from archbuilder.zoo.onnx import INPUT, OUTPUT

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

    from archbuilder.graph import Graph

DOMAINS = ("", "ai.onnx")
LARGEST_FILE = 2**31
"""In bytes: more than that one ONNX file cannot hold."""
BATCH = 4
"""Images at once for which sizes are worked out."""
ROOM = 4
"""So many times the elements of the network's largest value may a value of the ONNX have: it has steps in between."""
_NAMES = """Add AveragePool BatchNormalization Cast Clip Concat Constant Conv ConvTranspose DequantizeLinear Div Elu Erf
Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity
InstanceNormalization LayerNormalization LeakyRelu MatMul MaxPool Mish Mul Neg Pad QuantizeLinear Range ReduceMax
ReduceMean Relu Reshape Resize Shape Sigmoid Slice Softmax Softplus Split Sqrt Squeeze Sub Tanh Transpose Unsqueeze"""
OPERATORS = frozenset(_NAMES.split())
"""What the primitives become. Without branches, loops and random numbers."""


class UnboundedError(PackageError):
    """An ONNX file that keeps the rules, of which nothing tells how much memory it takes."""


def check_rules(path: Path, graph: Graph) -> None:
    """Check an ONNX file against the network that it should be, without running it.

    One file, no functions and no graphs in graphs, only known operators of the standard, one input and one output
    of the network's shapes, and no value larger than the network's own could need. Raises PackageError; UnboundedError
    where only the size of a value cannot be told.
    """
    if path.stat().st_size > LARGEST_FILE:
        raise PackageError(f"{path}: larger than {LARGEST_FILE:,} bytes")
    model = _read(path)
    for reason in _reasons(model, graph):
        raise PackageError(f"{path}: {reason}")
    largest = ROOM * BATCH * max(math.prod(shape) for shape in flatten(graph).shapes)
    for name, elements in _sizes(path, model):
        if elements > largest:
            raise PackageError(f"{path}: the value '{name:.60}' has more elements than any of the network's")


def _read(path: Path) -> ModelProto:
    import onnx

    try:
        return onnx.load(path, load_external_data=False)
    except Exception as error:  # what protobuf raises is of its own
        raise PackageError(f"{path}: cannot be read as ONNX ({error})") from None


def _reasons(model: ModelProto, graph: Graph) -> Iterator[str]:
    """Yield what is wrong with a model."""
    domains = {each.domain for each in model.opset_import} | {node.domain for node in model.graph.node}
    if not domains <= {*DOMAINS}:
        yield f"has operators of '{max(domains - {*DOMAINS}):.60}', which are none of the standard"
    if model.functions or model.training_info:
        yield "holds more than one graph"
    for node in model.graph.node:
        if node.op_type not in OPERATORS:
            yield f"has the operator '{node.op_type:.60}', which no primitive becomes"
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            yield f"has a graph inside '{node.op_type}'"
    for tensor in _tensors(model.graph):
        if tensor.external_data or tensor.data_location:
            yield f"'{tensor.name:.60}' lies in another file"
    if model.graph.sparse_initializer:
        yield "holds sparse tensors"
    shapes = (next(iter(graph.inputs.values())), graph.shapes[0])
    for values, name, shape in zip((model.graph.input, model.graph.output), (INPUT, OUTPUT), shapes, strict=True):
        if [_form(value) for value in values] != [(name, 1, shape)]:
            yield f"does not take '{INPUT}' and give '{OUTPUT}' of the network's shapes, as float32 alone"


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from [attribute.t, *attribute.tensors]


def _form(value: Any) -> tuple[str, int, tuple[int, ...]]:
    """Return name, type and shape of one image of an input or an output."""
    told = value.type.tensor_type
    return value.name, told.elem_type, tuple(side.dim_value for side in list(told.shape.dim)[1:])


def _sizes(path: Path, model: ModelProto) -> Iterable[tuple[str, int]]:
    """Return the elements of each value that the graph makes; weights aside, which are as large as the file says."""
    import onnx

    # What the file itself says of its inner values is no evidence.
    del model.graph.value_info[:]
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = BATCH
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    except Exception as error:  # what the library raises is of its own
        raise PackageError(f"{path}: its shapes do not fit one another ({' '.join(str(error).split())})") from None
    known = {value.name: value.type.tensor_type for value in (*inferred.value_info, *inferred.output)}
    for node in model.graph.node:
        for name in filter(None, node.output):
            dims = known[name].shape.dim if name in known and known[name].HasField("shape") else None
            if dims is None or any(not side.HasField("dim_value") for side in dims):
                raise UnboundedError(f"{path}: nothing tells the size of the value '{name:.60}' of '{node.op_type}'")
            yield name, math.prod(side.dim_value for side in dims)
