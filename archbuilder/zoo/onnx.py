"""A network as ONNX: one file that onnxruntime runs alone, checked against torch before anybody gets it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import archbuilder
from archbuilder.errors import PackageError
from archbuilder.zoo.golden import Golden, allowed, difference
from archbuilder.zoo.program import quiet, traced

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

    from archbuilder.assemble import Block

OPSET = 20
INPUT, OUTPUT = "image", "logits"
BATCHES = (1, 2, 7)
"""At which a file is tried: one, the example's own, and another."""
PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def check_installed() -> None:
    """Raise PackageError, with the command that helps, where what ONNX needs is not installed."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise PackageError(
            f"{' and '.join(missing)} not installed, without which there is no ONNX file and so no whole package; "
            'pip install "archbuilder[zoo]"'
        )


def to_onnx(net: Block) -> bytes:
    """Return a network in evaluation mode as ONNX, its norms folded into the convolutions before them.

    Takes `image` float32 [batch, C, H, W] and gives `logits` [batch, K]. Equal networks give equal bytes, which say
    nothing about the machine.
    """
    with quiet():
        program = torch.onnx.export(
            traced(net), (), input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET, verbose=False
        )
    if program is None:
        raise PackageError(f"{net.graph.name}: torch gave no ONNX")
    return plain(program.model_proto)


def plain(model: ModelProto) -> bytes:
    """Return a model's bytes without what only tells where, when and from which lines of code it was made."""
    del model.metadata_props[:]
    model.doc_string = ""
    model.producer_name, model.producer_version = "archbuilder", archbuilder.__version__
    _strip(model.graph)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    used = {node.domain for node in model.graph.node}
    needed = [each for each in model.opset_import if each.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(needed)
    return bytes(model.SerializeToString(deterministic=True))


def _strip(graph: GraphProto) -> None:
    """Take out notes, and the shapes of inner values, which name the batch as the tracer did."""
    del graph.value_info[:]
    graph.name = "network"
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""


def session(model: bytes | Path) -> Any:
    """Return an onnxruntime session on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run(running: Any, inputs: Tensor) -> npt.NDArray[Any]:
    """Return the logits [N, K] of a session to prepared pictures [N, C, H, W]."""
    [made] = running.run([OUTPUT], {INPUT: inputs.numpy()})
    return np.asarray(made)


def check_onnx(model: bytes, net: Block, golden: Golden) -> float:
    """Return how far onnxruntime's answers are from torch's, at most, at several batch sizes and to golden pictures.

    Raises PackageError where that is more than rounding, or the model is not what a package holds.
    """
    import onnx

    told = onnx.load_model_from_string(model)
    opsets = {each.domain or "ai.onnx": each.version for each in told.opset_import}
    if opsets != {"ai.onnx": OPSET}:
        raise PackageError(f"{net.graph.name}: its ONNX is of the operators {opsets}, not of ai.onnx {OPSET} alone")
    running = session(model)
    random = torch.Generator().manual_seed(0)
    cases = [(golden.inputs, golden.logits)]
    for size in BATCHES:
        inputs = torch.randn(size, *golden.inputs.shape[1:], generator=random)
        with torch.inference_mode():
            cases.append((inputs, net(inputs)))
    worst = 0.0
    for inputs, expected in cases:
        apart = difference(run(running, inputs), expected)
        if not apart <= allowed(expected):
            raise PackageError(
                f"{net.graph.name}: with {len(inputs)} pictures at once, onnxruntime's logits differ from torch's by "
                f"{apart:.2g}, which is more than rounding ({allowed(expected):.2g})"
            )
        worst = max(worst, apart)
    return worst
