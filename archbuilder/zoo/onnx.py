"""A network as ONNX: one file that onnxruntime runs alone, checked against torch before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.export import ExportedProgram

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
    try:
        program = traced(net)
        _as_means(program)
        _without_idle_ceil(program)
        with quiet():
            made = torch.onnx.export(
                program, (), input_names=[INPUT], output_names=[OUTPUT], opset_version=OPSET, verbose=False
            )
        if made is None:
            raise PackageError(f"{net.graph.name}: torch gave no ONNX")
        return plain(made.model_proto)
    except PackageError:
        raise
    except Exception as error:  # tracer, exporter and protobuf raise what is of their own
        raise PackageError(f"{net.graph.name}: torch cannot make ONNX of it: {_cause(error)}") from None


def _cause(error: BaseException) -> str:
    """Return what went wrong first, such as the operator that ONNX lacks, without what helps torch's developers."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split("\n\n")[0].split()) or type(error).__name__


def _as_means(program: ExportedProgram) -> None:
    """Write pooling over a whole map as the mean that it is.

    torch does so itself, but for maps whose channels lie innermost adds a change of strides, of which ONNX has none:
    it would become indices, as many as nothing tells.
    """
    aten = torch.ops.aten
    for node in program.graph.nodes:
        if node.target is aten.adaptive_avg_pool2d.default and list(node.args[1]) == [1, 1]:
            node.target, node.args = aten.mean.dim, (node.args[0], [-1, -2], True)


def _without_idle_ceil(program: ExportedProgram) -> None:
    """Round sizes of pools down where rounding up gives the same: there onnx counts a window more than torch does."""
    aten = torch.ops.aten
    places = {aten.max_pool2d.default: 5, aten.avg_pool2d.default: 4}
    for node in program.graph.nodes:
        place = places.get(node.target)
        if place is None or len(node.args) <= place or not node.args[place]:
            continue
        kernel, stride, padding = node.args[1], node.args[2] or node.args[1], node.args[3]
        sides, made = (list(each.meta["val"].shape[-2:]) for each in (node.args[0], node))
        # No padding is told as an empty list or as one number for both sides.
        both = [(list(each) * 2)[:2] or [0, 0] for each in (kernel, stride, padding)]
        down = [(side + 2 * p - k) // s + 1 for side, k, s, p in zip(sides, *both, strict=True)]
        if down == made:
            node.args = (*node.args[:place], False, *node.args[place + 1 :])


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


def answers(model: bytes | Path, batches: Iterable[Tensor], name: str) -> list[npt.NDArray[Any]]:
    """Return onnxruntime's logits [N, K] to each batch; raises PackageError telling of `name` where it cannot run."""
    try:
        running = session(model)
        return [run(running, inputs) for inputs in batches]
    except Exception as error:  # what onnxruntime raises is of its own
        raise PackageError(f"{name}: onnxruntime cannot run it ({' '.join(str(error).split())})") from None


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
    """Return how far onnxruntime's answers are from torch's, as `compare` does, to the same pictures each time.

    Raises PackageError where that is more than rounding, or the model is not what a package holds.
    """
    import onnx

    told = onnx.load_model_from_string(model)
    opsets = {each.domain or "ai.onnx": each.version for each in told.opset_import}
    if opsets != {"ai.onnx": OPSET}:
        raise PackageError(f"{net.graph.name}: its ONNX is of the operators {opsets}, not of ai.onnx {OPSET} alone")
    return compare(model, net, golden, random_batches(golden, torch.Generator().manual_seed(0)), net.graph.name)


def random_batches(golden: Golden, random: torch.Generator) -> list[Tensor]:
    """Return prepared pictures of pure noise, like the golden ones in shape, at several batch sizes."""
    return [torch.randn(size, *golden.inputs.shape[1:], generator=random) for size in BATCHES]


def compare(model: bytes | Path, net: Block, golden: Golden, batches: Sequence[Tensor], name: str) -> float:
    """Return how far onnxruntime's logits are at most: from the golden ones, and from torch's to other pictures.

    Raises PackageError telling of `name` where that is more than rounding.
    """
    with torch.inference_mode():
        expected = [golden.logits, *(net(inputs) for inputs in batches)]
    worst = 0.0
    for made, wanted in zip(answers(model, [golden.inputs, *batches], name), expected, strict=True):
        apart = difference(made, wanted)
        if not apart <= allowed(wanted):
            raise PackageError(
                f"{name}: with {len(wanted)} pictures at once, onnxruntime's logits differ from torch's by "
                f"{apart:.2g}, which is more than rounding ({allowed(wanted):.2g})"
            )
        worst = max(worst, apart)
    return worst
