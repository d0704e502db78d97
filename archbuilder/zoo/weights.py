"""Weights as safetensors: names, shapes and numbers, nothing that runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archbuilder.errors import PackageError
from archbuilder.files import write_bytes
from archbuilder.zoo.files import parse_json

TYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""How safetensors calls torch's types."""
ROOM = 300
"""Bytes of a safetensors header for all that it tells of one tensor, its name aside."""


def write_weights(net: nn.Module, path: Path) -> None:
    """Write the parameters and buffers of `net` to a safetensors file, atomically.

    Raises PackageError for a tensor of a type that a package does not hold.
    """
    from safetensors.torch import save

    _told(net, path)
    # safetensors keeps no strides and no memory that tensors share: each has to be laid out plainly and alone first.
    plain = torch.contiguous_format
    tensors = {name: tensor.detach().cpu().clone(memory_format=plain) for name, tensor in net.state_dict().items()}
    write_bytes(path, save(tensors))


def read_tensors(path: Path, wanted: Mapping[str, tuple[str, list[int]]]) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file that must hold exactly these types and shapes by name.

    That is checked before any tensor is read, and then that all numbers are finite. Raises PackageError, naming the
    file and the first tensor that does not fit.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    check_header(path, wanted)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise PackageError(f"{path}: cannot be read as safetensors ({error})") from None
    for name, tensor in tensors.items():
        # A sum that is finite has no other terms, and takes no memory; one that is not may have overflowed.
        if tensor.is_floating_point() and not tensor.sum().isfinite() and not tensor.isfinite().all():
            raise PackageError(f"{path}: '{name}' holds a number that is not finite")
    return tensors


def read_weights(net: nn.Module, path: Path) -> None:
    """Load a safetensors file into `net`, which must have exactly these names, shapes and types, all numbers finite.

    `net` may have been made on torch's `meta` device: it gets the file's tensors as its own. Raises PackageError as
    `read_tensors` does.
    """
    tensors = read_tensors(path, _told(net, path))
    # In memory of torch's own: kernels round otherwise where a tensor lies at an odd place, as it may in a file.
    net.load_state_dict({name: tensor.clone() for name, tensor in tensors.items()}, strict=True, assign=True)


def _told(net: nn.Module, path: Path) -> dict[str, tuple[str, list[int]]]:
    """Return type and shape of each tensor of `net` by name, as safetensors tells them."""
    for name, tensor in net.state_dict().items():
        if tensor.dtype not in TYPES:
            raise PackageError(f"{path}: '{name}' is of {tensor.dtype}, which no package holds")
    return {name: (TYPES[tensor.dtype], list(tensor.shape)) for name, tensor in net.state_dict().items()}


def check_header(path: Path, wanted: Mapping[str, tuple[str, list[int]]]) -> None:
    """Check what a safetensors file says that it holds: type and shape by name, one tensor behind the other.

    The library takes the last of several tensors of one name, and any name; this does not. Raises PackageError.
    """
    header = _header(path, sum(len(name) + ROOM for name in wanted) + ROOM)
    for name in sorted({*wanted, *header}):
        if name not in header:
            raise PackageError(f"{path}: the architecture has '{name}', which is missing here")
        if name not in wanted:
            raise PackageError(f"{path}: holds '{name}', which the architecture does not have")
        told = header[name]
        if not isinstance(told, dict) or set(told) != {"dtype", "shape", "data_offsets"}:
            raise PackageError(f"{path}: does not tell type, shape and place of '{name}'")
        for what, want in zip(("dtype", "shape"), wanted[name], strict=True):
            if told[what] != want:
                raise PackageError(
                    f"{path}: '{name}' has the {what} {told[what]!r:.60}, but the architecture wants {want}"
                )


def _header(path: Path, largest: int) -> dict[str, Any]:
    """Return the header of a safetensors file, which is JSON behind its length in eight bytes, `largest` at most."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= size - 8:
                raise PackageError(f"{path}: is no safetensors file: its header cannot be {length:,} bytes long")
            if length > largest:
                raise PackageError(f"{path}: its header of {length:,} bytes tells of more than the architecture has")
            text = file.read(length).decode()
    except (OSError, ValueError) as error:
        raise PackageError(f"{path}: cannot be read as safetensors ({error})") from None
    header = parse_json(text, path)
    if not isinstance(header, dict):
        raise PackageError(f"{path}: is no safetensors file: its header is no mapping")
    return header
