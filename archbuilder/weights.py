"""Weights from elsewhere: copied from any module of the same structure, by order of execution."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from archbuilder.assemble import Block
from archbuilder.errors import ArchbuilderError


class TransferError(ArchbuilderError):
    """Two networks that differ in structure; the message shows the first difference, both sides."""


@dataclass(frozen=True)
class Holder:
    """A module that holds parameters or buffers of its own: its dotted path, and those tensors in order."""

    path: str
    tensors: tuple[tuple[str, Tensor], ...]

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in self.tensors)
        return f"{self.path or 'the network itself'} ({shapes})"


def transfer(reference: nn.Module, model: Block) -> None:
    """Copy the parameters and buffers of `reference` into `model`, matched by the order in which they are used.

    Both run once in training mode on a batch of two zeros of the model's own input shapes, so that auxiliary
    heads take part; neither's state is changed by that. No names are compared, so a network from anywhere will
    do as long as it is the same network. Raises TransferError at the first module that holds other shapes, with
    both sides' paths and shapes, and then copies nothing.
    """
    device = next(reference.parameters()).device
    inputs = [torch.zeros(2, *shape, device=device) for shape in model.graph.inputs.values()]
    given, wanted = executed(reference, inputs), executed(model.to(device), inputs)
    for place in range(max(len(given), len(wanted))):
        _check_pair(given[place : place + 1], wanted[place : place + 1], place)
    with torch.no_grad():
        for source, target in zip(given, wanted, strict=True):
            for (_, value), (_, into) in zip(source.tensors, target.tensors, strict=True):
                into.copy_(value.view_as(into))


def executed(net: nn.Module, inputs: list[Tensor]) -> list[Holder]:
    """Return the modules of `net` that hold tensors, in the order in which they finish when it runs on `inputs`."""
    order: list[Holder] = []
    hooks = []
    for path, module in net.named_modules():
        tensors = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        if tensors:
            hooks.append(module.register_forward_hook(_note(order, Holder(path, tensors))))
    try:
        with _state_kept(net), torch.no_grad():
            net.train()(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return order


def _note(order: list[Holder], holder: Holder):  # type: ignore[no-untyped-def]
    def hook(*_: object) -> None:
        if all(holder is not seen for seen in order):
            order.append(holder)

    return hook


@contextmanager
def _state_kept(net: nn.Module) -> Iterator[None]:
    """Put running statistics, modes and torch's random state back as they were."""
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    modes = {module: module.training for module in net.modules()}
    random = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(random)
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for name, buffer in net.named_buffers():
                buffer.copy_(buffers[name])


def _check_pair(given: list[Holder], wanted: list[Holder], place: int) -> None:
    """Raise TransferError unless both hold tensors of the same shapes, sides of length one aside."""
    if given and wanted and _shapes(given[0]) == _shapes(wanted[0]):
        return
    sides = [str(side[0]) if side else "nothing more" for side in (given, wanted)]
    raise TransferError(
        f"number {place + 1} in order of execution differs: the reference has {sides[0]}, the model {sides[1]}"
    )


def _shapes(holder: Holder) -> list[tuple[int, ...]]:
    # A 1x1 convolution and a fully connected layer hold the same numbers.
    return [tuple(tensor.shape[: max(1, tensor.dim() - _trailing_ones(tensor))]) for _, tensor in holder.tensors]


def _trailing_ones(tensor: Tensor) -> int:
    sides = list(tensor.shape)
    while sides and sides[-1] == 1:
        sides.pop()
    return tensor.dim() - len(sides)
