"""What an ONNX file may hold before it is run: plain arithmetic on one tensor of images, of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbuilder.description import total_cost
from archbuilder.errors import PackageError
from archbuilder.graph import flatten
from archbuilder.zoo.onnx import INPUT, OUTPUT

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, TensorProto

    from archbuilder.graph import Graph

DOMAINS = ("", "ai.onnx")
OVERHEAD = 2**16
"""Bytes of a file for each layer beside its parameters; those of the shipped networks take less than a tenth."""
NODES = 16
"""So many operators may there be for each layer: at most 2.3 in those of the shipped networks, 6 in 8 bits."""
SPARE = 16
"""So many layers more than there are count for both."""
BATCH = 4
"""Images at once for which sizes are worked out."""
ROOM = 9
"""So many times the elements of the network's largest value may a value of the ONNX have: it has steps in between.

Adaptive pooling needs most: windows that overlap, of up to three times each side in all, lie beside one another.
"""
_NAMES = """Abs Add And AveragePool BatchNormalization Cast Clip Concat Constant Conv ConvTranspose DequantizeLinear Div
Elu Equal Erf Exp Expand Flatten Gather GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less LessOrEqual
Log MatMul Max MaxPool Min Mish Mul Neg Not Or Pad Pow PRelu QuantizeLinear Range Reciprocal ReduceMax ReduceMean
ReduceMin ReduceSum Relu Reshape Resize Selu Shape Sigmoid Sign Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub
Tanh Transpose Unsqueeze Where"""
OPERATORS = frozenset(_NAMES.split())
"""What the primitives become, and other plain arithmetic. Without branches, loops and random numbers."""


def check_rules(path: Path, graph: Graph) -> None:
    """Check an ONNX file against the network that it should be, without running it.

    One file, no functions and no graphs in graphs, only known operators of the standard, one input and one output
    of the network's shapes for any number of images, no more operators than its layers become, and no value larger than
    the network's own could need. Raises PackageError.
    """
    calls = len(flatten(graph).calls) + SPARE
    # Before it is read: a few bytes may become a node that takes a hundred.
    largest_file = 4 * total_cost(graph).params + OVERHEAD * calls
    if path.stat().st_size > largest_file:
        raise PackageError(f"{path}: larger than {largest_file:,} bytes, which is more than the network needs")
    model = _read(path)
    if len(model.graph.node) > NODES * calls:
        raise PackageError(f"{path}: has {len(model.graph.node):,} operators, more than the network's layers become")
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
        if any(attribute.HasField("sparse_tensor") or attribute.sparse_tensors for attribute in node.attribute):
            yield f"has a sparse tensor in '{node.op_type}'"
    for tensor in _tensors(model.graph):
        if tensor.external_data or tensor.data_location:
            yield f"'{tensor.name:.60}' lies in another file"
    if model.graph.sparse_initializer:
        yield "holds sparse tensors"
    shapes = (next(iter(graph.inputs.values())), graph.shapes[0])
    for values, name, shape in zip((model.graph.input, model.graph.output), (INPUT, OUTPUT), shapes, strict=True):
        if [_form(value) for value in values] != [(name, 1, shape)]:
            yield f"does not take '{INPUT}' and give '{OUTPUT}' of the network's shapes, as float32 alone"
        elif values[0].type.tensor_type.shape.dim[0].HasField("dim_value"):
            yield f"takes '{INPUT}' and gives '{OUTPUT}' of a fixed number of images"


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

    # What the file itself says of the values that it makes is no evidence.
    del model.graph.value_info[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = BATCH
    try:
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    except Exception as error:  # what the library raises is of its own
        raise PackageError(f"{path}: its shapes do not fit one another ({' '.join(str(error).split())})") from None
    known = {value.name: value.type.tensor_type for value in (*inferred.value_info, *inferred.output)}
    for node in model.graph.node:
        for name in filter(None, node.output):
            dims = known[name].shape.dim if name in known and known[name].HasField("shape") else None
            if dims is None or any(not side.HasField("dim_value") for side in dims):
                raise PackageError(f"{path}: nothing tells the size of the value '{name:.60}' of '{node.op_type}'")
            yield name, math.prod(side.dim_value for side in dims)
