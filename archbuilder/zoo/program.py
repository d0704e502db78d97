"""A network as a program of torch: what ONNX is made from, and a file for those who deploy with torch."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.export import Dim, ExportedProgram

if TYPE_CHECKING:
    from archbuilder.assemble import Block

# What the tracer knows of a value; the rest of its notes tells lines of code and where they lie.
_KEPT = ("val", "tensor_meta")


def traced(net: Block) -> ExportedProgram:
    """Return a network in evaluation mode as a program for batches of any size of [C, H, W]."""
    shape = next(iter(net.graph.inputs.values()))
    # Of one picture, torch would make a special case.
    example = torch.zeros(2, *shape)
    with quiet(), torch.no_grad():
        return torch.export.export(net, (example,), dynamic_shapes=({0: Dim("batch", min=1)},))


def to_pt2(net: Block) -> bytes:
    """Return a network in evaluation mode as `torch.export.load` reads it.

    Equal networks give equal bytes, which say nothing about the machine. Nothing here ever loads them: that may run
    what a file brings along.
    """
    program = traced(net)
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta = {key: value for key, value in node.meta.items() if key in _KEPT}
    file = io.BytesIO()
    with quiet():
        torch.export.save(program, file)
    return file.getvalue()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what torch says to its developers while it traces from those who only export."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
